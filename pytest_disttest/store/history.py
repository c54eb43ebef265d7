"""What the history says, as values: the questions of `disttest runs`, `disttest show` and the next plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_disttest.errors import StoreFault, UsageFault, did_you_mean
from pytest_disttest.store import database, layout
from pytest_disttest.store.database import Connection
from pytest_disttest.store.recoveries import tries_of
from pytest_disttest.store.sql import query

if TYPE_CHECKING:
    from pytest_disttest.recovery.record import StepTried

READ_DEADLINE_S = 3.0
LAST_RUNS_NAMED = 5


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run's header; *started_at* and *ended_at* in POSIX seconds, *outcomes* how many cases ended how."""

    run_id: str
    state: str
    started_at: float | None
    ended_at: float | None
    exit_status: int | None
    rootdir: str
    args: tuple[str, ...]
    version: str
    git_commit: str
    cases: int
    attempts: int
    unreadable_lines: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host of a run; *attempts* ran there and took *busy_s* seconds in sum."""

    name: str
    transport: str
    address: str
    python: str
    platform: str
    workers: int
    capabilities: Mapping[str, object]
    state: str
    reason: str
    attempts: int
    busy_s: float


@dataclass(frozen=True, slots=True)
class SlowRow:
    """A case that took long: *duration_s* over its three phases."""

    nodeid: str
    duration_s: float
    outcome: str
    host: str


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A case that did not end well, with what its last attempt said."""

    nodeid: str
    occurrence: int
    outcome: str
    attempts: int
    host: str
    worker: str
    message: str
    longrepr: str


@dataclass(frozen=True, slots=True)
class FlakyRow:
    """A case that passed after a failed attempt; *host* and *message* are those of the first failure."""

    nodeid: str
    occurrence: int
    attempts: int
    host: str
    message: str


