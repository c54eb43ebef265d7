"""What is kept and drawn of a plan in seconds, once it was played through."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_disttest.controller.prospect import Prospect
from pytest_disttest.plan.bottleneck import bottleneck
from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.ranks import longest_path, upward_ranks
from pytest_disttest.plan.work import Work, mean_s
from pytest_disttest.store.plans import CasePlanned, RunPlanned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_disttest.controller.lessons import Lessons
    from pytest_disttest.model import Case
    from pytest_disttest.testing import Ran, Record

PLAYING_S: Final = 200e-6
"""What it takes to play one test through and to keep what that says, with room to spare (measured: 60 to 130 µs)."""
BEGINNING_S: Final = 0.05
"""What it takes to import what that needs."""
MOST_SHARE: Final = 0.01
"""Part of a run's time that a look ahead may cost where nobody asked for it."""


class Ahead(NamedTuple):
    """What a run has to do, and how long that was to take; 0.0 where it was not played through."""

    work: Work
    planned_s: float


def pays(prospect: Prospect) -> bool:
    """Whether the run is expected to last so long that playing it through goes unnoticed."""
    count = len(prospect.work.cases)
    return prospect.unknown < count and BEGINNING_S + count * PLAYING_S <= MOST_SHARE * bounds(prospect.work)[0].seconds


def forecast(
    prospect: Prospect, record: Record, cases: Sequence[Case], lessons: Lessons | None, *, at: float
) -> RunPlanned:
    """Return what is expected of a run whose tests begin *at* (POSIX seconds), as *record* of its playing tells."""
    work = prospect.work
    means_s = mean_s(work)
    ranks_s = upward_ranks(means_s, work.prerequisites)
    classes = {host.name: host.hw_class for host in work.hosts}
    places = places_of(record.ran)
    rows = []
    for ran in record.ran:
        hw_class = classes[ran.host]
        q50_s = work.seconds[hw_class][ran.case]
        rows.append(
            CasePlanned(
                case=ran.case,
                q50_s=_rounded(q50_s),
                q90_s=_rounded(_cautious_s(cases[ran.case], hw_class, lessons, q50_s)),
                rank_s=_rounded(ranks_s[ran.case]),
                host=ran.host,
                place=places[ran.worker],
                start_s=_rounded(ran.started_s),
                end_s=_rounded(ran.ended_s),
            )
        )
    names = {case: cases[case].nodeid for case in work.cases}
    return RunPlanned(
        at=at,
        planned_s=record.makespan_s,
        bound_s=bounds(work)[0].seconds,
        bottleneck=bottleneck(work, record.makespan_s, names),
        unknown=prospect.unknown,
        path=longest_path(means_s, work.prerequisites),
        cases=tuple(rows),
    )


def places_of(ran: Sequence[Ran]) -> Mapping[str, int]:
    """Return of each worker the how-manieth of its host it is, from 1, by the order of their first tests."""
    places: dict[str, int] = {}
    on_host: dict[str, int] = {}
    for one in sorted(ran, key=lambda one: (one.started_s, one.worker)):
        if one.worker not in places:
            places[one.worker] = on_host[one.host] = on_host.get(one.host, 0) + 1
    return places


def draw(file: str, title: str, plan: RunPlanned, cases: Sequence[Case]) -> str:
    """Draw *plan* into *file*, HTML or SVG by its name, and return a sentence about that."""
    from pytest_disttest.reports.drawing import write
    from pytest_disttest.reports.picture import picture_of_plan
    from pytest_disttest.store.timeline import CaseName

    names = {one.case: CaseName(cases[one.case].nodeid, cases[one.case].file) for one in plan.cases}
    try:
        write(picture_of_plan(title, plan, names), Path(file))
    except OSError as error:
        return f"the plan cannot be drawn in {file}: {error.strerror or error}"
    return f"the plan is drawn in {file}"


def _cautious_s(case: Case, hw_class: str, lessons: Lessons | None, q50_s: float) -> float:
    """Return what nine of ten attempts do not exceed, 0.0 where nothing is known of that."""
    if lessons is None:
        return 0.0
    told = lessons.predictor.predict(case.nodeid, case.file, case.cls, hw_class)
    return max(q50_s, told.q90_s) if told.n else 0.0


def _rounded(seconds: float) -> float:
    """Return *seconds* to a tenth of a millisecond: half the bytes in the journal."""
    return round(float(seconds), 4)
