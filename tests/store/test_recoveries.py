"""Recovery steps, from the journal into the history and to the next run."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.record import StepTried
from pytest_disttest.recovery.steps import Step
from pytest_disttest.store import Journal, history, ingest
from pytest_disttest.store.events import from_line, to_line
from pytest_disttest.store.recoveries import RecoveryTried, add_recoveries, keep_recoveries, read_recoveries

NOW = 1.7e9
DAY_S = 86400.0
MOVED = RecoveryTried("move", "crash", "lab", "boards", NOW, 2.5, succeeded=True)
numbers = st.floats(allow_nan=False)


def write_run(directory: Path, *told: RecoveryTried, run_id: str = "20261123-184500-1a2b3c") -> None:
    """Write the journal of a run that had to recover."""
    journal = Journal.create(directory, run_id, started_at=NOW, rootdir="/suite", args=[], version="0.1")
    for event in told:
        journal.recovery(event)
    journal.finish(exit_status=0, ended_at=NOW + 6)
    journal.close()


@given(st.builds(RecoveryTried, st.text(), st.text(), st.text(), st.text(), numbers, numbers, st.booleans()))
def test_a_line_gives_back_the_event_it_was_made_of(event: RecoveryTried):
    """Whatever was tried."""
    assert event == from_line(to_line(event))


@pytest.mark.parametrize("change", [{"succeeded": 1}, {"step": None}, {"seconds": "long"}])
def test_a_damaged_line_is_refused(change: dict[str, object]):
    """It costs itself, as all do."""
    with pytest.raises(ValueError, match="no event"):
        from_line(to_line(MOVED._replace(**change)))  # type: ignore[arg-type]


def test_ingestion_makes_rows_and_the_next_run_s_file(tmp_path: Path):
    """The same in both; words of another version stay in the table alone."""
    write_run(tmp_path, MOVED, MOVED._replace(step="dance", at=NOW - 1), MOVED._replace(at=NOW + 1, succeeded=False))
    assert [] == history.recoveries(tmp_path) == read_recoveries(tmp_path)
    ingest(tmp_path)
    told = [StepTried(Step.MOVE, FailureClass.CRASH, "boards", 2.5, succeeded) for succeeded in (True, False)]

    assert told == history.recoveries(tmp_path) == read_recoveries(tmp_path)
    with duckdb.connect(str(tmp_path / "history.duckdb"), read_only=True) as connection:
        assert [("dance",), ("move",), ("move",)] == connection.execute(
            "SELECT step FROM recoveries ORDER BY began_at"
        ).fetchall()


def test_a_journal_that_is_read_again_counts_once(tmp_path: Path):
    """As all its rows do."""
    write_run(tmp_path, MOVED)
    ingest(tmp_path)
    done = tmp_path / "runs/done/20261123-184500-1a2b3c.ndjson"
    done.write_bytes(done.read_bytes() + to_line(MOVED))
    ingest(tmp_path, verify=True)

    assert 2 == len(history.recoveries(tmp_path))


def test_only_the_last_tries_count(tmp_path: Path):
    """Fifty of each step, and none that is three months older than the newest."""
    old = [MOVED._replace(at=NOW - 91 * DAY_S, step="repeat", failure="device")]
    many = [MOVED._replace(at=NOW - number, seconds=float(number)) for number in range(60)]
    write_run(tmp_path, *old, *many)
    ingest(tmp_path)
    found = history.recoveries(tmp_path)

    assert [float(number) for number in range(49, -1, -1)] == [tried.seconds for tried in found]


def test_a_run_that_does_not_ingest_adds_its_own(tmp_path: Path):
    """The newest of each step are kept; ingestion makes the file anew, and counts nothing twice."""
    write_run(tmp_path, *[MOVED._replace(seconds=float(number)) for number in range(60)])
    for number in range(60):
        add_recoveries(tmp_path, [MOVED._replace(seconds=float(number)), MOVED._replace(step="dance")])
    assert [float(number) for number in range(10, 60)] == [tried.seconds for tried in read_recoveries(tmp_path)]
    ingest(tmp_path)

    assert history.recoveries(tmp_path) == read_recoveries(tmp_path)
    assert 50 == len(read_recoveries(tmp_path))


@pytest.mark.parametrize("content", [b"", b"{}", b"[[1]]", b"[1]", b'[["move","crash","",null,true]]', b"\xff"])
def test_a_damaged_file_says_nothing(tmp_path: Path, content: bytes):
    """Then the fixed order holds."""
    (tmp_path / "recoveries.json").write_bytes(content)

    assert [] == read_recoveries(tmp_path)
    add_recoveries(tmp_path, [MOVED])
    assert 1 == len(read_recoveries(tmp_path))


def test_a_store_that_cannot_be_written_keeps_nothing(tmp_path: Path):
    """And nobody is bothered."""
    keep_recoveries(tmp_path / "missing", [("move", "crash", "", 1.0, True)])

    assert [] == read_recoveries(tmp_path / "missing")


def test_a_history_of_version_3_gets_the_table_that_it_lacks(tmp_path: Path):
    """Its rows stay."""
    with duckdb.connect(str(tmp_path / "history.duckdb")) as connection:
        for name in ("schema.sql", "hardware.sql", "plans.sql"):
            connection.execute((files("pytest_disttest.store") / name).read_text("utf-8"))
        connection.execute("INSERT INTO schema_version VALUES (3, '0.1.0')")
        connection.execute("INSERT INTO notes VALUES ('r', NULL, 'k', 'kept', '', '')")
    assert [] == history.recoveries(tmp_path)
    write_run(tmp_path, MOVED)
    ingest(tmp_path)

    assert 1 == len(history.recoveries(tmp_path))
    with duckdb.connect(str(tmp_path / "history.duckdb"), read_only=True) as connection:
        assert [("kept",)] == connection.execute("SELECT text FROM notes").fetchall()
        assert [(5,)] == connection.execute("SELECT max(version) FROM schema_version").fetchall()
