"""What failed attempts were taken for, from the journal into the history; and what the next run gives them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.model import Attempt, Outcome
from pytest_disttest.store import Journal, ingest, needed
from pytest_disttest.store.events import from_line, to_line
from pytest_disttest.store.failures import FailureTold
from pytest_disttest.store.layout import has_needed
from pytest_disttest.store.needed import FORGOTTEN_S, MOST, keep_needed, read_needed

TOLD = FailureTold(0, 1, "crash", "the process died", "first in a fresh worker", "crash")
counts = st.integers(0, 2**31 - 1)


def write_run(directory: Path) -> None:
    """Write the journal of a run in which an attempt failed."""
    journal = Journal.create(directory, "20261123-184500-1a2b3c", started_at=1e9, rootdir="/s", args=[], version="0.1")
    journal.attempt(Attempt(0, 1, "here", "gw0", Outcome.CRASHED, 1e9))
    journal.failure(TOLD)
    journal.failure(TOLD._replace(case=1, why="\ud800"))
    journal.finish(exit_status=0, ended_at=1e9 + 6)
    journal.close()


def rows(directory: Path) -> list[tuple[object, ...]]:
    with duckdb.connect(str(directory / "history.duckdb"), read_only=True) as connection:
        return connection.execute("SELECT * FROM failures ORDER BY case_index").fetchall()


@given(st.builds(FailureTold, counts, counts, st.text(), st.text(), st.text(), st.text()))
def test_a_line_gives_back_the_event_it_was_made_of(event: FailureTold):
    """Whatever was said."""
    assert event == from_line(to_line(event))


@pytest.mark.parametrize("change", [{"number": -1}, {"rule": None}, {"case": "0"}])
def test_a_damaged_line_is_refused(change: dict[str, object]):
    """It costs itself, as all do."""
    with pytest.raises(ValueError, match="no event"):
        from_line(to_line(TOLD._replace(**change)))  # type: ignore[arg-type]


def test_ingestion_makes_rows(tmp_path: Path):
    """Of text that UTF-8 cannot hold, too."""
    write_run(tmp_path)
    ingest(tmp_path)

    assert [("20261123-184500-1a2b3c", *TOLD), ("20261123-184500-1a2b3c", 1, *TOLD[1:5], "\\ud800")] == rows(tmp_path)


def test_a_history_of_version_4_gets_the_table(tmp_path: Path):
    """Its rows stay."""
    with duckdb.connect(str(tmp_path / "history.duckdb")) as connection:
        for name in ("schema", "hardware", "plans", "recoveries"):
            connection.execute(files("pytest_disttest.store").joinpath(f"{name}.sql").read_text("utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (4, 'older')")
    write_run(tmp_path)
    ingest(tmp_path)

    assert 2 == len(rows(tmp_path))


def test_what_was_needed_is_remembered_for_a_while(tmp_path: Path, monkeypatch):
    """The last word counts, of so many tests at most; a damaged file says nothing."""
    assert not has_needed(tmp_path) and {} == read_needed(tmp_path)
    keep_needed(tmp_path, "a.py::test", 100)
    keep_needed(tmp_path, "a.py::test", 0)
    keep_needed(tmp_path, "b.py::test_\ud800", 2**40)

    assert has_needed(tmp_path) and {"a.py::test": 0, "b.py::test_\ud800": 2**40} == read_needed(tmp_path)

    now = needed.time.time()
    monkeypatch.setattr(needed.time, "time", lambda: now + FORGOTTEN_S + 60)
    assert {} == read_needed(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(needed, "MOST", 2)
    keep_needed(tmp_path, "c.py::test", 1)
    assert ["b.py::test_\ud800", "c.py::test"] == list(read_needed(tmp_path)) and MOST > 2
    (tmp_path / "memory.json").write_text('{"a": 3}')
    assert {} == read_needed(tmp_path)
