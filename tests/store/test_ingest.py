"""Journals become rows once each, whatever happened to the process that wrote them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from pytest_disttest import store
from pytest_disttest.errors import StoreFault
from pytest_disttest.model import Attempt, Case, Outcome, PhaseTime
from pytest_disttest.store import IngestSummary, Journal, durations, ingest, is_ingestion_due, layout
from pytest_disttest.store.stories import ResultsKept

# A process in another directory finds this checkout, installed or not.
IMPORTABLE = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
RUN = "20261123-184500-1a2b3c"
PASSED, FAILED, CRASHED = Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED


def begin(directory: Path, name: str = RUN) -> Journal:
    return Journal.create(directory, name, started_at=1e9, rootdir="/suite", args=["-q"], version="0.1")


def attempt(
    case: int, outcome: Outcome = PASSED, *, number: int = 1, call_s: float = 0.5, message: str = ""
) -> Attempt:
    return Attempt(case, number, "local", "gw0", outcome, 1e9 + case, PhaseTime(0.25, call_s, 0.25), message)


def one_run(directory: Path, name: str = RUN, *attempts: Attempt, cases: int = 2) -> None:
    """Write a whole journal of one run."""
    journal = begin(directory, name)
    journal.cases(Case(i, f"a.py::t{i}") for i in range(cases))
    for each in attempts or (attempt(0), attempt(1)):
        journal.attempt(each)
    journal.finish(exit_status=0, ended_at=1e9 + 60)
    journal.close()


def ask(directory: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(directory / "history.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_run_becomes_rows(tmp_path):
    """Header, hosts, cases, attempts, results and notes, each under the run's id."""
    journal = begin(tmp_path)
    journal.host("gpu", transport="ssh", address="me@gpu", python="3.12", platform="linux", workers=2, capabilities={})
    journal.host(
        "gpu", transport="ssh", address="me@gpu", python="3.12", platform="linux", workers=2,
        capabilities={"gpu": True, "tags": ("a", "b")}, state="lost", reason="silent",
    )  # fmt: skip
    journal.cases([Case(0, "a.py::t", file="a.py", cls="a.py::C", location=("a.py", 4, "t"), groups=("db",))])
    journal.attempt(attempt(0, message="said"))
    journal.note("host lost", "silent", "gpu")
    journal.finish(exit_status=1, ended_at=1e9 + 60)
    journal.close()

    assert ingest(tmp_path) == IngestSummary(runs=(RUN,), attempts=1)
    assert ask(tmp_path, "SELECT state, epoch(started_at), epoch(ended_at), exit_status, args, cases FROM runs") == [
        ("finished", 1e9, 1e9 + 60, 1, ["-q"], 1)
    ]
    assert ask(tmp_path, "SELECT name, state, reason, capabilities FROM hosts") == [
        ("gpu", "lost", "silent", '{"gpu": true, "tags": ["a", "b"]}')
    ]
    assert ask(tmp_path, "SELECT run_id, case_index, nodeid, file, class, path, line, group_names FROM cases") == [
        (RUN, 0, "a.py::t", "a.py", "a.py::C", "a.py", 5, ["db"])
    ]
    assert ask(tmp_path, "SELECT outcome, duration_s, attempts, flaky, message FROM case_results") == [
        ("passed", 1.0, 1, False, "said")
    ]
    assert ask(tmp_path, "SELECT kind, text, host FROM notes") == [("host lost", "silent", "gpu")]