@dataclass(frozen=True, slots=True)
class NotRunRow:
    """A case that no worker ran: no host fits it, or what it depends on did not pass."""

    nodeid: str
    occurrence: int
    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class NoteRow:
    """Something else that happened; *at* in POSIX seconds."""

    at: float | None
    kind: str
    text: str
    host: str
    worker: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A fact of a host, or of its *device*, that differs from what the host said before; values as JSON."""

    host: str
    device: str
    fact: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """Where a case fits and why not elsewhere; *explanation* in the form of ``reports.explanation``."""

    nodeid: str
    case_index: int
    demand: str
    verdict: str
    summary: str
    hosts: tuple[str, ...]
    explanation: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunReport:
    """All that `disttest show` tells about one run."""

    run: RunRow
    hosts: tuple[HostRow, ...]
    slowest: tuple[SlowRow, ...]
    failures: tuple[FailureRow, ...]
    not_run: tuple[NotRunRow, ...]
    flaky: tuple[FlakyRow, ...]
    notes: tuple[NoteRow, ...]
    changes: tuple[ChangeRow, ...]


def newest_runs(directory: Path, *, limit: int) -> tuple[RunRow, ...]:
    """Return up to *limit* runs, newest first; none where nothing was ever kept. StoreFault if unreadable."""
    path = layout.database_path(directory)
    if not path.exists():
        return ()
    with database.opened(path, read_only=True, deadline_s=READ_DEADLINE_S) as connection:
        return tuple(map(run_row, connection.execute(query("list_runs"), {"limit": limit}).fetchall()))


def report(directory: Path, wanted: str, *, slowest: int) -> RunReport:
    """Return the run that *wanted* means (an id, a unique beginning of one, or ``last``).

    Raises StoreFault where there is no run at all, UsageFault naming the nearest ones where none or several fit.
    """
    with opened_at(directory, wanted) as (connection, run_id):
        return _report(connection, run_id, slowest=slowest)


def explanations(
    directory: Path, wanted: str, prefix: str, *, everything: bool
) -> tuple[str, tuple[ExplainedRow, ...]]:
    """Return the run that *wanted* means, and what was said of its cases whose node id begins with *prefix*.

    Without a prefix only of those that had no host, unless *everything* is asked for. Raises as `report` does.
    """
    with opened_at(directory, wanted) as (connection, run_id):
        asked = {"run_id": run_id, "prefix": prefix, "all": everything}
        rows = connection.execute(query("run_explanations"), asked).fetchall()
    return run_id, tuple(
        ExplainedRow(nodeid, index, demand, verdict, summary, tuple(hosts), json.loads(str(explanation)))
        for nodeid, index, demand, verdict, summary, hosts, explanation in rows
    )


def recoveries(directory: Path) -> list[StepTried]:
    """Return how the last recovery steps went, oldest first; none where nothing was ever kept."""
    path = layout.database_path(directory)
    if not path.exists():
        return []
    with database.opened(path, read_only=True, deadline_s=READ_DEADLINE_S) as connection:
        return tries_of(connection.execute(query("recent_recoveries")).fetchall())


@contextmanager
def opened_at(directory: Path, wanted: str) -> Iterator[tuple[Connection, str]]:
    """Yield the open history and the run that *wanted* means; raises as `report` does."""
    path = layout.database_path(directory)
    if not path.exists():
        raise _no_runs(directory)
    with database.opened(path, read_only=True, deadline_s=READ_DEADLINE_S) as connection:
        run_ids = [run_id for (run_id,) in connection.execute(query("run_ids")).fetchall()]
        if not run_ids:
            raise _no_runs(directory)
        yield connection, resolve(wanted, run_ids)


def resolve(wanted: str, run_ids: list[str]) -> str:
    """Return the one of *run_ids* (newest first, at least one) that *wanted* means; UsageFault otherwise."""
    if wanted == "last":
        return run_ids[0]
    fitting = [run_id for run_id in run_ids if run_id.startswith(wanted)] if wanted else []
    if wanted in fitting:
        return wanted
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        shown = ", ".join(fitting[:LAST_RUNS_NAMED])
        raise UsageFault(f"{len(fitting)} runs begin with {wanted!r}", place="RUN", hint=f"newest of them: {shown}")
    near = did_you_mean(wanted, run_ids) if wanted else ""
    last = f"the last runs: {', '.join(run_ids[:LAST_RUNS_NAMED])}"
    raise UsageFault(f"no run begins with {wanted!r}", place="RUN", hint=near if near.startswith("did") else last)


def _report(connection: Connection, run_id: str, *, slowest: int) -> RunReport:
    def ask(name: str, **more: object) -> list[tuple[Any, ...]]:
        return connection.execute(query(name), {"run_id": run_id, **more}).fetchall()

    return RunReport(
        run=run_row(ask("run_header")[0]),
        hosts=tuple(map(_host_row, ask("run_hosts"))),
        slowest=tuple(SlowRow(*row) for row in ask("run_slowest", limit=slowest)),
        failures=tuple(FailureRow(*row) for row in ask("run_failures")),
        not_run=tuple(NotRunRow(*row) for row in ask("run_not_run")),
        flaky=tuple(FlakyRow(*row) for row in ask("run_flaky")),
        notes=tuple(NoteRow(*row) for row in ask("run_notes")),
        changes=tuple(ChangeRow(*map(str, row)) for row in ask("run_host_changes")),
    )


def run_row(row: tuple[Any, ...]) -> RunRow:
    """Return a run's header from a row of ``run_header`` or ``list_runs``."""
    run = RunRow(*row)
    return replace(run, args=tuple(run.args), outcomes=dict(run.outcomes or {}))  # lists and NULL from SQL


def _host_row(row: tuple[Any, ...]) -> HostRow:
    host = HostRow(*row)
    return replace(host, capabilities=json.loads(str(host.capabilities)))  # text from SQL


def _no_runs(directory: Path) -> StoreFault:
    return StoreFault(
        f"no runs are kept in {directory}", hint="run `pytest --dist-hw` first, or name another: --store DIR"
    )
