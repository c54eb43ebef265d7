"""What was expected of a run, from the journal into the history and back."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.errors import StoreFault
from pytest_disttest.model import Attempt, Case, Outcome, PhaseTime
from pytest_disttest.store import Journal, ingest
from pytest_disttest.store.events import from_line, to_line
from pytest_disttest.store.plans import CasePlanned, RunJudged, RunPlanned
from pytest_disttest.store.stream import CaseBegan, Stream
from pytest_disttest.store.timeline import Attempted, CaseName, timeline

RUN = "20261123-184500-1a2b3c"
PLAN = RunPlanned(
    1e9 + 2, 3.0, 2.5, "1 host is the bound", 1, (0, 1),
    (CasePlanned(0, 1.0, 1.5, 3.0, "here", 1, 0.0, 1.0), CasePlanned(1, 2.0, 0.0, 2.0, "gpu", 1, 1.0, 3.0)),
)  # fmt: skip
JUDGED = RunJudged(5.5, 3.5, 2.75)
numbers = st.floats(allow_nan=False)
counts = st.integers(0, 2**31 - 1)
planned_cases = st.builds(CasePlanned, counts, numbers, numbers, numbers, st.text(), counts, numbers, numbers)
events = st.one_of(
    st.builds(
        RunPlanned, numbers, numbers, numbers, st.text(), counts, st.lists(counts, max_size=3).map(tuple),
        st.lists(planned_cases, max_size=3).map(tuple),
    ),
    st.builds(RunJudged, numbers, numbers, numbers),
    st.builds(CaseBegan, counts, st.text(), st.text(), numbers),
)  # fmt: skip


def write_run(directory: Path, *told: RunPlanned | RunJudged) -> None:
    """Write the journal of two cases, of which one ran."""
    journal = Journal.create(directory, RUN, started_at=1e9, rootdir="/suite", args=[], version="0.1")
    journal.cases([Case(0, "a.py::t0", file="a.py"), Case(1, "b.py::t1", file="b.py"), Case(2, "b.py::t2")])
    for event in told:
        journal.plan(event)
    journal.attempt(Attempt(0, 1, "here", "gw0", Outcome.PASSED, 1e9 + 2.25, PhaseTime(0.25, 0.5, 0.25)))
    journal.attempt(Attempt(2, 1, "", "", Outcome.UNPLACED, 0.0))
    journal.finish(exit_status=0, ended_at=1e9 + 6)
    journal.close()


@given(events)
def test_a_line_gives_back_the_event_it_was_made_of(event):
    """Whatever was expected."""
    assert event == from_line(to_line(event))


@pytest.mark.parametrize("judged", [(), (JUDGED,)])
def test_a_run_is_told_over_time(tmp_path, judged):
    """With what was expected, what it came to where that was judged, and what ran where and when."""
    write_run(tmp_path, PLAN, *judged)
    ingest(tmp_path)
    told = timeline(tmp_path, "last")

    assert (told.plan, told.judged) == (PLAN, *(judged or (None,)))
    assert told.cases == {0: CaseName("a.py::t0", "a.py"), 1: CaseName("b.py::t1", "b.py")}
    assert told.attempts == (Attempted(0, 1, "here", "gw0", "passed", 1e9 + 2.25, 1.0),)


def test_a_run_without_a_plan_is_told_too(tmp_path):
    """Then nothing was expected."""
    write_run(tmp_path)
    ingest(tmp_path)
    told = timeline(tmp_path, "last")

    assert (told.plan, told.judged, len(told.attempts)) == (None, None, 1)


def test_there_is_no_timeline_without_a_run(tmp_path):
    """The error says what to do."""
    with pytest.raises(StoreFault, match="no runs are kept"):
        timeline(tmp_path, "last")


def test_a_history_of_version_2_gets_the_tables_that_it_lacks(tmp_path: Path):
    """Its rows stay, and nothing is made twice."""
    with duckdb.connect(str(tmp_path / "history.duckdb")) as connection:
        for name in ("schema.sql", "hardware.sql"):
            connection.execute((files("pytest_disttest.store") / name).read_text("utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (2, '0.1.0')")
        connection.execute("INSERT INTO notes VALUES ('r', NULL, 'k', 'kept', '', '')")
    write_run(tmp_path, PLAN)
    ingest(tmp_path)

    with duckdb.connect(str(tmp_path / "history.duckdb"), read_only=True) as connection:
        assert [("kept",)] == connection.execute("SELECT text FROM notes").fetchall()
        assert [(5,)] == connection.execute("SELECT max(version) FROM schema_version").fetchall()
        assert [(1,)] == connection.execute("SELECT count(*) FROM plans").fetchall()


def test_a_stream_hears_what_the_journal_hears_and_who_began_what(tmp_path):
    """Line by line the same; what began is told to it alone."""
    journal = Journal.create(
        tmp_path, RUN, started_at=1e9, rootdir="", args=[], version="", stream=Stream(str(tmp_path / "heard"))
    )
    journal.began(0, "here", "gw0")
    journal.note("k", "said")
    journal.close()
    heard = (tmp_path / "heard").read_bytes().splitlines()

    assert [b'"event":"run"', b'"event":"began"', b'"event":"note"'] == [line[1:].split(b",")[0] for line in heard]
    assert journal.path.read_bytes().splitlines() == [heard[0], heard[2]]


def test_a_reader_that_goes_away_does_not_stop_the_run(tmp_path):
    """What it misses is in the journal."""
    import os

    hearing, speaking = os.pipe()
    stream = Stream(f"/dev/fd/{speaking}")
    os.close(speaking)
    os.close(hearing)
    journal = Journal.create(tmp_path, RUN, started_at=1e9, rootdir="", args=[], version="", stream=stream)
    journal.note("k", "kept")
    journal.close()

    assert journal.fault is None
    assert b'"kept"' in journal.path.read_bytes()