def test_passes_that_share_a_line_become_the_rows_of_attempts(tmp_path):
    """The same rows as if each had come alone, in the order of the journal."""
    journal = begin(tmp_path)
    journal.cases(Case(i, f"a.py::t{i}") for i in range(3))
    journal.passes("local", "gw0", [(0, 1, 1e9, 0.25, 0.5, 0.25), (1, 1, 1e9 + 1, 0.25, 0.5, 0.25)])
    journal.attempt(attempt(2))
    journal.passes("local", "gw0", [(0, 2, 1e9 + 3, 0.25, 0.5, 0.25)])
    journal.close()
    one_run(tmp_path, "20261124-184500-1a2b3c", attempt(0), attempt(1), attempt(2), cases=3)

    assert 6 == ingest(tmp_path).attempts - 1
    assert ask(tmp_path, f"SELECT * EXCLUDE run_id FROM attempts WHERE run_id = '{RUN}' AND number = 1 ORDER BY 2") == (
        ask(tmp_path, f"SELECT * EXCLUDE run_id FROM attempts WHERE run_id <> '{RUN}' ORDER BY 2")
    )
    assert ask(tmp_path, "SELECT case_index, number, epoch(started_at) FROM attempts WHERE sequence = 3") == [
        (0, 2, 1e9 + 3)
    ]
    assert ask(tmp_path, f"SELECT attempts, epoch(ended_at) FROM runs WHERE run_id = '{RUN}'") == [(4, 1e9 + 4)]


def test_the_last_attempt_is_the_result_and_a_pass_after_a_failure_is_flaky(tmp_path):
    """The number of an attempt counts, not when its report arrived."""
    one_run(
        tmp_path, RUN, attempt(0, number=2), attempt(0, CRASHED), attempt(1), attempt(1, FAILED, number=2), attempt(2)
    )
    ingest(tmp_path)

    assert ask(tmp_path, "SELECT case_index, outcome, attempts, flaky FROM results ORDER BY case_index") == [
        (0, "passed", 2, True),
        (1, "failed", 2, False),
        (2, "passed", 1, False),
    ]


def test_ingesting_twice_changes_nothing(tmp_path):
    """A journal whose rows are there already is passed over, also when it lies in the way again."""
    one_run(tmp_path)
    ingest(tmp_path)
    (tmp_path / "runs/done" / f"{RUN}.ndjson").rename(tmp_path / "runs" / f"{RUN}.ndjson")

    assert ingest(tmp_path) == IngestSummary()
    assert ask(tmp_path, "SELECT count(*) FROM attempts") == [(2,)]
    assert [path.stem for path in layout.done(tmp_path)] == [RUN]


def test_a_journal_that_grew_replaces_its_rows(tmp_path):
    """On a file system without locks a live run may be ingested too early; the rest is not lost."""
    one_run(tmp_path)
    ingest(tmp_path)
    layout.done(tmp_path)[0].unlink()
    one_run(tmp_path, RUN, attempt(0), attempt(1), attempt(2), cases=3)

    assert ingest(tmp_path).runs == (RUN,)
    assert ask(
        tmp_path, "SELECT (SELECT count(*) FROM attempts), (SELECT count(*) FROM results), attempts FROM runs"
    ) == [(3, 3, 3)]


def test_a_torn_last_line_and_a_damaged_one_cost_only_themselves(tmp_path):
    """What surrounds them comes in, and they are counted."""
    one_run(tmp_path)
    path = tmp_path / "runs" / f"{RUN}.ndjson"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\x00damage\n", *lines[2:-1], lines[-1][:20]]))

    assert ingest(tmp_path) == IngestSummary(runs=(RUN,), interrupted=(RUN,), attempts=2, unreadable_lines=2)


def test_a_file_that_is_no_journal_is_set_aside_and_the_others_go_on(tmp_path):
    """One line says which and why."""
    one_run(tmp_path)
    (tmp_path / "runs/000.ndjson").write_text("hello\n")
    summary = ingest(tmp_path)

    assert summary.runs == (RUN,)
    assert "000.ndjson was set aside" in summary.messages[0]
    assert (tmp_path / "runs/unreadable/000.ndjson").exists()
    assert ingest(tmp_path) == IngestSummary()


def test_a_run_that_goes_on_is_left_alone(tmp_path):
    """Its controller holds the lock; when it is closed the run comes in."""
    journal = begin(tmp_path)
    one_run(tmp_path, "20261123-184501-000000")

    assert ingest(tmp_path) == IngestSummary(runs=("20261123-184501-000000",), alive=(RUN,), attempts=2)
    journal.close()
    assert ingest(tmp_path).interrupted == (RUN,)


