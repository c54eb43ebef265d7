"""Real agents on this machine, with a GPU that a lab's own probe finds: leases between runs, and fresh processes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rigs.suites import Suite

from pytest_disttest.worker.leases import Leases, Terms, Wanted, read_leases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases as on Linux")

PROBE = """
from pytest_disttest.worker.probes.finding import Finding, device

def probe(place):
    facts = {"gpu.vendor": "10de", "gpu.kind": "discrete", "gpu.memory": 1 << 33}
    found = tuple(device("gpu", f"GPU-lab-{number}", facts=facts) for number in range(GPUS))
    return Finding("lab", level="usable", source="the lab", devices=found)
"""
METADATA = "Metadata-Version: 2.1\nName: lab\nVersion: 1\n"
ENTRY_POINT = "[pytest_disttest.probes]\ngpu.lab = lab_probe:probe\n"

ONE_AT_A_TIME = """
import os, time
import pytest

@pytest.mark.parametrize("number", range(6))
@pytest.mark.hw(gpu=1)
def test_one_at_a_time(number, hw_grant):
    device, = hw_grant.devices
    assert os.environ["CUDA_VISIBLE_DEVICES"] == device.id
    held = os.path.join(os.environ["PLACE"], "held")
    os.close(os.open(held, os.O_CREAT | os.O_EXCL))
    time.sleep(0.05)
    os.unlink(held)
"""

# PyTorch stands in for itself: what matters is whether it says that CUDA is initialised, and what it saw then.
STARTS_CUDA = """
import os, sys, types
import pytest

@pytest.mark.parametrize("number", range(6))
@pytest.mark.hw(gpu=1)
def test_cuda(number, hw_grant):
    if "torch" not in sys.modules:
        seen = os.environ["CUDA_VISIBLE_DEVICES"]
        cuda = types.SimpleNamespace(is_initialized=lambda: True, seen=seen)
        sys.modules["torch"] = types.SimpleNamespace(cuda=cuda)
    assert [sys.modules["torch"].cuda.seen] == [device.id for device in hw_grant.devices]

@pytest.mark.hw("gpu.count >= 2")
def test_both(hw_grant):
    assert "torch" not in sys.modules
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-lab-0,GPU-lab-1"
"""

# pytest-cov brings home what each worker measured in this way.
CONFTEST = """
def pytest_testnodedown(node, error):
    with open(node.config.rootpath / "parted", "a") as parted:
        print("with-its-output" if hasattr(node, "workeroutput") else "without", file=parted)
"""

MakeSuite = Callable[..., Suite]


@pytest.fixture
def suite(tmp_path: Path) -> MakeSuite:
    """Return a function that makes a suite on a machine with so many GPUs; all share the machine's leases."""

    def make(name: str, text: str, gpus: int = 1) -> Suite:
        files = {
            "test_it.py": text,
            "lab_probe.py": PROBE.replace("GPUS", str(gpus)),
            "lab-1.dist-info/METADATA": METADATA,
            "lab-1.dist-info/entry_points.txt": ENTRY_POINT,
        }
        place = {"DISTTEST_LEASES": str(tmp_path / "leases"), "XDG_CACHE_HOME": str(tmp_path / f"cache-{name}")}
        return Suite(tmp_path / name, files=files, environment={**place, "PLACE": str(tmp_path), "COLUMNS": "160"})

    return make


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_two_runs_on_one_machine_never_use_a_device_at_once(suite: MakeSuite, tmp_path: Path, start: str):
    """Each of their tests finds the device free, and all of them run; afterwards nobody holds it."""
    suites = [suite(name, ONE_AT_A_TIME) for name in ("one", "two")]
    started = [each.start("--dist-hw", "--hw-workers=2", f"--hw-start={start}") for each in suites]

    ran = [each.end(process) for each, process in zip(suites, started, strict=True)]

    assert [[["passed"]] * 6] * 2 == [[list(words) for words in each.outcomes.values()] for each in ran], ran
    assert [] == read_leases(tmp_path / "leases")


