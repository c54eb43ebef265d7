"""What fails is run again where that makes sense, in real runs: shown, counted and kept as what it is."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from rigs.suites import Suite, require

TRIED = """
    import os, pytest, time
    def tried(name):
        with open(name, "a") as file:
            file.write("x")
        return os.path.getsize(name)
"""


@pytest.fixture
def suite(tmp_path):
    """Return a function that makes a suite of one file, which can count its tries."""
    return lambda tests, **more: Suite(tmp_path / "suite", {"test_a.py": TRIED + tests}, **more)


def test_a_flaky_test_is_run_again_and_called_so(suite):
    """By the mark: the attempts that failed are reruns, the one that passed is FLAKY, and the run is green."""
    ran = suite("""
    @pytest.mark.flaky(reruns=2)
    def test_third(): assert tried("third") == 3
    @pytest.mark.flaky(reruns=2)
    def test_never(): assert not tried("never")
    def test_steady(): assert not tried("steady")
    """).distributed("-v")

    assert ran.words == {"test_third": "rerun rerun flaky", "test_never": "rerun rerun failed", "test_steady": "failed"}
    assert "2 failed, 4 rerun, 1 flaky" in ran.output, ran
    assert "FLAKY test_a.py::test_third" in ran.output and "RERUN test_a.py::test_third" in ran.output
    assert (ran.directory / "never").read_text() == "xxx" and (ran.directory / "steady").read_text() == "x"


def test_reruns_for_all_by_option(suite):
    """With a delay, for some errors only, and never against the mark of a test."""
    tests = """
    def test_key():
        if tried("key") < 2: raise KeyError("k")
    def test_value():
        if tried("value") < 2: raise ValueError("v")
    @pytest.mark.flaky(reruns=0)
    def test_marked():
        if tried("marked") < 2: raise KeyError("k")
    def test_fatal():
        if tried("fatal") < 2: raise KeyError("fatal")
    """
    ran = suite(tests).distributed(
        "--hw-reruns=1", "--hw-reruns-delay=0.3", "--hw-only-rerun=KeyError", "--hw-rerun-except=fatal"
    )

    told = {"test_key": "rerun flaky", "test_value": "failed", "test_marked": "failed", "test_fatal": "failed"}
    assert told == ran.words, ran


def test_a_mark_says_when(suite):
    """Conditions and classes, as pytest-rerunfailures reads them; a mark in other words is another plugin's."""
    ran = suite("""
    SURE = True
    @pytest.mark.flaky(condition="SURE and isinstance(error, KeyError)")
    def test_text():
        if tried("text") < 2: raise KeyError
    @pytest.mark.flaky(condition=lambda error: "no" in str(error))
    def test_function():
        if tried("function") < 2: raise KeyError("yes")
    @pytest.mark.flaky(1, only_rerun=LookupError)
    def test_class():
        if tried("class") < 2: raise KeyError
    @pytest.mark.flaky(reruns=1, rerun_except=["KeyError"])
    def test_except():
        if tried("except") < 2: raise KeyError
    @pytest.mark.flaky(max_runs=3)
    def test_other():
        if tried("other") < 2: raise KeyError
    """).distributed()

    assert ran.words == {
        "test_text": "rerun flaky",
        "test_function": "failed",
        "test_class": "rerun flaky",
        "test_except": "failed",
        "test_other": "failed",
    }, ran


def test_fixtures_around_a_rerun(suite):
    """Those of the test are torn down and set up again; wide ones stay, unless it was they that failed."""
    ran = suite("""
    def note(word):
        with open("log", "a") as file:
            print(word, file=file)
    @pytest.fixture(scope="module")
    def wide():
        note("wide up"); yield; note("wide down")
    @pytest.fixture
    def narrow():
        note("up"); yield; note("down")
    @pytest.fixture(scope="module")
    def shaky(): assert tried("shaky") == 2
    class TestIt:
        @pytest.mark.flaky
        def test_call(self, wide, narrow):
            assert not hasattr(self, "seen")
            self.seen = True
            assert tried("call") == 2
        @pytest.mark.flaky
        def test_setup(self, shaky): pass
    """).distributed(workers=1)

    assert ran.words == {"test_call": "rerun flaky", "test_setup": "rerun flaky"}, ran
    log = (ran.directory / "log").read_text().splitlines()
    assert log == ["wide up", "up", "down", "up", "down", "wide down"]


def test_a_crash_that_does_not_come_again_is_flaky(suite):
    """The test is run once more, first in a fresh worker; one that always crashes is so told once, with its report."""
    ran = suite("""
    def test_once():
        if tried("once") < 2: os.kill(os.getpid(), 9)
    def test_always():
        tried("always")
        os._exit(3)
    def test_other(): pass
    """).distributed("-v")

    assert ran.words == {"test_once": "rerun flaky", "test_always": "rerun failed", "test_other": "passed"}, ran
    assert "1 failed, 1 passed, 2 rerun, 1 flaky" in ran.output
    assert (ran.directory / "always").read_text() == "xx", "poison is never run a third time"
    assert "exit code 3" in ran.output


def test_a_worker_without_memory_for_its_own_work_is_replaced(suite):
    """What a test holds leaves nothing for the plugins around it: that is a crash of this process, not of the run."""
    ran = suite("""
    def test_once(request):
        if tried("once") < 2:
            class Greedy:
                def pytest_runtest_logreport(self, report): raise MemoryError
            request.config.pluginmanager.register(Greedy())
    def test_other(): pass
    """).distributed("-v")

    assert ran.words == {"test_once": "rerun flaky", "test_other": "passed"}, ran
    assert "MemoryError outside of the test's own code" in ran.output