def test_a_journal_about_to_begin_is_left_alone(tmp_path):
    """Between opening and locking it a controller's file is empty and free."""
    layout.prepare(tmp_path)
    path = tmp_path / "runs/young.ndjson"
    path.touch()
    assert ingest(tmp_path) == IngestSummary(alive=("young",))

    os.utime(path, (1, 1))
    assert "set aside" in ingest(tmp_path).messages[0]


KILLED = """
import sys
from pathlib import Path
from pytest_disttest.model import Attempt, Case, Outcome
from pytest_disttest.store import Journal

journal = Journal.create(Path(sys.argv[1]), "20261123-184500-1a2b3c", started_at=1e9, rootdir="", args=[], version="")
journal.cases(Case(i, f"t{i}") for i in range(50))
number = 0
while True:
    journal.attempt(Attempt(number % 50, 1 + number // 50, "local", "gw0", Outcome.PASSED, 1e9, message="x" * 200))
    number += 1
    if number % 100 == 0:
        print(number, flush=True)
"""


def test_nothing_is_lost_when_the_controller_is_killed(tmp_path):
    """While it lives its run is left alone; after ``kill -9`` all that it acknowledged comes in, as interrupted."""
    with subprocess.Popen(
        [sys.executable, "-c", IMPORTABLE + KILLED, tmp_path], stdout=subprocess.PIPE, text=True
    ) as controller:
        acknowledged = [int(controller.stdout.readline()) for _ in range(20)]
        assert ingest(tmp_path).alive == (RUN,)
        controller.send_signal(signal.SIGKILL)
        acknowledged += map(int, controller.stdout.read().splitlines())
        controller.wait()
    summary = ingest(tmp_path)

    assert (summary.runs, summary.interrupted) == ((RUN,), (RUN,))
    assert summary.attempts >= acknowledged[-1]
    assert ask(tmp_path, "SELECT state, exit_status, attempts FROM runs") == [("interrupted", None, summary.attempts)]


HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A history with one run, and another process that has it open."""
    one_run(tmp_path)
    ingest(tmp_path)
    command = [sys.executable, "-c", IMPORTABLE + HOLD, tmp_path / "history.duckdb"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.stdin.close()


def test_a_busy_history_leaves_the_journals_for_the_next_time(tmp_path, held):
    """The summary names the process that has it; nothing is lost."""
    one_run(tmp_path, "20261123-184501-000000")
    summary = ingest(tmp_path, deadline_s=0.3)

    assert summary.left == ("20261123-184501-000000",)
    assert f"process {held.pid}" in summary.messages[0]
    held.communicate()
    assert ingest(tmp_path).runs == ("20261123-184501-000000",)


INGEST = """
import sys
from pathlib import Path
from pytest_disttest.store import ingest

