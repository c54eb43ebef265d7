"""Workers that die: one crashed result for the test that did it, all other tests exactly once."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from rigs.processes import wait_until

DEATHS = {
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV"),
    "exit_0": ("os._exit(0)", "exit code 0"),
    "exit_3": ("os._exit(3)", "exit code 3"),
    "abort": ("os.abort()", "killed by SIGABRT"),
    "kill": ("os.kill(os.getpid(), 9)", "killed by SIGKILL"),
}

DEADLY = """
import os, sys
import pytest

pytestmark = pytest.mark.hw(tags="{host}")
DEATHS = {deaths!r}

def die(name):
    print(f"before {{name}} on {host}")
    print(f"last error of {{name}} on {host}", file=sys.stderr)
    exec(DEATHS[name][0])

@pytest.fixture
def dies_in_setup():
    die("segfault")

@pytest.fixture
def dies_in_teardown():
    yield
    die("exit_3")

def test_before(): pass

def test_setup(dies_in_setup): pass

@pytest.mark.parametrize("name", DEATHS)
def test_call(name):
    die(name)

def test_between(): pass

@pytest.mark.parametrize("number", range(5))
def test_more(number): pass

def test_teardown(dies_in_teardown): pass

def test_after(): pass
"""


def crashed(project):
    """Return the crashed attempts of the last run: {node id: message}."""
    return {a.nodeid: a.message for a in project.attempts() if a.outcome == "crashed"}


@pytest.mark.slow
def test_a_crash_is_one_result_and_costs_no_other_test(project):
    """In set-up, call and teardown, here and behind ssh: how it died and its last words, and the rest is run."""
    places = ("local", "host1")
    project.write(**{f"test_{host}": DEADLY.format(host=host, deaths=DEATHS) for host in places})
    dying = {"test_setup": "SIGSEGV", "test_teardown": "exit code 3"}
    dying |= {f"test_call[{name}]": cause for name, (_, cause) in DEATHS.items()}

    ran = project.run("-rA", "--hw-crash-reruns=0", hosts="local,host1")

    assert ran.code == 1, ran.text
    assert set(Counter(a.nodeid for a in project.attempts()).values()) == {1}
    assert len(project.attempts()) == ran.outcomes.total() == 2 * 15
    told = crashed(project)
    for host in places:
        for name, cause in dying.items():
            assert cause in told.pop(f"test_{host}.py::{name}"), ran.text
        for name in ("segfault", "exit_3", *DEATHS):
            assert ran.lines(f"before {name} on {host}") and ran.lines(f"last error of {name} on {host}"), ran.text
    assert not told
    assert "14 failed, 16 passed" in ran.summary, ran.summary


def test_a_worker_killed_from_outside(project, tmp_path):
    """As the kernel does when memory runs out: the test is run again, and both attempts are kept."""
    project.write(
        test_a=f"""
        import os, time
        from pathlib import Path
        def test_before(): pass
        def test_victim():
            if not Path("{tmp_path}/pid").exists():
                Path("{tmp_path}/pid").write_text(str(os.getpid()))
                time.sleep(60)
        def test_after(): pass
        """
    )
    process = project.start("-q", hosts="host1")
    assert wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), timeout_s=20)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    ran = project.finish(process)

    assert ran.code == 0, ran.text
    assert "2 passed, 1 rerun, 1 flaky" in ran.summary
    assert sorted((a.nodeid, a.outcome) for a in project.attempts()) == [
        ("test_a.py::test_after", "passed"),
        ("test_a.py::test_before", "passed"),
        ("test_a.py::test_victim", "crashed"),
        ("test_a.py::test_victim", "passed"),
    ]


def test_a_group_goes_on_in_a_fresh_worker(project):
    """A module that must stay together loses the crashed test only, which is run once more with the others."""
    project.write(
        test_a="""
        import os
        import pytest
        pytestmark = pytest.mark.xdist_group("one")
        @pytest.mark.parametrize("number", range(6))
        def test_a(number):
            if number == 2:
                os._exit(7)
        """
    )

    ran = project.run(hosts="local*2,host1")

    assert "1 failed, 5 passed" in ran.summary, ran.text
    assert list(crashed(project)) == ["test_a.py::test_a[2]"]
    assert len({a.worker for a in project.attempts()}) == 3


def test_a_suite_that_kills_every_worker_at_collection_ends(project):
    """With the reason, and not after an endless row of new workers."""
    project.write(test_a="import os, sys\nprint('no licence', file=sys.stderr)\nos._exit(9)\n")

    ran = project.run(hosts="local,host1")

    assert ran.code not in (0, 1, 5), ran.text
    assert ran.lines("exit code 9"), ran.text
    assert len(ran.lines("takes its place")) <= 6
    assert "INTERNALERROR" not in ran.text


def test_a_conftest_that_kills_its_worker(project):
    """A conftest that the controller survives: it dies in the worker role only."""
    project.write(
        conftest="""
        import os
        def pytest_configure(config):
            if hasattr(config, "workerinput"):
                os._exit(4)
        """,
        test_a="def test_a(): pass\n",
    )

    ran = project.run(hosts="local")

    assert ran.code not in (0, 1, 5), ran.text
    assert ran.lines("exit code 4"), ran.text


def test_workers_that_die_before_they_are_told_anything(project):
    """Here an interpreter's own start-up code ends them; the other host does the work."""
    start_up = project.place / "start-up"
    start_up.mkdir()
    (start_up / "sitecustomize.py").write_text("import os\nprint('too early', flush=True)\nos._exit(6)\n")
    project.describe(host1={"environment": f'{{ PYTHONPATH = "{start_up}" }}'})
    project.write(test_a="def test_a(): pass\n")

    ran = project.run("-s", hosts="local,host1")

    assert ran.code == 0, ran.text
    assert ran.named("passed") == {"test_a"}
    assert ran.lines("host1", "exit code 6") and ran.lines("[gw1]", "too early"), ran.text


def test_one_host_that_cannot_collect_without_dying_is_left_out(project):
    """The others do its part."""
    project.write(
        conftest="""
        import os
        def pytest_collection(session):
            if getattr(session.config, "workerinput", {}).get("hw_host") == "host1":
                os._exit(5)
        """,
        test_a="def test_a(): pass\ndef test_b(): pass\n",
    )

    ran = project.run(hosts="local,host1")

    assert ran.code == 0, ran.text
    assert ran.named("passed") == {"test_a", "test_b"}
    assert ran.lines("host1", "exit code 5"), ran.text


def test_the_limit_of_replaced_workers_is_kept(project):
    """``--hw-max-worker-restart=0``: the crash is reported, and so is what did not run."""
    project.write(test_a="import os\ndef test_a(): os._exit(1)\ndef test_b(): pass\n")

    ran = project.run("--hw-max-worker-restart=0", hosts="host1")

    assert ran.code not in (0, 5), ran.text
    assert list(crashed(project)) == ["test_a.py::test_a"]
    assert ran.lines("--hw-max-worker-restart allows no more")