def test_a_crash_may_be_final(suite):
    """``--hw-crash-reruns=0``, and where no worker may take the place of the dead one."""
    some = suite("""
    def test_a(): os._exit(1)
    """)

    assert some.distributed("--hw-crash-reruns=0").words == {"test_a": "failed"}
    assert some.distributed("--hw-max-worker-restart=0").words == {"test_a": "failed"}


def test_a_group_stays_together_over_reruns(suite):
    """Nothing of it runs beside the test that is run again."""
    ran = suite("""
    pytestmark = pytest.mark.xdist_group("one")
    def alone():
        fd = os.open("lock", os.O_CREAT | os.O_EXCL)
        time.sleep(0.05)
        os.close(fd)
        os.remove("lock")
    @pytest.mark.flaky
    def test_a():
        alone()
        assert tried("a") == 2
    def test_b():
        alone()
        if tried("b") < 2: os._exit(2)
    def test_c(): alone()
    def test_d(): alone()
    """).distributed(workers=3)

    assert ran.words == {"test_a": "rerun flaky", "test_b": "rerun flaky", "test_c": "passed", "test_d": "passed"}, ran


def test_who_waits_for_a_test_waits_for_its_last_attempt(suite):
    """A dependent is not blocked by a failure that does not stand."""
    ran = suite("""
    @pytest.mark.dependency(name="base")
    @pytest.mark.flaky
    def test_base(): assert tried("base") == 2
    @pytest.mark.dependency(depends=["base"])
    def test_after(): pass
    """).distributed()

    assert ran.words == {"test_base": "rerun flaky", "test_after": "passed"}, ran


def test_a_report_has_each_test_once(suite):
    """The JUnit report counts the last attempts."""
    some = suite("""
    @pytest.mark.flaky
    def test_flaky(): assert tried("flaky") == 2
    @pytest.mark.flaky
    def test_never(): assert 0
    """)
    some.distributed("--junitxml=report.xml")

    root = ElementTree.parse(some.directory / "report.xml").getroot()
    assert {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")} == {
        "test_flaky": [],
        "test_never": ["failure"],
    }
    (numbers,) = root.iter("testsuite")
    assert (numbers.get("tests"), numbers.get("failures")) == ("2", "1")


def test_maxfail_counts_failures_that_stand(suite):
    """``-x`` ends the run at the first test that has failed for good."""
    ran = suite("""
    @pytest.mark.flaky
    def test_a(): assert tried("a") == 2
    @pytest.mark.flaky
    def test_b(): assert 0
    @pytest.mark.parametrize("number", range(300))
    def test_c(number): time.sleep(0.02)
    """).distributed("-x", workers=1)

    assert (ran.words["test_a"], ran.words["test_b"]) == ("rerun flaky", "rerun failed")
    assert len(ran.words) < 300 and "stopping after 1 failures" in ran.output, ran


def test_pytest_rerunfailures_keeps_its_tests(suite):
    """What it reruns is not run again by us too; for others our options hold."""
    require("pytest_rerunfailures")
    ran = suite(
        """
    @pytest.mark.flaky(reruns=1)
    def test_marked():
        tried("marked")
        assert 0
    def test_plain():
        tried("plain")
        assert 0
    """,
        plugins=["pytest_rerunfailures"],
        absent=["xdist"],
    ).distributed("--hw-reruns=2")

    assert ran.words == {"test_marked": "rerun failed", "test_plain": "rerun rerun failed"}, ran
    assert [(ran.directory / name).read_text() for name in ("marked", "plain")] == ["xx", "xxx"]


def test_failures_with_one_cause_are_told_once(suite):
    """With their place and number, after the failures themselves; flaky tests are named with their first failure."""
    ran = suite("""
    def connect(port): raise OSError(f"cannot connect to port {port}")
    @pytest.mark.parametrize("port", range(4))
    def test_connects(port): connect(port)
    def test_alone(): assert 0
    @pytest.mark.flaky
    def test_flaky(): assert tried("flaky") == 2
    """).distributed("--hw-hosts=local,local")

    told = r"4 tests failed alike at test_a.py:8 on local\S*(, local-2)?: OSError: cannot connect to port \d"
    assert re.search(told, ran.output), ran
    assert "test_a.py::test_connects[2] and 1 more" in ran.output
    assert "FLAKY test_a.py::test_flaky: passed on attempt 2; test-failure: AssertionError: assert 1 == 2" in ran.output


def test_what_plugins_and_the_inventory_say_of_a_failure(suite):
    """A class that is tried again elsewhere stays where it is on one host; a rule's class is in the history."""
    some = suite("""
    def test_board():
        raise RuntimeError("board 7 does not answer")
    """)
    some.write("disttest.toml", '[[failures]]\nmessage = "does not answer"\nclass = "device"\nname = "board"\n')
    ran = some.distributed()

    assert ran.words == {"test_board": "failed"}
    notes = [line for line in _journal(some) if '"note"' in line and "test_board" in line]
    assert len(notes) == 1 and "device (board); not again: no other host could run it" in notes[0]


def _journal(suite):
    (journal,) = suite.directory.glob(".disttest/runs/*")
    return journal.read_text().splitlines()
