"""A run whose controller was killed is resumed: what was known is told again, the rest runs, the whole is as ever."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from rigs.processes import wait_until
from rigs.suites import Ran, Suite

from pytest_disttest.model import Attempt
from pytest_disttest.store.events import CasesPassed, CasesSeen, from_line

MIXED = """
    import os, sys, warnings, pytest

    def tried(name):
        with open(name, "a") as file:
            file.write("x")
        return os.path.getsize(name)

    @pytest.fixture
    def broken(): raise RuntimeError("no set-up")
    @pytest.fixture
    def breaks():
        yield
        raise RuntimeError("no teardown")

    def test_passes(): pass
    def test_fails(): assert [1, 2] == [1, 3], "they differ"
    def test_skips(): pytest.skip("because")
    @pytest.mark.xfail(reason="known")
    def test_xfails(): assert 0
    @pytest.mark.xfail
    def test_xpasses(): pass
    def test_errors(broken): pass
    def test_ends_badly(breaks): pass
    def test_prints(): print("said to stdout"); print("said to stderr", file=sys.stderr)
    def test_prints_and_fails(): print("its last words"); assert 0
    def test_warns(): warnings.warn("beware")
    def test_tells(record_property, record_xml_attribute):
        record_property("k", "v"); record_xml_attribute("a", "b")
    @pytest.mark.flaky(reruns=1)
    def test_flaky(): assert tried("flaky") == 2
    @pytest.mark.flaky(reruns=1)
    def test_never(): assert tried("never") == 0
    @pytest.mark.dependency()
    def test_base(): assert 0
    @pytest.mark.dependency(depends=["test_base"])
    def test_on_top(): pass
    @pytest.mark.dependency()
    def test_good(): pass
    @pytest.mark.dependency(depends=["test_good"])
    def test_on_good(): pass
"""
MANY = """
    import time, pytest
    @pytest.mark.parametrize("n", range(150))
    def test_quick(n): time.sleep(0.02); assert n % 50 != 7
"""
FILES = {"test_a.py": MIXED, "test_b.py": MANY, "test_c.py": MANY}
OPTIONS = ("--junitxml=report.xml", "-o", "junit_family=xunit1", "-o", "junit_logging=all")
TESTS = 17 + 2 * 150
ATTEMPTS = "SELECT count(*), count(DISTINCT (nodeid, number)) FROM attempts JOIN cases USING (run_id, case_index)"


def journals(suite: Suite) -> list[Path]:
    """Return the journals of a suite's runs, the oldest first."""
    return sorted((suite.directory / ".disttest/runs").glob("*.ndjson"))


def recorded(suite: Suite) -> list[tuple[str, int]]:
    """Return node id and number of each attempt in the journal that is written now, or was last."""
    names: dict[int, str] = {}
    found = []
    for line in journals(suite)[-1].read_bytes().splitlines() if journals(suite) else ():
        try:
            event = from_line(line)
        except ValueError:
            continue
        if isinstance(event, CasesSeen):
            names |= {case.index: case.nodeid for case in event.cases}
        elif isinstance(event, Attempt):
            found.append((names[event.case], event.number))
        elif isinstance(event, CasesPassed):
            found += [(names[case], number) for case, number, *_ in event.rows]
    return found


def killed(suite: Suite, when: Callable[[], bool], *args: str) -> None:
    """Run the suite with two workers, and kill the controller as soon as *when* says so."""
    known = len(journals(suite))
    process = suite.start("--dist-hw", "--hw-workers=2", *args)
    assert wait_until(lambda: len(journals(suite)) > known and when(), timeout_s=60)
    assert process.poll() is None, "it had ended before"
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()


