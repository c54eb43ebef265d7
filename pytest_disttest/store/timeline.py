"""When what ran where in a past run, and what had been expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pytest_disttest.store.database import Connection
from pytest_disttest.store.history import RunRow, opened_at, run_row
from pytest_disttest.store.plans import CasePlanned, RunJudged, RunPlanned
from pytest_disttest.store.sql import query


class CaseName(NamedTuple):
    """What a case is called, and its file."""

    nodeid: str
    file: str


class Attempted(NamedTuple):
    """An execution of a case; *started_at* in POSIX seconds by the clock of its host, *seconds* of all three phases."""

    case: int
    number: int
    host: str
    worker: str
    outcome: str
    started_at: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run over time; *plan* is None where none was made in seconds, *judged* where the run was too short for it.

    *cases* are those that ran or were planned. *attempts* are in the order in which they ended, those that ran only.
    """

    run: RunRow
    plan: RunPlanned | None
    judged: RunJudged | None
    cases: Mapping[int, CaseName]
    attempts: tuple[Attempted, ...]


def timeline(directory: Path, wanted: str) -> Timeline:
    """Return the run that *wanted* means, over time. Raises as `history.report` does."""
    with opened_at(directory, wanted) as (connection, run_id):
        plan, judged = _plan(connection, run_id)
        return Timeline(
            run=run_row(_ask(connection, "run_header", run_id)[0]),
            plan=plan,
            judged=judged,
            cases={case: CaseName(nodeid, file) for case, nodeid, file in _ask(connection, "run_case_names", run_id)},
            attempts=tuple(Attempted(*row) for row in _ask(connection, "run_attempts", run_id)),
        )


def _plan(connection: Connection, run_id: str) -> tuple[RunPlanned | None, RunJudged | None]:
    rows = _ask(connection, "run_plan", run_id)
    if not rows:
        return None, None
    began_at, planned_s, bound_s, bottleneck, unknown, path, *came_to = rows[0]
    cases = tuple(CasePlanned(*row) for row in _ask(connection, "run_predictions", run_id))
    plan = RunPlanned(began_at or 0.0, planned_s or 0.0, bound_s, bottleneck, unknown, tuple(path), cases)
    return plan, None if None in came_to else RunJudged(*came_to)


def _ask(connection: Connection, name: str, run_id: str) -> list[tuple[Any, ...]]:
    return connection.execute(query(name), {"run_id": run_id}).fetchall()
