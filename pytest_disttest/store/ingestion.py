"""Journals become rows: once each, whole or not at all.

Each journal is read line by line into the appenders of one transaction. A run that is there already
with the same journal is passed over; one whose journal has grown since is replaced. The journals that are
kept after ingestion are compared, too, so a database that was lost, damaged or torn fills itself again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_disttest.errors import StoreFault
from pytest_disttest.model import Attempt, Outcome
from pytest_disttest.store import database, layout, timings
from pytest_disttest.store.database import Connection, HistoryBusy, HistoryCorrupt
from pytest_disttest.store.events import (
    CasesPassed,
    CasesSeen,
    Event,
    HostSeen,
    NoteTaken,
    RunFinished,
    RunStarted,
    from_line,
)
from pytest_disttest.store.failures import FailureTold, failure_row
from pytest_disttest.store.hardware import (
    Chosen,
    DemandExplained,
    Given,
    HostProfiled,
    chosen_rows,
    explained_row,
    fact_rows,
    given_rows,
    plain,
    profile_row,
)
from pytest_disttest.store.plans import RunJudged, RunPlanned, plan_row, prediction_rows
from pytest_disttest.store.recoveries import RecoveryTried, keep_recoveries, recovery_row
from pytest_disttest.store.sql import query
from pytest_disttest.store.stories import FilesSeen, ResultsKept
from pytest_disttest.store.summary import IngestSummary

RUN_TABLES = (
    "runs", "hosts", "cases", "attempts", "results", "notes", "host_profiles", "host_facts", "match_explain", "grants",
    "choices", "plans", "predictions", "recoveries", "failures",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1)  # UTC, see schema.sql


def ingest_journals(directory: Path, *, deadline_s: float) -> IngestSummary:
    """Return what became of the journals in *directory* that nobody is writing."""
    give_up_at = time.monotonic() + deadline_s
    while True:
        with layout.only_ingester(directory) as free:
            if free:
                return _ingest_alone(directory, deadline_s=max(0.0, give_up_at - time.monotonic()))
        if time.monotonic() >= give_up_at:
            return _left(directory, "another process is ingesting; the journals wait for the next time")
        time.sleep(0.05)


def _ingest_alone(directory: Path, *, deadline_s: float) -> IngestSummary:
    try:
        return _ingest_into_history(directory, deadline_s=deadline_s)
    except HistoryBusy as busy:
        return _left(directory, f"{busy.message}; the journals wait for the next time")
    except HistoryCorrupt as damage:
        message = f"{damage.message}; {_move_aside(layout.database_path(directory))}"
        return _ingest_into_history(directory, deadline_s=deadline_s).with_message(message)


def _ingest_into_history(directory: Path, *, deadline_s: float) -> IngestSummary:
    summary = IngestSummary(alive=tuple(path.stem for path in layout.alive(directory)))
    path = layout.database_path(directory)
    with database.opened(path, read_only=False, deadline_s=deadline_s) as connection:
        known = dict(connection.execute(query("known_journals")).fetchall())
        for journal in (*layout.done(directory), *layout.waiting(directory)):
            if known.get(journal.stem) != journal.stat().st_size:
                summary = _ingest_one(connection, journal, summary)
            else:
                layout.archive(journal)
        connection.execute("CHECKPOINT")
        if tries := connection.execute(query("recent_recoveries")).fetchall():
            keep_recoveries(directory, tries)
    layout.prune(directory)
    return summary


def _ingest_one(connection: Connection, journal: Path, summary: IngestSummary) -> IngestSummary:
    """Bring one journal in; one that cannot be read is set aside, and the others go on."""
    connection.begin()
    try:
        tally = _store_run(connection, journal)
        connection.commit()
    except ValueError as error:
        connection.rollback()
        layout.reject(journal)
        return summary.with_message(f"{journal.name} was set aside in runs/unreadable: {error}")
    if tally.finish is None and not layout.is_archived(journal):
        _remember_durations(connection, journal)
    layout.archive(journal)
    return summary.with_run(
        journal.stem, interrupted=tally.finish is None, attempts=tally.attempts, unreadable_lines=tally.unreadable
    )


def _remember_durations(connection: Connection, journal: Path) -> None:
    """Keep what a run measured whose controller was killed before it could do so itself."""
    measured = connection.execute(query("run_durations"), {"run_id": journal.stem}).fetchall()
    with suppress(OSError):  # the next plan knows less, that is all
        timings.add_run(layout.durations_path(journal.parents[1]), measured)


def restore_durations(directory: Path) -> None:
    """Make the times that the next plan goes by anew from the history, where they are lost."""
    place, history = layout.durations_path(directory), layout.database_path(directory)
    if not history.exists() or timings.predicted(place):
        return
    with suppress(OSError, StoreFault):
        with database.opened(history, read_only=True, deadline_s=1.0) as connection:
            measured = connection.execute(query("recent_durations")).fetchall()
        timings.add_run(place, measured)


@dataclass(slots=True)
class Tally:
    """What a pass over a journal has seen so far."""

    started: RunStarted
    finish: RunFinished | None = None
    hosts: dict[str, HostSeen] = field(default_factory=dict)
    cases: int = 0
    attempts: int = 0
    unreadable: int = 0
    last_sign_at: float = 0.0
    kept: ResultsKept | None = None

    def saw(self, event: RunFinished | ResultsKept) -> None:
        """Take a line that there is one of at most."""
        if isinstance(event, ResultsKept):
            self.kept = event
        else:
            self.finish = event


def _store_run(connection: Connection, journal: Path) -> Tally:
    """Write the rows of one journal; ValueError if its first line is not the start of a run."""
    run_id = journal.stem
    size = journal.stat().st_size
    for table in RUN_TABLES:
        connection.execute(f"DELETE FROM {table} WHERE run_id = ?", [run_id])
    with journal.open("rb") as lines:
        started = from_line(lines.readline())
        if not isinstance(started, RunStarted):
            raise ValueError("it does not begin with a run")  # noqa: TRY004 -- the file's fault, not a caller's
        tally = Tally(started, last_sign_at=started.started_at)
        _append_rows(connection, run_id, _events(lines, tally), tally)
    if started.resumes:
        _take_over(connection, run_id, tally)
    connection.execute(query("insert_results"), {"run_id": run_id})
    connection.execute(query("insert_run"), _run_row(run_id, tally, size))
    return tally


def _take_over(connection: Connection, run_id: str, tally: Tally) -> None:
    """A run that resumed another has recorded attempts of that again: each of them counts once.

    Where it was cut off before it had recorded them all, they are still the other run's.
    """
    if tally.kept is None:
        connection.execute("DELETE FROM attempts WHERE run_id = ?", [run_id])
        tally.attempts = 0
        return
    taken = {"run_id": tally.kept.run_id, "cases": list(tally.kept.cases)}
    for name in ("take_attempts", "take_results"):
        connection.execute(query(name), taken)
    connection.execute(query("mark_resumed"), {"run_id": tally.kept.run_id})


def _events(lines: Iterator[bytes], tally: Tally) -> Iterator[Event]:
    """Yield the events on *lines*; a torn or damaged line costs itself, and is counted."""
    for line in lines:
        try:
            event = from_line(line)
        except ValueError:
            tally.unreadable += 1
            continue
        yield event


def _append_rows(connection: Connection, run_id: str, events: Iterator[Event], tally: Tally) -> None:
    with ExitStack() as stack:
        cases, attempts, notes, hosts = (
            stack.enter_context(connection.appender(table)) for table in ("cases", "attempts", "notes", "hosts")
        )
        seldom: list[Event] = []
        for event in events:
            match event:
                case Attempt():
                    attempts.append_row(*_attempt_row(run_id, event, tally.attempts))
                    tally.attempts += 1
                    tally.last_sign_at = max(tally.last_sign_at, _end_of(event))
                case CasesPassed():
                    attempts.append_rows(_pass_rows(run_id, event, tally.attempts))
                    tally.attempts += len(event.rows)
                    tally.last_sign_at = max(tally.last_sign_at, _last_end(event))
                case CasesSeen():
                    cases.append_rows(_case_rows(run_id, event))
                    tally.cases += len(event.cases)
                case NoteTaken():
                    notes.append_row(*_note_row(run_id, event))
                    tally.last_sign_at = max(tally.last_sign_at, event.at)
                case HostSeen():
                    tally.hosts[event.name] = event
                case RunFinished() | ResultsKept():
                    tally.saw(event)
                case FilesSeen():
                    pass  # for a run that goes on with this one
                case _:
                    seldom.append(event)
        hosts.append_rows([_host_row(run_id, host) for host in tally.hosts.values()])
    if seldom:
        _append_hardware(connection, run_id, seldom)
        _append_plan(connection, run_id, seldom)
        _append_recoveries(connection, run_id, seldom)
        _append_failures(connection, run_id, seldom)


def _append_hardware(connection: Connection, run_id: str, events: Iterable[Event]) -> None:
    profiles: dict[str, HostProfiled] = {}
    with ExitStack() as stack:
        explained, given, chosen = (
            stack.enter_context(connection.appender(table)) for table in ("match_explain", "grants", "choices")
        )
        for event in events:
            match event:
                case HostProfiled():
                    profiles[event.host] = event
                case DemandExplained():
                    explained.append_row(*explained_row(run_id, event))
                case Given():
                    given.append_rows(given_rows(run_id, event))
                case Chosen():
                    chosen.append_rows(chosen_rows(run_id, event))
    with connection.appender("host_profiles") as hosts, connection.appender("host_facts") as facts:
        for profile in profiles.values():
            hosts.append_row(*profile_row(run_id, profile))
            facts.append_rows(list(fact_rows(run_id, profile)))


def _append_plan(connection: Connection, run_id: str, events: Iterable[Event]) -> None:
    plan = judged = None
    for event in events:
        match event:
            case RunPlanned():
                plan = event
            case RunJudged():
                judged = event
    if plan is not None:
        with connection.appender("plans") as plans, connection.appender("predictions") as predictions:
            plans.append_row(*plan_row(run_id, plan, judged, _utc(plan.at)))
            predictions.append_rows(prediction_rows(run_id, plan))


def _append_recoveries(connection: Connection, run_id: str, events: Iterable[Event]) -> None:
    rows = [recovery_row(run_id, event, _utc(event.at)) for event in events if isinstance(event, RecoveryTried)]
    if rows:
        with connection.appender("recoveries") as recoveries:
            recoveries.append_rows(rows)


def _append_failures(connection: Connection, run_id: str, events: Iterable[Event]) -> None:
    rows = [failure_row(run_id, event) for event in events if isinstance(event, FailureTold)]
    if rows:
        with connection.appender("failures") as failures:
            failures.append_rows(rows)


def _attempt_row(run_id: str, attempt: Attempt, sequence: int) -> tuple[object, ...]:
    times = attempt.times
    return (
        run_id,
        attempt.case,
        attempt.number,
        sequence,
        plain(attempt.host),
        plain(attempt.worker),
        attempt.outcome.value,
        _utc(attempt.started_at),
        times.setup_s,
        times.call_s,
        times.teardown_s,
        plain(attempt.message),
        plain(attempt.longrepr),
    )


def _pass_rows(run_id: str, event: CasesPassed, sequence: int) -> list[tuple[object, ...]]:
    host, worker, passed = plain(event.host), plain(event.worker), Outcome.PASSED.value
    return [
        (run_id, case, number, place, host, worker, passed, _utc(started_at), setup_s, call_s, teardown_s, "", "")
        for place, (case, number, started_at, setup_s, call_s, teardown_s) in enumerate(event.rows, sequence)
    ]


def _case_rows(run_id: str, event: CasesSeen) -> list[tuple[object, ...]]:
    return [
        (
            run_id,
            case.index,
            plain(case.nodeid),
            case.occurrence,
            plain(case.file),
            plain(case.cls),
            plain(case.path),
            None if case.line is None else case.line + 1,  # pytest counts lines from 0, people from 1
            list(map(plain, case.requirements)),
            list(map(plain, case.groups)),
            case.deselected,
        )
        for case in event.cases
    ]


def _note_row(run_id: str, note: NoteTaken) -> tuple[object, ...]:
    return (run_id, _utc(note.at), *map(plain, (note.kind, note.text, note.host, note.worker)))


def _host_row(run_id: str, host: HostSeen) -> tuple[object, ...]:
    texts = map(plain, (host.name, host.transport, host.address, host.python, host.platform))
    capabilities = json.dumps({plain(key): _jsonable(value) for key, value in host.capabilities})
    return (run_id, *texts, host.workers, capabilities, plain(host.state), plain(host.reason))


def _run_row(run_id: str, tally: Tally, size: int) -> Mapping[str, Any]:
    started, finish = tally.started, tally.finish
    return {
        "run_id": run_id,
        "state": "finished" if finish else "interrupted",
        "started_at": _utc(started.started_at),
        "ended_at": _utc(finish.ended_at if finish else tally.last_sign_at),
        "exit_status": finish.exit_status if finish else None,
        "rootdir": plain(started.rootdir),
        "args": list(map(plain, started.args)),
        "version": plain(started.version),
        "git_commit": plain(started.git_commit),
        "cases": tally.cases,
        "attempts": tally.attempts,
        "unreadable_lines": tally.unreadable,
        "journal_bytes": size,
    }


def _jsonable(value: object) -> object:
    if isinstance(value, tuple):
        return [_jsonable(part) for part in value]
    return plain(value) if isinstance(value, str) else value


def _end_of(attempt: Attempt) -> float:
    times = attempt.times
    return attempt.started_at + times.setup_s + times.call_s + times.teardown_s


def _last_end(event: CasesPassed) -> float:
    return max((sum(times) for _, _, *times in event.rows), default=0.0)


def _utc(seconds: float) -> datetime | None:
    """Return *seconds* since the epoch as a moment without a zone; None for what no calendar holds."""
    try:
        return EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        return None


def _left(directory: Path, message: str) -> IngestSummary:
    left = tuple(path.stem for path in layout.waiting(directory))
    return IngestSummary(left=left, alive=tuple(path.stem for path in layout.alive(directory)), messages=(message,))


def _move_aside(path: Path) -> str:
    """Rename a damaged history, its write-ahead log with it, and return a sentence that says so."""
    aside = path.with_name(f"{path.name}.corrupt-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    log = path.with_name(f"{path.name}.wal")
    try:
        path.replace(aside)
        if log.exists():
            log.replace(aside.with_name(f"{aside.name}.wal"))
    except OSError as error:
        raise StoreFault(f"{path} is damaged and cannot be moved aside: {error.strerror}", hint="delete it") from error
    return f"it was moved to {aside.name}, and the journals that still exist are read again"