def results(suite: Suite, name: str = "report.xml") -> list[Any]:
    """Return all of a JUnit report that does not tell of time or place, its tests by name."""
    text = (suite.directory / name).read_text().replace(str(suite.directory), "")
    (tree,) = ElementTree.fromstring(text)
    told = [
        (
            sorted((key, value) for key, value in case.attrib.items() if key != "time"),
            [(child.tag, child.get("message"), child.text) for child in case if child.tag != "properties"],
            [sorted(each.attrib.items()) for each in case.iter("property")],
        )
        for case in tree.iter("testcase")
    ]
    return [{key: tree.get(key) for key in ("tests", "errors", "failures", "skipped")}, *sorted(told)]


def counts(ran: Ran) -> list[str]:
    """Return the counts of the last line."""
    return re.findall(r"\d+ [a-z]+", ran.output.splitlines()[-1].partition(" in ")[0])


def history(suite: Suite, sql: str) -> list[tuple[Any, ...]]:
    """Ask the history, once all journals are in it."""
    from pytest_disttest.store import ingest

    ingest(suite.directory / ".disttest", verify=True)
    with duckdb.connect(str(suite.directory / ".disttest/history.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """One run of the suite from start to end: suite and what it told."""
    suite = Suite(tmp_path_factory.mktemp("whole") / "suite", FILES)
    ran = suite.distributed(*OPTIONS)
    assert counts(ran)[-1] == "2 rerun" or "2 rerun" in counts(ran), ran
    return suite, ran


@pytest.fixture
def suite(tmp_path):
    """The same suite, which has not run yet."""
    return Suite(tmp_path / "suite", FILES)


def mixed_are_known(suite: Suite, more: int) -> Callable[[], bool]:
    """Whether all of the first file that wait for nobody have ended, with all attempts, and *more* of the others."""

    def holds() -> bool:
        known = set(recorded(suite))
        first = {nodeid for nodeid, _ in known if nodeid.startswith("test_a.py") and "_on_" not in nodeid}
        return (
            len(first) == 15
            and {("test_a.py::test_flaky", 2), ("test_a.py::test_never", 2)} <= known
            and len(known) >= 17 + more
        )

    return holds


def test_a_killed_run_is_resumed_and_tells_the_whole(suite, undisturbed):
    """Outcomes, counts, exit code and JUnit report are as if nobody had killed it; each attempt is there once."""
    whole, expected = undisturbed
    killed(suite, mixed_are_known(suite, 60), *OPTIONS)
    known = len({nodeid for nodeid, _ in recorded(suite)})
    ran = suite.distributed("--hw-resume", *OPTIONS)

    kept = int(re.search(r"(\d+) results kept from run \S+, (\d+) to run", ran.output)[1])
    assert known - 1 <= kept < TESTS and kept >= 70, ran
    assert ran.outcomes == expected.outcomes, ran
    assert (ran.exit_code, counts(ran)) == (expected.exit_code, counts(expected)), ran
    assert results(suite) == results(whole)
    assert history(suite, "SELECT state FROM runs ORDER BY run_id") == [("resumed",), ("finished",)]
    assert history(suite, ATTEMPTS) == [(TESTS + 2, TESTS + 2)]
    assert history(suite, "SELECT count(*), sum(flaky::INT) FROM results") == [(TESTS, 1)]
    assert list((suite.directory / ".disttest/runs").glob("*.stories")) == []


def test_a_run_that_is_killed_twice_is_resumed_twice(suite, undisturbed):
    """The second resumption goes on with the first one, which has all that there was before."""
    whole, expected = undisturbed
    killed(suite, mixed_are_known(suite, 20), *OPTIONS)
    first = len(recorded(suite))
    killed(suite, lambda: len(recorded(suite)) >= first + 40, "--hw-resume", *OPTIONS)
    second = {nodeid for nodeid, _ in recorded(suite)}
    with journals(suite)[-1].open("ab") as journal:
        journal.write(b'{"event":"attempt","row":[1,1,"local","gw0","pas')
    with (suite.directory / ".disttest/runs" / f"{journals(suite)[-1].stem}.stories").open("ab") as stories:
        stories.write(b'{"event":"story","case":1,"number":1,"again":false,"repo')
    ran = suite.distributed("--hw-resume", *OPTIONS)

    assert int(re.search(r"(\d+) results kept", ran.output)[1]) >= len(second) - 2 >= 70
    assert (ran.outcomes, counts(ran)) == (expected.outcomes, counts(expected)), ran
    assert results(suite) == results(whole)
    assert history(suite, "SELECT state FROM runs ORDER BY run_id") == [("resumed",), ("resumed",), ("finished",)]
    assert history(suite, ATTEMPTS) == [(TESTS + 2, TESTS + 2)]


def test_a_run_that_was_ingested_meanwhile_is_resumed_all_the_same(suite, undisturbed):
    """`disttest runs` between kill and resumption moves the journal, and counts nothing twice."""
    _, expected = undisturbed
    killed(suite, mixed_are_known(suite, 20), *OPTIONS)
    assert history(suite, "SELECT state FROM runs") == [("interrupted",)]
    ran = suite.distributed("--hw-resume", *OPTIONS)

    assert ran.outcomes == expected.outcomes, ran
    assert history(suite, "SELECT state FROM runs ORDER BY run_id") == [("resumed",), ("finished",)]
    assert history(suite, ATTEMPTS) == [(TESTS + 2, TESTS + 2)]


def test_tests_of_changed_files_run_again_and_others_keep_their_results(suite):
    """The file of a test, or a conftest above it: said with its name. What is not selected any more is said, too."""
    killed(suite, mixed_are_known(suite, 20))
    suite.write("test_a.py", MIXED + "\n    # changed\n")
    ran = suite.distributed("--hw-resume", "--deselect=test_b.py::test_quick[0]", "--deselect=test_c.py::test_quick[0]")

    assert re.search(r"1[567] tests run again, for their files have changed: test_a.py\n", ran.output), ran
    assert re.search(r"[12] results? of that run not shown", ran.output), ran
    assert len(ran.outcomes) == TESTS - 2
    assert (
        ran.words["test_flaky"] == "rerun failed"
    )  # its third and fourth try: no result of an earlier version is of use
    assert counts(ran)[0] == f"{sum('failed' in told for told in ran.outcomes.values())} failed"


def test_a_test_that_was_to_be_run_again_is_flaky_when_it_passes_now(tmp_path):
    """The attempt from before the kill is not forgotten: the test passed on a retry, and is never just green."""
    tests = "import os\ndef test_flaky():\n    open('tries', 'a').write('x')\n    assert os.path.getsize('tries') > 1\n"
    suite = Suite(tmp_path / "suite", {"test_a.py": tests})
    killed(suite, lambda: len(recorded(suite)) == 1, "--hw-reruns=1", "--hw-reruns-delay=600")
    ran = suite.distributed("--hw-resume", "--hw-reruns=1")

    assert ran.words == {"test_flaky": "rerun flaky"}, ran
    assert (ran.exit_code, counts(ran)) == (0, ["1 rerun", "1 flaky"])
    assert history(suite, "SELECT number, outcome FROM attempts ORDER BY 1") == [(1, "failed"), (2, "passed")]


def test_a_failure_that_is_known_counts_for_maxfail(tmp_path):
    """With -x such a run ends at once; without, a run that -x had ended goes on, and its failure is told again."""
    tests = "import time\ndef test_a(): assert 0\n" + "".join(f"def test_{n}(): time.sleep(0.05)\n" for n in range(40))
    suite = Suite(tmp_path / "suite", {"test_a.py": tests})
    ended = suite.distributed("-x")
    again = suite.distributed("-x", "--hw-resume")
    whole = suite.distributed("--hw-resume")

    assert (ended.exit_code, again.exit_code, whole.exit_code) == (1, 1, 1)
    assert again.outcomes == ended.outcomes and len(ended.outcomes) < 41, again
    assert "stopping after 1 failures" in again.output
    assert counts(whole) == ["1 failed", "40 passed"], whole
    assert history(suite, "SELECT count(*) FROM attempts") == [(41,)]


def test_a_run_that_was_interrupted_goes_on_as_well(tmp_path):
    """Ctrl-C ends a run in order; what ran by then is known all the same."""
    suite = Suite(tmp_path / "suite", {"test_b.py": MANY})
    process = suite.start("--dist-hw", "--hw-workers=2")
    assert wait_until(lambda: len(recorded(suite)) >= 20, timeout_s=60)
    process.send_signal(signal.SIGINT)
    interrupted = suite.end(process)
    ran = suite.distributed("--hw-resume")

    assert interrupted.exit_code == 2 and 20 <= len(interrupted.outcomes) < 150, interrupted
    assert f"{len(interrupted.outcomes)} results kept" in ran.output, ran
    assert (ran.exit_code, counts(ran)) == (1, ["3 failed", "147 passed"])
    assert history(suite, "SELECT state, exit_status FROM runs ORDER BY run_id") == [("resumed", 2), ("finished", 1)]
    assert history(suite, ATTEMPTS) == [(150, 150)]


def test_a_run_that_crashed_a_worker_is_resumed_with_its_crash(tmp_path):
    """A test that killed its worker twice is told again, and kills no third one."""
    tests = """
    import os, time
    def test_crashes(): open("crashes", "a").write("x"); print("farewell", flush=True); os._exit(3)
    def test_waits(): time.sleep(60 if len(open("crashes").read()) < 3 and not os.path.exists("go") else 0)
    """
    suite = Suite(tmp_path / "suite", {"test_a.py": tests})
    killed(suite, lambda: ("test_a.py::test_crashes", 2) in recorded(suite), "-s")
    suite.write("go", "")
    ran = suite.distributed("--hw-resume", "-s")

    assert ran.words == {"test_crashes": "rerun failed", "test_waits": "passed"}, ran
    assert "CRASHED test_a.py::test_crashes" in ran.output
    assert (suite.directory / "crashes").read_text() == "xx"


def test_without_anything_to_resume_all_tests_run(tmp_path):
    """A job has the same command line after a power cut as before; a run that was named must be there."""
    suite = Suite(tmp_path / "suite", {"test_a.py": "def test_a(): pass\n"})
    first = suite.distributed("--hw-resume")
    again = suite.distributed("--hw-resume")
    named = suite.distributed("--hw-resume=2026")

    for ran in (first, again):
        assert (ran.exit_code, ran.words) == (0, {"test_a": "passed"}), ran
        assert "nothing to resume: no run was cut off here; all tests run" in ran.output
    assert named.exit_code == 4 and "--hw-resume: no run '2026' can be resumed" in named.output, named


def test_a_run_of_another_commit_is_resumed_only_by_name(suite, tmp_path):
    """The code under test may be another one: that is for the user to say."""
    commits = [letter * 40 for letter in "ab"]
    suite.write(".git/HEAD", commits[0])
    killed(suite, mixed_are_known(suite, 10))
    run_id = journals(suite)[-1].stem
    suite.write(".git/HEAD", commits[1])
    unnamed = suite.distributed("--hw-resume", "--collect-only", "-q")
    other = suite.distributed("test_a.py", "--hw-resume")
    named = suite.distributed(f"--hw-resume={run_id}")

    assert unnamed.exit_code == 0
    assert f"run {run_id} was cut off at commit aaaaaaaaaa, and this is bbbbbbbbbb: all tests run" in other.output, (
        other
    )
    assert len(other.outcomes) == 17
    assert "that run was of commit aaaaaaaaaa, this is bbbbbbbbbb" in named.output, named
    assert Counter(len(told) for told in named.outcomes.values()) == {1: TESTS - 3, 2: 3}, named
