"""What a run that was cut off leaves to the one that goes on with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_disttest import wire
from pytest_disttest.model import Attempt, Case, Outcome
from pytest_disttest.store import Journal, ingest, layout
from pytest_disttest.store.events import CasesPassed
from pytest_disttest.store.stories import LATE, ResultsKept, StoryHeard, StoryTold, WarningTold
from pytest_disttest.store.storybook import LONGEST_STORY
from pytest_disttest.store.unfinished import PlainPass, Told, candidates, is_open, read_unfinished

IMPORTABLE = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
FIRST, SECOND, THIRD = "20261123-184500-1a2b3c", "20261124-184500-1a2b3c", "20261125-184500-1a2b3c"


def begin(directory: Path, name: str = FIRST, *, resumes: str = "") -> Journal:
    journal = Journal.create(directory, name, started_at=1.0, rootdir="", args=[], version="", resumes=resumes)
    journal.cases(Case(number, f"a.py::t{number}") for number in range(4))
    return journal


def attempt(case: int, number: int = 1, outcome: Outcome = Outcome.FAILED, worker: str = "gw0") -> Attempt:
    return Attempt(case, number, "local", worker, outcome, 2.0)


def story(case: int, number: int = 1, *, again: bool = False) -> StoryTold:
    return StoryTold(case, number, again, (({"nodeid": f"t{case}"}, False, False),))


def resumable(directory: Path) -> list[str]:
    """Return the ids of the runs that can be resumed; nobody holds them afterwards."""
    found = []
    for candidate in candidates(directory):
        found.append(candidate.run_id)
        candidate.release()
    return found


def left_in(directory: Path):
    candidate = next(iter(candidates(directory)))
    try:
        return read_unfinished(candidate)
    finally:
        candidate.release()


def test_attempts_that_were_told_in_full_come_back_as_they_were(tmp_path):
    """Plain passes with their lines, others with their stories, in the order of their numbers."""
    journal = begin(tmp_path)
    journal.files({"a.py": "1-2"})
    journal.passes("local", "gw1", [(0, 1, 2.0, 0.1, 0.2, 0.3)], lines=[7], more=[(0, ["b.py", "t"])])
    journal.story(story(1, again=True))
    journal.attempt(attempt(1))
    journal.story(WarningTold("a.py::t1", {"text": "beware"}, None))
    journal.story(story(1, 2))
    journal.attempt(attempt(1, 2, Outcome.SKIPPED))
    journal.story(story(1, LATE))
    journal.story(story(2, again=True))
    journal.attempt(attempt(2))
    journal.close()
    left = left_in(tmp_path)

    assert left.tried == {
        0: [PlainPass("local", "gw1", (0, 1, 2.0, 0.1, 0.2, 0.3), 7, ["b.py", "t"])],
        1: [Told(attempt(1), story(1, again=True)), Told(attempt(1, 2, Outcome.SKIPPED), story(1, 2))],
        2: [Told(attempt(2), story(2, again=True))],
    }
    assert [is_open(left.tried[case]) for case in (0, 1, 2)] == [False, False, True]
    assert (left.files, left.late) == ({"a.py": "1-2"}, {1: [story(1, LATE)]})
    assert left.warnings == [WarningTold("a.py::t1", {"text": "beware"}, None)]


def test_a_test_whose_last_attempt_is_not_told_in_full_runs_again(tmp_path):
    """Never run, torn, without its story, or with one that is too long to be written twice."""
    journal = begin(tmp_path)
    journal.attempt(attempt(0, outcome=Outcome.BLOCKED, worker=""))
    journal.attempt(attempt(1))
    sections = [{"$t": ["Captured stdout call", "x" * (LONGEST_STORY + 1)]}]
    for long in ({"sections": sections}, {"$d": [["$report_type", "TestReport"], ["sections", sections]]}):
        journal.story(StoryTold(2, 1, again=False, reports=((long, False, False),)))
        journal.story(StoryHeard(2, 1, again=False, lines=[wire.pack(["report", 7, long, False, False]).rstrip()]))
    journal.attempt(attempt(2))
    journal.story(story(3))
    journal.close()
    with journal.path.open("ab") as torn:
        torn.write(b'{"event":"attempt","row":[3,1,"local"')

    assert left_in(tmp_path).tried == {}


def test_the_newest_run_that_nobody_writes_and_nobody_finished_comes_first(tmp_path):
    """Not one that goes on, nor one in which nothing is missing; ingestion makes no difference."""
    begin(tmp_path).close()
    begin(tmp_path, SECOND).close()
    whole = begin(tmp_path, THIRD)
    whole.finish(exit_status=0, ended_at=2.0)
    whole.close()
    alive = begin(tmp_path, "20261126-184500-1a2b3c")

    assert resumable(tmp_path) == [SECOND, FIRST]
    assert set(ingest(tmp_path).runs) == {FIRST, SECOND, THIRD}
    assert resumable(tmp_path) == [SECOND, FIRST]
    alive.close()


def test_a_run_is_resumed_by_one_only(tmp_path):
    """Who has taken it holds it, also against ingestion, until it is given back."""
    begin(tmp_path).close()
    taken = next(iter(candidates(tmp_path)))
    code = "from pathlib import Path; from pytest_disttest.store.unfinished import candidates\n"
    ask = [sys.executable, "-c", f"{IMPORTABLE}{code}print(len(list(candidates(Path(sys.argv[1])))))", str(tmp_path)]

    assert subprocess.run(ask, capture_output=True, check=True).stdout == b"0\n"
    assert ingest(tmp_path).runs == ()
    taken.release()
    assert subprocess.run(ask, capture_output=True, check=True).stdout == b"1\n"


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_run_that_another_one_has_taken_over_is_resumed_no_more(tmp_path, is_marked):
    """The line that says so decides, wherever the controller was killed: just one of both can be resumed."""
    begin(tmp_path).close()
    later = begin(tmp_path, SECOND, resumes=FIRST)
    later.keep(CasesPassed("local", "gw0", ((0, 1, 2.0, 0.1, 0.2, 0.3),)))
    if is_marked:
        later.keep(ResultsKept(FIRST, (0,)))
    later.close()

    assert resumable(tmp_path) == [SECOND if is_marked else FIRST]
    assert [path.stem for path in layout.stories(tmp_path)] == resumable(tmp_path)


def test_stories_on_a_full_disk_cost_only_themselves(tmp_path):
    """The run goes on, and its journal has no fault for their sake."""
    code = """
import resource
from pathlib import Path
from pytest_disttest.store import Journal
from pytest_disttest.store.stories import StoryTold
journal = Journal.create(Path(sys.argv[1]), "r", started_at=1.0, rootdir="", args=[], version="")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for case in range(50):
    journal.story(StoryTold(case, 1, False, (({"text": "x" * 100}, False, False),)))
print(journal.fault)
"""
    done = subprocess.run([sys.executable, "-c", IMPORTABLE + code, str(tmp_path)], capture_output=True, text=True)

    assert done.stdout == "None\n", done.stderr
    assert os.path.getsize(tmp_path / "runs/r.stories") == 1000


def test_only_so_many_stories_are_kept(tmp_path):
    """Runs that nobody resumes do not pile up; those of a journal that is gone go with it."""
    for number in range(layout.KEPT_STORIES + 5):
        begin(tmp_path, f"20261123-{number:06}-1a2b3c").close()
    (tmp_path / "runs/20261123-000024-1a2b3c.ndjson").unlink()
    ingest(tmp_path)

    assert len(layout.stories(tmp_path)) == layout.KEPT_STORIES - 1
