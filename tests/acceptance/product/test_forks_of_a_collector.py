"""Where every worker would have to collect everything, one does, and the others are forks of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from rigs.suites import Suite

WHOLE = "def pytest_collection_modifyitems(items): items.reverse()\n"
TOLD = """
import os, sys, time
import pytest

with open({imports!r}, "a") as file:
    file.write("import\\n")
time.sleep(0.3)  # long enough to be worth a fork

def speak(n, worker_id, tmp_path, request):
    print(f"out {{n}}")
    print(f"err {{n}}", file=sys.stderr)
    os.write(1, f"raw {{n}}\\n".encode())
    assert os.environ.get("PYTEST_XDIST_WORKER", "master") == worker_id
    assert getattr(request.config, "workerinput", {{"workerid": "master"}})["workerid"] == worker_id
    assert worker_id in str(tmp_path) or worker_id == "master"
    time.sleep(0.1)
    with open({runs!r}, "a") as file:
        file.write(f"{{worker_id}} {{os.getpid()}}\\n")
    assert n % 2

def test_speaks_0(worker_id, tmp_path, request): speak(0, worker_id, tmp_path, request)
def test_speaks_1(worker_id, tmp_path, request): speak(1, worker_id, tmp_path, request)
def test_speaks_2(worker_id, tmp_path, request): speak(2, worker_id, tmp_path, request)
def test_speaks_3(worker_id, tmp_path, request): speak(3, worker_id, tmp_path, request)
def test_speaks_4(worker_id, tmp_path, request): speak(4, worker_id, tmp_path, request)
def test_speaks_5(worker_id, tmp_path, request): speak(5, worker_id, tmp_path, request)

def test_reads_what_it_wrote(capfd):
    time.sleep(0.1)
    os.write(2, b"mine")
    assert capfd.readouterr().err == "mine"
"""


@pytest.fixture
def suite(tmp_path: Path):
    """Return a function that makes a suite which tells of imports and runs."""

    def make(files: dict[str, str], body: str = "") -> Suite:
        told = TOLD.format(imports=str(tmp_path / "imports"), runs=str(tmp_path / "runs"))
        return Suite(tmp_path / "suite", files={"test_one.py": told + body, **files})

    return make


def lines(path: Path) -> list[str]:
    """Return the lines of a file and remove it."""
    text = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return text


@pytest.mark.parametrize("files", [{}, {"conftest.py": WHOLE}], ids=["one file", "a hook for the whole list"])
def test_one_import_serves_all_workers(suite, tmp_path: Path, files: dict[str, str]):
    """Each fork has its name, its directory and its own captured output; outcomes are plain pytest's."""
    made = suite(files)
    plain = made.plain()
    lines(tmp_path / "imports"), lines(tmp_path / "runs")

    # by default the worker that waits has imported the file, too, before it is replaced
    ours = made.distributed(*(() if files else ("--hw-collect", "sharded")), workers=3)

    assert (plain.outcomes, plain.exit_code) == (ours.outcomes, ours.exit_code), ours.output
    assert ["import"] == lines(tmp_path / "imports")
    runs = [line.split() for line in lines(tmp_path / "runs")]
    assert len({worker for worker, _ in runs}) == len({pid for _, pid in runs}) > 1
    for n in range(0, 6, 2):
        report = ours.output.partition(f" test_speaks_{n} ___")[2].lstrip("_").partition("________")[0]
        said = [line for line in report.splitlines() if line.startswith(("out ", "err ", "raw "))]
        assert {f"out {n}", f"err {n}", f"raw {n}"} == set(said), ours.output


@pytest.mark.parametrize(
    ("conftest", "why"),
    [
        pytest.param("import os; NAME = os.environ.get('PYTEST_XDIST_WORKER')", "name", id="asked for its name"),
        pytest.param("def pytest_configure(config): config.workerinput['workerid']", "name", id="read its input"),
        pytest.param("import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
                     "thread", id="a thread"),
        pytest.param("import subprocess; CHILD = subprocess.Popen(['sleep', '9'])\n"
                     "def pytest_unconfigure(): CHILD.kill(); CHILD.wait()", "process", id="a process"),
        pytest.param("import socket; S = socket.socket()", "socket", id="a socket"),
        pytest.param("def pytest_sessionfinish(): pass", "hook", id="a hook at the end"),
    ],
)  # fmt: skip
def test_what_forks_would_share_by_mistake_is_collected_by_each(suite, tmp_path: Path, conftest: str, why: str):
    """Whatever stands against a fork, nobody notices but the clock."""
    if why == "name":
        conftest = conftest.replace("config.workerinput", "getattr(config, 'workerinput', {'workerid': 0})")
    made = suite({"conftest.py": f"{WHOLE}{conftest}\n"})
    plain = made.plain("-W", "ignore")
    lines(tmp_path / "imports"), lines(tmp_path / "runs")

    ours = made.distributed("-W", "ignore", workers=2)

    assert (plain.outcomes, plain.exit_code) == (ours.outcomes, ours.exit_code), ours.output
    assert ["import", "import"] == lines(tmp_path / "imports")


def test_a_fork_that_dies_is_replaced_by_another(suite, tmp_path: Path):
    """Crashes of the first and of later forks: one crashed result each, and no second import."""
    deadly = """
@pytest.mark.parametrize("n", range(4))
def test_dies(n): os._exit(3)
"""
    made = suite({}, deadly)

    ours = made.distributed("--hw-collect", "sharded", "--hw-crash-reruns=0", workers=2)

    words = Counter(" ".join(told) for told in ours.outcomes.values())
    assert {"passed": 4, "failed": 7} == words, ours.output
    assert ["import"] == lines(tmp_path / "imports")


def test_what_is_to_happen_at_the_end_of_the_process_happens_once(suite, tmp_path: Path):
    """A module that removes its directory at exit must not have that done by the first fork that ends."""
    shared = f"""
import atexit, tempfile
DIRECTORY = tempfile.mkdtemp(dir={str(tmp_path)!r})
def gone():
    with open({str(tmp_path / "ends")!r}, "a") as file: file.write("end\\n")
    os.rmdir(DIRECTORY)
atexit.register(gone)

@pytest.mark.parametrize("n", range(6))
def test_is_there(n):
    time.sleep(0.05 * n)
    assert os.path.isdir(DIRECTORY)
"""
    made = suite({}, shared)

    ours = made.distributed("-k", "is_there", "--hw-collect", "sharded", workers=2)

    assert 0 == ours.exit_code, ours.output
    assert ["end"] == lines(tmp_path / "ends")