def test_a_test_waits_for_a_device_that_somebody_holds(suite: MakeSuite, tmp_path: Path):
    """The user hears who has it; as soon as it is free the test runs."""
    mine = Leases(Terms("bob@bench", "another run"), tmp_path / "leases")
    assert "" == mine.take([Wanted("gpu", "GPU-lab-0")], "bob's test")
    one = suite("one", ONE_AT_A_TIME)
    process = one.start("--dist-hw", "--hw-workers=1")
    said = ""
    assert process.stdout is not None
    while "waits on host" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    mine.give_back()
    ran = one.end(process)

    assert re.search(r"is held by \S+ \(bob@bench\) for bob's test", said)
    at_first = (
        r"\[0\] and 5 other tests: its devices are in use, on host local: gpu GPU-lab-0 is leased by \S+ bob@bench"
    )
    assert re.search(at_first, said)
    assert 0 == ran.exit_code
    assert 6 == len(ran.outcomes)


def test_a_preview_says_who_has_the_device(suite: MakeSuite, tmp_path: Path):
    """Nothing runs, and one knows before that the tests would wait; not where leases are broken anyway."""
    mine = Leases(Terms("bob@bench", "another run"), tmp_path / "leases")
    assert "" == mine.take([Wanted("gpu", "GPU-lab-0")], "bob's test")
    one = suite("one", ONE_AT_A_TIME)

    looked = one.run("--dist-hw", "--collect-only", "--hw-explain")
    stealing = one.run("--dist-hw", "--collect-only", "--hw-explain", "--hw-steal")

    mine.give_back()
    assert "gpu GPU-lab-0 is leased by" in looked.output and "bob@bench" in looked.output, looked
    assert "bob@bench" not in stealing.output and 0 == looked.exit_code


@pytest.mark.parametrize("workers", [1, 2])
def test_a_test_goes_to_the_device_that_is_free(suite: MakeSuite, tmp_path: Path, workers: int):
    """Of two devices somebody holds one, all the time: everything runs on the other one, and the user hears of both."""
    mine = Leases(Terms("bob@bench", "another run"), tmp_path / "leases")
    assert "" == mine.take([Wanted("gpu", "GPU-lab-0")], "bob's test")
    on_the_other = "assert os.environ['CUDA_VISIBLE_DEVICES'] == 'GPU-lab-1'\n    assert"
    one = suite("one", ONE_AT_A_TIME.replace("assert", on_the_other, 1), gpus=2)

    ran = one.run("--dist-hw", f"--hw-workers={workers}")

    mine.give_back()
    assert [["passed"]] * 6 == [list(words) for words in ran.outcomes.values()], ran.output
    assert re.search(r"moves on from host local: .* is held by \S+ \(bob@bench\) for bob's test", ran.output)


def test_a_device_can_be_stolen(suite: MakeSuite, tmp_path: Path):
    """``--hw-steal`` ends the run's holder, where the user may do that."""
    other = suite("other", "import time, pytest\n@pytest.mark.hw(gpu=1)\ndef test_long(): time.sleep(100)\n")
    process = other.start("--dist-hw", "--hw-workers=1", "--hw-max-worker-restart=0")
    place = tmp_path / "leases"
    while not read_leases(place):
        assert process.poll() is None

    ran = suite("one", ONE_AT_A_TIME).run("--dist-hw", "--hw-workers=1", "--hw-steal")

    assert 0 == ran.exit_code
    robbed = other.end(process)
    assert 1 == robbed.exit_code
    assert "SIGTERM" in robbed.output


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_process_whose_runtime_runs_gets_no_other_device(suite: MakeSuite, start: str):
    """Tests run on in fresh processes: none sees another device than it was granted, and nothing is lost with those."""
    one = suite("one", STARTS_CUDA, gpus=2)
    one.write("conftest.py", CONFTEST)
    ran = one.run("--dist-hw", "--hw-workers=2", f"--hw-start={start}")

    assert {"passed"} == {word for words in ran.outcomes.values() for word in words}, ran.output
    assert 7 == len(ran.outcomes)
    assert "shows other devices" in ran.output
    parted = (one.directory / "parted").read_text().split()
    assert len(parted) >= 3
    assert {"with-its-output"} == set(parted)
