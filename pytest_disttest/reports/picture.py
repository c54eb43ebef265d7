"""What a drawing of a plan or of a run shows: tests on the lanes of workers, as values; see svg.py and page.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_disttest.store.plans import CasePlanned, RunJudged, RunPlanned
from pytest_disttest.store.timeline import Attempted, CaseName, Timeline

SLACK_S = 0.5
"""What lies further outside of its run was timed by a clock that is off."""


class Lane(NamedTuple):
    """A worker's row: the *place*-th of its host, from 1."""

    host: str
    place: int


class Block(NamedTuple):
    """A test on a lane, in seconds after the first test began.

    *outcome* is "" for what was only planned. *q50_s*, *q90_s* and *rank_s* are what was expected, 0.0 where nothing
    was; *worker* is the name of who ran it, *number* that of the attempt.
    """

    lane: Lane
    started_s: float
    ended_s: float
    nodeid: str
    file: str
    outcome: str = ""
    q50_s: float = 0.0
    q90_s: float = 0.0
    rank_s: float = 0.0
    is_critical: bool = False
    worker: str = ""
    number: int = 1

    @property
    def seconds(self) -> float:
        """How long it takes, or took."""
        return self.ended_s - self.started_s


class Moment(NamedTuple):
    """A point in time worth a line: *kind* is ``bound``, ``planned`` or ``took``."""

    kind: str
    at_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn. *facts* are pairs of words; *path* is the critical path in running order, as planned."""

    title: str
    planned: tuple[Block, ...] = ()
    actual: tuple[Block, ...] = ()
    moments: tuple[Moment, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    path: tuple[Block, ...] = field(default=())

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Everything on the lanes."""
        return (*self.planned, *self.actual)

    @property
    def lanes(self) -> list[Lane]:
        """The rows, by host and place."""
        return sorted({block.lane for block in self.blocks})

    @property
    def end_s(self) -> float:
        """The last thing that is drawn."""
        return max((*(block.ended_s for block in self.blocks), *(moment.at_s for moment in self.moments)), default=0.0)


def picture_of_plan(title: str, plan: RunPlanned, cases: Mapping[int, CaseName]) -> Picture:
    """Return the drawing of what is expected of a run."""
    planned = planned_blocks(plan, cases)
    by_name = {case.case: block for case, block in zip(_placed(plan), planned, strict=True)}
    return Picture(
        title=title,
        planned=planned,
        moments=_moments(plan, None),
        facts=_facts(plan, None),
        path=tuple(by_name[case] for case in plan.path if case in by_name),
    )


def picture_of_run(title: str, told: Timeline) -> Picture:
    """Return the drawing of what happened, beside what was expected where something was."""
    plan = told.plan
    actual = actual_blocks(told)
    if plan is None:
        return Picture(title, actual=actual, facts=_happened(told))
    drawn = picture_of_plan(title, plan, told.cases)
    return Picture(
        title=title,
        planned=drawn.planned,
        actual=actual,
        moments=_moments(plan, told.judged, max((block.ended_s for block in actual), default=0.0)),
        facts=(*_facts(plan, told.judged), *_happened(told)),
        path=drawn.path,
    )


def planned_blocks(plan: RunPlanned, cases: Mapping[int, CaseName]) -> tuple[Block, ...]:
    """Return what was to run where and when; () where that was not played through."""
    critical = frozenset(plan.path) if len(plan.path) > 1 else frozenset()
    return tuple(
        Block(
            Lane(one.host, one.place),
            one.start_s,
            one.end_s,
            *cases[one.case],
            q50_s=one.q50_s,
            q90_s=one.q90_s,
            rank_s=one.rank_s,
            is_critical=one.case in critical,
        )
        for one in _placed(plan)
    )


def actual_blocks(told: Timeline) -> tuple[Block, ...]:
    """Return what ran where and when. A worker that takes the place of a dead one has its lane."""
    plan = told.plan
    expected = {one.case: one for one in plan.cases} if plan is not None else {}
    critical = frozenset(plan.path) if plan is not None and len(plan.path) > 1 else frozenset()
    starts = _since(told)
    lanes = lanes_of(
        (one.host, one.worker, start, start + one.seconds) for one, start in zip(told.attempts, starts, strict=True)
    )
    blocks = []
    for one, start in zip(told.attempts, starts, strict=True):
        known = expected.get(one.case, CasePlanned(one.case, 0.0, 0.0, 0.0))
        blocks.append(
            Block(
                lanes[one.host, one.worker],
                start,
                start + one.seconds,
                *told.cases[one.case],
                one.outcome,
                known.q50_s,
                known.q90_s,
                known.rank_s,
                one.case in critical,
                one.worker,
                one.number,
            )
        )
    return tuple(blocks)


