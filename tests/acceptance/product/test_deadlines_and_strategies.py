"""Deadlines of tests and of the run, and strategies by name, in a user's suite."""

from __future__ import annotations

import time

import pytest

IN_ORDER = """
    import time
    import pytest
    @pytest.mark.parametrize("n", range(5))
    def test_many(n): time.sleep(0.12)
    {mark}
    def test_last(): time.sleep(0.01)
"""


def begun(ran, name):
    """Return the place of a test among all, in the order in which they are shown to have ended."""
    shown = [line.partition("::")[2].split()[0] for line in ran.output.splitlines() if "PASSED" in line]
    return shown.index(name)


@pytest.fixture(scope="module")
def dated(shared_suite):
    """Two runs of a suite whose second test has a deadline that cannot be met, and whose last one has a near one."""
    made = shared_suite({"test_a.py": IN_ORDER.format(mark="@pytest.mark.deadline(0.001)")})
    return made.distributed("-v", workers=1), made.distributed("-v", workers=1)


def test_a_test_with_a_deadline_goes_first_once_it_nears(dated):
    """It stands at the end of its file, and is the first to run."""
    assert {begun(ran, "test_last") for ran in dated} == {0}, dated[1]


def test_a_deadline_that_cannot_be_met_is_told_before_the_run(dated):
    """From the second run on, when it is known how long tests take; and after each run, what was late."""
    first, second = dated

    assert "cannot end in" not in first.output
    assert "test_a.py::test_last cannot end in 0.001 s (its deadline): it takes" in second.output
    for ran in dated:
        assert ran.exit_code == 0, "a late test that passes has passed"
        assert "1 of 1 deadlines were missed:" in ran.output
        assert "test_a.py::test_last: ended after" in ran.output


RUNS_LONG = """
    import time
    from pathlib import Path
    import pytest
    @pytest.fixture
    def thing():
        yield
        Path("torn_down").touch()
    def test_quick(): pass
    def test_hangs(thing): time.sleep(60)
    def test_never(): pass
"""


def test_the_deadline_of_the_run_ends_it(suite):
    """In time, as a failure, what runs being torn down; what has no result is skipped, and kept as cancelled."""
    made = suite({"test_a.py": RUNS_LONG})
    began = time.monotonic()
    ran = made.distributed("--hw-deadline=3s", "-rs", workers=1)

    assert time.monotonic() - began < 15.0
    assert (1, {"test_quick": "passed", "test_hangs": "skipped", "test_never": "skipped"}) == (
        ran.exit_code,
        ran.words,
    ), ran
    assert "the run's deadline has passed (3 s, --hw-deadline): 2 tests have no result" in ran.output
    assert "the run's deadline has passed (3 s)" in ran.output
    assert (made.directory / "torn_down").exists()
    kept = made.json("show", "last")["not_run"]
    assert [("test_a.py::test_hangs", "cancelled"), ("test_a.py::test_never", "cancelled")] == [
        (row["nodeid"], row["outcome"]) for row in kept
    ]


def test_a_run_that_ends_before_its_deadline_is_not_touched(suite):
    """Nothing is said of it."""
    ran = suite({"test_a.py": "def test_a(): pass"}).distributed("--hw-deadline=5min", workers=1)

    assert (ran.exit_code, ran.words) == (0, {"test_a": "passed"}), ran
    assert "deadline" not in ran.output


