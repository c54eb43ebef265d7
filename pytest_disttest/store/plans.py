"""What a journal says of a run's plan: what was expected before the first test, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from pytest_disttest.store.fields import check_counts, check_types, count, text
from pytest_disttest.store.hardware import plain

Row = tuple[object, ...]


class CasePlanned(NamedTuple):
    """What was expected of a case, in seconds.

    *q50_s* and *q90_s* are on the host where it was to run; *q90_s* is 0.0 where nobody knows. *rank_s* is from its
    start to the end of the run along the longest way of dependents. It was to run on *host*, on the worker number
    *place* there (1 = the first), from *start_s* to *end_s* after the first test; *host* is "" where that was not
    played through.
    """

    case: int
    q50_s: float
    q90_s: float
    rank_s: float
    host: str = ""
    place: int = 0
    start_s: float = 0.0
    end_s: float = 0.0


class RunPlanned(NamedTuple):
    """What was expected of a run. *at* is POSIX seconds: when tests could begin; planned seconds count from there.

    *planned_s* is how long the tests were to take, 0.0 where that was not played through; *bound_s* what no order
    undercuts; *unknown* how many cases were never timed; *path* the critical path in running order.
    """

    at: float
    planned_s: float
    bound_s: float
    bottleneck: str
    unknown: int
    path: tuple[int, ...]
    cases: tuple[CasePlanned, ...]


class RunJudged(NamedTuple):
    """What a run came to: *took_s*, *tests_s* of that for its tests; *needed_s* is the bound in times as they were."""

    took_s: float
    tests_s: float
    needed_s: float


_COLUMNS = CasePlanned._fields
_TYPES = (int, float, float, float, str, int, float, float)


def _pack_planned(event: RunPlanned) -> dict[str, object]:
    return {"event": "planned", **event._asdict(), "columns": _COLUMNS}


def _unpack_planned(fields: Mapping[str, Any]) -> RunPlanned:
    return RunPlanned(
        float(fields["at"]),
        float(fields["planned_s"]),
        float(fields["bound_s"]),
        text(fields["bottleneck"]),
        count(fields["unknown"]),
        tuple(map(count, fields["path"])),
        tuple(map(_unpack_case, fields["cases"])),
    )


def _unpack_case(row: list[Any]) -> CasePlanned:
    check_types(tuple(row), _TYPES)
    check_counts(row[0], row[5])
    return CasePlanned(*row)


def _pack_judged(event: RunJudged) -> dict[str, object]:
    return {"event": "judged", **event._asdict()}


def _unpack_judged(fields: Mapping[str, Any]) -> RunJudged:
    return RunJudged(float(fields["took_s"]), float(fields["tests_s"]), float(fields["needed_s"]))


Event: TypeAlias = RunPlanned | RunJudged
PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {RunPlanned: _pack_planned, RunJudged: _pack_judged}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {"planned": _unpack_planned, "judged": _unpack_judged}


# rows of plans.sql


def plan_row(run_id: str, plan: RunPlanned, judged: RunJudged | None, began_at: datetime | None) -> Row:
    """Return the row of ``plans``; *judged* is None for a run that was not brought to its end."""
    came_to = (judged.took_s, judged.tests_s, judged.needed_s) if judged is not None else (None, None, None)
    planned_s = plan.planned_s or None
    return (run_id, began_at, planned_s, plan.bound_s, plain(plan.bottleneck), plan.unknown, list(plan.path), *came_to)


def prediction_rows(run_id: str, plan: RunPlanned) -> Iterable[Row]:
    """Return the rows of ``predictions``."""
    return [
        (run_id, one.case, one.q50_s, one.q90_s or None, one.rank_s, plain(one.host), one.place, one.start_s, one.end_s)
        for one in plan.cases
    ]