def lanes_of(spans: Iterable[tuple[str, str, float, float]]) -> dict[tuple[str, str], Lane]:
    """Return the lane of each (host, worker) of *spans* (host, worker, start, end); who follows another shares it."""
    lives: dict[tuple[str, str], tuple[float, float]] = {}
    for host, worker, start, end in spans:
        first, last = lives.get((host, worker), (start, end))
        lives[host, worker] = min(first, start), max(last, end)
    free_at: dict[str, list[float]] = {}
    lanes = {}
    for host, worker in sorted(lives, key=lambda key: (key[0], _in_order(key[1]))):
        start, end = lives[host, worker]
        ends = free_at.setdefault(host, [])
        place = next((place for place, last in enumerate(ends) if last <= start), len(ends))
        ends[place:] = [end, *ends[place + 1 :]]
        lanes[host, worker] = Lane(host, place + 1)
    return lanes


def furthest_off(picture: Picture, *, most: int) -> list[Block]:
    """Return the tests that differ most from what was expected of them, in seconds, the furthest first."""
    known = [block for block in picture.actual if block.q50_s > 0 and block.outcome == "passed"]
    return sorted(known, key=lambda block: (-abs(block.seconds - block.q50_s), block.nodeid))[:most]


def seconds(value: float) -> str:
    """Return *value* with three figures or so: ``0.012 s``, ``1.24 s``, ``84.1 s``, ``12 min 5 s``."""
    if value >= 600:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest} s"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f} s"


def _placed(plan: RunPlanned) -> list[CasePlanned]:
    return [one for one in plan.cases if one.host]


def _in_order(worker: str) -> tuple[int, str]:
    """Return a key by which ``gw10`` follows ``gw9``."""
    digits = "".join(letter for letter in worker if letter.isdigit())
    return int(digits or 0), worker


def _origin(told: Timeline) -> float:
    if told.plan is not None and told.plan.at:
        return told.plan.at
    return min((one.started_at for one in told.attempts), default=0.0)


def _since(told: Timeline) -> list[float]:
    """Return when each attempt began, in seconds after the first; where a clock is off, what it timed is moved."""
    origin = _origin(told)
    earliest: dict[str, float] = {}
    for one in told.attempts:
        if _is_off(told, one):
            earliest[one.host] = min(earliest.get(one.host, one.started_at), one.started_at)
    return [max(0.0, one.started_at - (earliest[one.host] if _is_off(told, one) else origin)) for one in told.attempts]


def _is_off(told: Timeline, one: Attempted) -> bool:
    """Whether an attempt was timed as before or after its run."""
    end = told.run.ended_at
    if told.plan is None:  # the first attempt of all is the origin, whatever its clock
        return False
    return one.started_at < _origin(told) - SLACK_S or (
        end is not None and one.started_at + one.seconds > end + SLACK_S
    )


def _moments(plan: RunPlanned, judged: RunJudged | None, ended_s: float = 0.0) -> tuple[Moment, ...]:
    bound_s = judged.needed_s if judged is not None and judged.needed_s else plan.bound_s
    found = [Moment("bound", bound_s, f"bound {seconds(bound_s)}")] if bound_s > 0 else []
    if plan.planned_s:
        found.append(Moment("planned", plan.planned_s, f"predicted {seconds(plan.planned_s)}"))
    if ended_s > 0:
        found.append(Moment("took", ended_s, f"took {seconds(ended_s)}"))
    return tuple(found)


def _facts(plan: RunPlanned, judged: RunJudged | None) -> tuple[tuple[str, str], ...]:
    facts = [("predicted", seconds(plan.planned_s))] if plan.planned_s else []
    facts.append(("bound", seconds(plan.bound_s)))
    if judged is not None:
        facts.append(("took", f"{seconds(judged.took_s)}, the tests {seconds(judged.tests_s)} of it"))
        if judged.needed_s > 0:
            above = 100 * (judged.took_s / judged.needed_s - 1)
            facts.append(("needed", f"{seconds(judged.needed_s)}: the run took {above:.0f} % more"))
    facts.append(("bottleneck", plan.bottleneck))
    if plan.unknown:
        facts.append(("never timed", f"{plan.unknown} of {len(plan.cases)} tests: they count as the median one"))
    return tuple(fact for fact in facts if fact[1])


def _happened(told: Timeline) -> tuple[tuple[str, str], ...]:
    counts = Counter(one.outcome for one in told.attempts)
    facts = [("attempts", ", ".join(f"{counts[word]} {word}" for word in sorted(counts)))] if counts else []
    if off := sorted({one.host for one in told.attempts if _is_off(told, one)}):
        facts.append(("clock", f"that of {', '.join(off)} is off: what it timed is drawn from the start of the run"))
    return tuple(facts)