print("go", flush=True)
print(ingest(Path(sys.argv[1]), deadline_s=60).runs)
"""


def test_a_history_that_becomes_free_in_time_is_waited_for(tmp_path, held):
    """Retries go on until the deadline."""
    one_run(tmp_path, "20261123-184501-000000")
    waiting = subprocess.Popen([sys.executable, "-c", IMPORTABLE + INGEST, tmp_path], stdout=subprocess.PIPE, text=True)
    with waiting:
        assert waiting.stdout.readline() == "go\n"
        held.communicate()
        assert "20261123-184501-000000" in waiting.stdout.read()


def test_several_ingesters_at_once_bring_each_run_in_once(tmp_path):
    """Ends of parallel runs meet here."""
    for number in range(12):
        one_run(tmp_path, f"20261123-184501-{number:06}")
    crowd = [
        subprocess.Popen([sys.executable, "-c", IMPORTABLE + INGEST, tmp_path], stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]

    assert [each.wait() for each in crowd] == [0, 0, 0]
    assert ask(tmp_path, "SELECT count(*), count(DISTINCT run_id), sum(attempts) FROM runs") == [(12, 12, 24)]
    assert ask(tmp_path, "SELECT count(*) FROM attempts") == [(24,)]


def damage_header(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def damage_block(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:12288] = bytes(reversed(content[4096:12288]))
    path.write_bytes(content)


def damage_length(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:13000])


@pytest.mark.parametrize("damage", [damage_header, damage_block, damage_length])
def test_a_damaged_history_is_moved_aside_and_made_anew_from_the_journals(tmp_path, damage):
    """With a message, never a traceback."""
    one_run(tmp_path)
    ingest(tmp_path)
    damage(tmp_path / "history.duckdb")
    one_run(tmp_path, "20261123-184501-000000")

    summary = ingest(tmp_path)
    assert summary.runs == (RUN, "20261123-184501-000000")
    assert "it was moved to history.duckdb.corrupt-" in summary.messages[0]
    assert len(list(tmp_path.glob("history.duckdb.corrupt-*"))) == 1
    assert ask(tmp_path, "SELECT count(*) FROM runs") == [(2,)]


def test_a_history_that_was_deleted_fills_itself_again(tmp_path):
    """From the journals that are kept."""
    one_run(tmp_path)
    ingest(tmp_path)
    (tmp_path / "history.duckdb").unlink()

    assert ingest(tmp_path).runs == (RUN,)


def test_only_the_newest_journals_are_kept(tmp_path, monkeypatch):
    """The directory does not grow for ever; the rows stay."""
    monkeypatch.setattr(layout, "KEPT_JOURNALS", 3)
    for number in range(5):
        one_run(tmp_path, f"20261123-184501-{number:06}")
    ingest(tmp_path)

    assert [path.stem[-1] for path in layout.done(tmp_path)] == ["2", "3", "4"]
    assert ask(tmp_path, "SELECT count(*) FROM runs") == [(5,)]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ("CREATE TABLE other (x INTEGER)", "holds no history"),
        ("CREATE TABLE schema_version AS SELECT 99 AS version", "schema version 99"),
    ],
)
def test_a_history_of_somebody_else_is_refused_and_left_untouched(tmp_path, statements, said):
    """A newer schema, or another program's file: the hint says what to do."""
    one_run(tmp_path)
    with duckdb.connect(str(tmp_path / "history.duckdb")) as connection:
        connection.execute(statements)

    with pytest.raises(StoreFault, match=said) as caught:
        ingest(tmp_path)
    assert caught.value.hint
    assert layout.waiting(tmp_path)


def test_texts_that_utf8_cannot_hold_are_escaped(tmp_path):
    """A node id with a lone surrogate survives, written out."""
    journal = begin(tmp_path)
    journal.cases([Case(0, "t[\udc80\n\x00é]")])
    journal.attempt(attempt(0, message="\ud83d"))
    journal.close()
    ingest(tmp_path)

    assert ask(tmp_path, "SELECT nodeid, message FROM case_results") == [("t[\\udc80\n\x00é]", "\\ud83d")]


def test_what_a_killed_run_measured_is_remembered_when_it_is_brought_in(tmp_path):
    """Its controller could not do it. A run that ended did, so that its journal says nothing new."""
    for number in range(2):
        journal = begin(tmp_path, f"20261123-184501-{number:06}")
        journal.cases([Case(0, "a.py::t0"), Case(1, "a.py::t1")])
        journal.attempt(attempt(0, call_s=1.0 + number))
        journal.attempt(attempt(1, FAILED))
        journal.close()
    one_run(tmp_path, RUN, attempt(0, call_s=100.0))
    ingest(tmp_path)

    assert durations(tmp_path) == {"a.py::t0": 2.0}
    (tmp_path / "history.duckdb").unlink()
    ingest(tmp_path)
    assert len((tmp_path / "durations.ndjson").read_bytes().splitlines()) == 3  # and only once


def test_durations_that_were_lost_are_made_anew_from_the_history(tmp_path):
    """Over the last attempts that passed; only when somebody asks for it, and only when they are lost."""
    for number, call_s in enumerate((9.0, 1.0, 2.0, 3.0, 4.0, 5.0)):
        one_run(tmp_path, f"20261123-184501-{number:06}", attempt(0, call_s=call_s), attempt(1, FAILED))
    ingest(tmp_path)

    assert durations(tmp_path) == {}
    ingest(tmp_path, verify=True)
    ingest(tmp_path, verify=True)
    assert durations(tmp_path) == {"a.py::t0": 3.5}
    assert len((tmp_path / "durations.ndjson").read_bytes().splitlines()) == 2