def test_a_plugins_strategy_is_chosen_by_name(suite):
    """A conftest names it, and the ini file may choose it; a misspelt one is a usage error with the nearest names."""
    made = suite(
        {
            "test_a.py": "import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_a(n): pass\n",
            "backwards.py": """
                from pytest_disttest.schedule.guidance import Guidance
                def guide(briefing):
                    urgency = {case: case + 1.0 for case in briefing.cases}
                    return Guidance(urgency=urgency, urgent_from=1.0, lays_out=False)
            """,
            "conftest.py": """
                def pytest_disttest_strategies(config):
                    return {"backwards": "backwards:guide"}
            """,
        }
    )

    ran = made.distributed("--hw-strategy=backwards", "-v", workers=1)
    assert [begun(ran, f"test_a[{n}]") for n in range(4)] == [3, 2, 1, 0], ran
    plain = made.distributed("--hw-strategy=simple", "-v", workers=1)
    assert [begun(plain, f"test_a[{n}]") for n in range(4)] == [0, 1, 2, 3], plain
    made.write("pytest.ini", "[pytest]\nhw_strategy = backwards\n")
    assert begun(made.distributed("-v", workers=1), "test_a[3]") == 0
    made.write("pytest.ini", "[pytest]\nhw_strategy = bakwards\n")
    refused = made.distributed(workers=1)
    assert refused.exit_code == 4
    assert "no strategy is called 'bakwards'" in refused.output and "did you mean 'backwards'?" in refused.output


def test_no_more_tests_run_at_a_time_than_may(suite):
    """Four workers, two tests at a time, counted by the tests themselves."""
    made = suite(
        {
            "test_a.py": """
                import os, time
                from pathlib import Path
                import pytest
                @pytest.mark.parametrize("n", range(12))
                def test_a(n):
                    mine = Path("running") / str(n)
                    mine.touch()
                    assert len(os.listdir("running")) <= 2
                    time.sleep(0.1)
                    mine.unlink()
            """
        }
    )
    (made.directory / "running").mkdir()
    ran = made.distributed("--hw-max-in-flight=2", workers=4)

    assert (ran.exit_code, len(ran.words)) == (0, 12), ran


HANGS_ONCE = """
    import os, time
    from pathlib import Path
    import pytest

    @pytest.fixture(scope="session", autouse=True)
    def whole():
        yield
        Path(f"torn_down_{os.environ['PYTEST_XDIST_WORKER']}").touch()

    @pytest.mark.parametrize("n", range(6))
    def test_quick(n): time.sleep(0.02)

    MARK
    def test_odd():
        with open("attempts", "a") as file:
            file.write("x")
        if os.path.exists("second_run"):
            try:
                os.close(os.open("hanging", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            time.sleep(LONG)
"""
TWO_HOSTS = "[hosts.one]\naddress = 'local'\nworkers = 1\n[hosts.two]\naddress = 'local'\nworkers = 1\n"


@pytest.mark.parametrize("mark", ["", "@pytest.mark.no_hedge"], ids=["copied", "marked"])
def test_a_test_that_hangs_on_one_host_is_run_on_another(suite, mark):
    """The first attempt hangs; the copy ends, counts once, and the run does not wait, but where a mark forbids it."""
    text = HANGS_ONCE.replace("MARK", mark).replace("LONG", "4" if mark else "60")
    made = suite({"test_a.py": text, "disttest.toml": TWO_HOSTS})
    options = ("--hw-hosts=one,two", "--hw-hedge")
    first = made.distributed(*options, workers=None)
    assert (first.exit_code, len(first.words)) == (0, 7), first
    made.write("second_run", "")
    for left in ("attempts", "torn_down_gw0", "torn_down_gw1"):
        (made.directory / left).unlink(missing_ok=True)
    began = time.monotonic()
    second = made.distributed(*options, workers=None)

    assert (second.exit_code, len(second.words)) == (0, 7), second
    assert {"passed"} == set(second.words.values()), second
    assert ("7 passed" in second.output) and time.monotonic() - began < 30.0
    attempts = (made.directory / "attempts").read_text()
    assert (attempts, "(--hw-hedge)" in second.output) == (("x", False) if mark else ("xx", True)), second
    for name in () if mark else ("gw0", "gw1"):
        assert (made.directory / f"torn_down_{name}").exists(), "the one that is given up tears down what stands"
    told = made.json("show", "last")
    assert dict(told["run"]["outcomes"]) == {"passed": 7}, told