def test_a_long_run_ingests_and_a_short_one_leaves_it_to_others(tmp_path, monkeypatch):
    """Unless many journals wait, or large ones: nobody should have to ask for it."""
    monkeypatch.setattr(store, "MOST_WAITING", 2)
    assert not is_ingestion_due(tmp_path / "none", lasted_s=1)
    assert is_ingestion_due(tmp_path, lasted_s=store.INGEST_AFTER_S)
    for number in range(3):
        assert not is_ingestion_due(tmp_path, lasted_s=1)
        one_run(tmp_path, f"20261123-184501-{number:06}")
    assert is_ingestion_due(tmp_path, lasted_s=1)

    ingest(tmp_path)
    assert not is_ingestion_due(tmp_path, lasted_s=1)
    monkeypatch.setattr(store, "MOST_WAITING_BYTES", 100)
    one_run(tmp_path)
    assert is_ingestion_due(tmp_path, lasted_s=1)


def test_a_hundred_thousand_attempts_come_in_quickly(tmp_path):
    """Two seconds on an idle machine; the bound is on processor time, and leaves room for a slow one."""
    one_run(tmp_path, RUN, *map(attempt, range(100_000)), cases=100_000)
    began = time.process_time()
    summary = ingest(tmp_path)

    assert time.process_time() - began < 6.0
    assert summary.attempts == 100_000


@pytest.mark.parametrize("is_known", [True, False])
def test_attempts_that_a_later_run_has_kept_count_once(tmp_path, is_known):
    """They are that run's, whether the earlier one was ingested before; what was made anew stays with both."""
    early = begin(tmp_path)
    early.cases(Case(i, f"a.py::t{i}") for i in range(3))
    for each in (attempt(0, FAILED), attempt(0, number=2), attempt(1)):
        early.attempt(each)
    early.close()
    if is_known:
        ingest(tmp_path)
    late = "20261124-184500-1a2b3c"
    journal = Journal.create(tmp_path, late, started_at=2e9, rootdir="", args=[], version="", resumes=RUN)
    journal.cases(Case(i, f"a.py::t{i}") for i in (2, 1, 0))
    for each in (attempt(0, FAILED), attempt(0, number=2)):
        journal.keep(each)
    journal.keep(ResultsKept(RUN, (0,)))
    journal.attempt(attempt(1, FAILED))
    journal.close()
    ingest(tmp_path)

    assert ask(tmp_path, "SELECT run_id, state, attempts FROM runs ORDER BY 1") == [
        (RUN, "resumed", 1),
        (late, "interrupted", 3),
    ]
    assert ask(tmp_path, "SELECT run_id, case_index, outcome, flaky FROM results ORDER BY 1, 2") == [
        (RUN, 1, "passed", False),
        (late, 0, "passed", True),
        (late, 1, "failed", False),
    ]
    (tmp_path / "history.duckdb").unlink()
    ingest(tmp_path)
    assert ask(tmp_path, "SELECT run_id, count(*) FROM attempts GROUP BY 1 ORDER BY 1") == [(RUN, 1), (late, 3)]


def test_a_run_that_was_cut_off_as_it_began_to_resume_has_no_attempts(tmp_path):
    """What it had copied by then is still the earlier run's."""
    early = begin(tmp_path)
    early.cases([Case(0, "a.py::t0")])
    early.attempt(attempt(0))
    early.close()
    late = "20261124-184500-1a2b3c"
    journal = Journal.create(tmp_path, late, started_at=2e9, rootdir="", args=[], version="", resumes=RUN)
    journal.keep(attempt(0))
    journal.close()
    ingest(tmp_path)

    assert ask(tmp_path, "SELECT run_id, attempts FROM runs ORDER BY 1") == [(RUN, 1), (late, 0)]
    assert ask(tmp_path, "SELECT run_id FROM attempts") == [(RUN,)]
