"""From a demand and the standing of all hosts to its explanation.

Every count and every proposal rests on the same sets of hosts that decide about the match. What does not depend on
the demand as a whole (what a condition does alone, what a host has of a key) is worked out once and shared by all
explanations, so that thousands of them cost little more than their own lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pytest_disttest.model import NOTHING, Demand, Requirement
from pytest_disttest.needs import key_of

from .explanation import (
    FITS,
    HELD,
    OUT,
    PENDING,
    READY,
    STATES,
    UNSATISFIABLE,
    AlternativeRow,
    ConditionRow,
    Explanation,
    Failing,
    HostFailing,
    HostRow,
    Standing,
)
from .fleet import Fleet, Judged, bits
from .groups import Alternative, alternatives_of, speaks_of_kind
from .lookup import MET, UNKNOWN, UNMET
from .obstacles import Obstacles, Part
from .relaxing import Draft, drafts, relaxations
from .shown import condition
from .survey import Have, Survey

_CODE_OF_STATE: Final = {"disabled": "DISABLED", "offline": "OFFLINE", "unprobed": "PROBE_FAILED",
                         "quarantined": "QUARANTINED", "leased": "LEASED", "busy": "BUSY"}  # fmt: skip

_BY_CONDITION: Final = ("REQUIREMENTS", "CAPACITY", "UNKNOWN_VALUE")


class _Condition(NamedTuple):
    """What a condition does alone, by row of the fleet what there is of its key, and where that is unknown.

    *name* stands for all that *haves* depend on. Conditions of the same *code* keep the same hosts out.
    """

    row: ConditionRow
    code: int
    name: tuple[str, str, bool]
    haves: tuple[Have | None, ...]
    unknown: int
    is_amount: bool


class _Shape(NamedTuple):
    """What alternatives have in common whose conditions have the same codes: all but their limits, and their words.

    *number* names it; *counts* are the hosts that are left after each condition, *failing* what the others lack.
    """

    number: int
    conditions: tuple[_Condition, ...]
    counts: tuple[int, ...]
    judged: Judged
    parts: list[Part]
    hosts: tuple[str, ...]
    failing: tuple[HostFailing, ...]
    drafts: tuple[Draft, ...]


class _View(NamedTuple):
    """One alternative as the fleet sees it."""

    alternative: Alternative
    conditions: tuple[_Condition, ...]
    shape: _Shape


class _Place(NamedTuple):
    """A registered host, its row in the fleet (-1 where nothing is known of it), and why it is drained."""

    host: str
    standing: Standing
    row: int
    drained: str


def explain(demand: Demand, hosts: Mapping[str, Standing]) -> Explanation:
    """Return where *demand* fits among *hosts*, and why it does not elsewhere."""
    return Explainer(hosts).explain(demand)


class Explainer:
    """Explains many demands over the same hosts; what they have in common is worked out once."""

    def __init__(self, hosts: Mapping[str, Standing]) -> None:
        standings = {name: _checked(hosts[name]) for name in sorted(hosts)}
        known = {name: each.capabilities for name, each in standings.items() if each.capabilities is not None}
        self._fleet = Fleet(known)
        self._survey = Survey(self._fleet)
        self._obstacles = Obstacles(self._fleet)
        rows = {name: row for row, name in enumerate(self._fleet.names)}
        self._places = tuple(
            _Place(name, each, rows.get(name, -1), known[name].drained if name in known else "")
            for name, each in standings.items()
        )
        # Of a disabled host nothing is expected, so it does not count; what it has is told where it would fit.
        self._looked = self._fleet.everywhere & ~self._in("disabled")
        self._usable = self._looked & ~self._fleet.drained
        self._ready = self._usable & self._in(READY)
        self._stages = self._counted_stages()
        self._conditions: dict[tuple[Requirement, bool], _Condition] = {}
        self._told: dict[tuple[object, ...], dict[int, HostFailing]] = {}
        self._rows: dict[tuple[str, str, bool], HostRow] = {}
        self._outcomes: dict[tuple[int, int, int], tuple[Explanation, dict[str, bool]]] = {}
        self._shapes: dict[tuple[int, ...], _Shape] = {}
        self._alike: dict[tuple[int, ...], Explanation] = {}

    def explain(self, demand: Demand) -> Explanation:
        """Return where *demand* fits, and why it does not elsewhere."""
        views = list(map(self._view, alternatives_of(demand)))
        if len(views) > 1:
            views.sort(key=self._badness)
        name = tuple([view.shape.number for view in views])
        alike = self._alike.get(name)
        if alike is None:
            alike = self._alike[name] = self._common([view.shape for view in views])
        return Explanation(demand, *alike[1:7], tuple(map(_alternative, views)), alike.histogram)

    def _common(self, shapes: Sequence[_Shape]) -> Explanation:
        """Return all that demands of these shapes have in common, the best of them first."""
        met = unknown = 0
        for shape in shapes:
            met |= shape.judged.met
            unknown |= shape.judged.unknown
        # Many shapes have the same hosts in and out: what follows from these sets alone is kept by them.
        sets = met, unknown & ~met, self._short_of(shapes, self._fleet.everywhere & ~met & ~unknown)
        known = self._outcomes.get(sets)
        if known is None:
            outcome = self._outcome(Judged(*sets[:2]), sets[2])
            blamed = {row.host: row.code == "UNKNOWN_VALUE" for row in outcome.rows if row.code in _BY_CONDITION}
            known = self._outcomes[sets] = outcome, blamed
        outcome, blamed = known
        return outcome._replace(histogram=(*_histogram(blamed, shapes[0]), *outcome.histogram))

    def _outcome(self, total: Judged, short: int) -> Explanation:
        """Return what follows from the hosts that meet a demand, those that may, and those that are *short* of amounts.

        The demand, its alternatives and their part of the histogram are left to be filled in.
        """
        rows = self._host_rows(total, short)
        ready = tuple(self._fleet.names[row] for row in bits(total.met & self._ready))
        later = tuple((row.host, row.reason or row.state) for row in rows if row.code and _could(row))
        matching = (total.met & self._usable & self._probed).bit_count()
        return Explanation(
            demand=NOTHING,
            verdict=FITS if ready else PENDING if later else UNSATISFIABLE,
            codes=() if ready else _codes(rows, later),
            hosts=ready,
            later=later,
            funnel=(*self._stages, ("match", matching), ("ready", len(ready))),
            rows=rows,
            alternatives=(),
            histogram=_told_by_state(rows),
        )

    def _in(self, state: str) -> int:
        return sum(1 << each.row for each in self._places if each.row >= 0 and each.standing.state == state)

    def _counted_stages(self) -> tuple[tuple[str, int], ...]:
        states = [each.standing.state for each in self._places]
        self._probed = self._looked & ~self._in("offline") & ~self._in("unprobed")
        left = [sum(state not in OUT[:stage] for state in states) for stage in range(len(OUT) + 1)]
        stages = tuple(zip(("registered", "enabled", "online", "probed"), left, strict=True))
        return (*stages, ("usable", (self._usable & self._probed).bit_count()))

    def _view(self, alternative: Alternative) -> _View:
        software = speaks_of_kind(alternative)
        conditions = tuple([self._condition(requirement, software=software) for requirement in alternative])
        name = tuple([condition.code for condition in conditions])
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = self._shape(alternative, conditions)
        return _View(alternative, conditions, shape)

    def _shape(self, alternative: Alternative, conditions: tuple[_Condition, ...]) -> _Shape:
        steps, names = self._fleet.steps(alternative), self._fleet.names
        judged = steps[-1] if steps else Judged(self._fleet.everywhere, 0)
        parts = self._obstacles.parts(alternative, self._fleet.everywhere)
        eased: tuple[Draft, ...] = ()
        if not judged.met & self._usable:
            eased = drafts(alternative, parts, self._survey, self._obstacles, self._usable)
        return _Shape(
            len(self._shapes),
            conditions,
            tuple([(step.met & self._looked).bit_count() for step in steps]),
            judged,
            parts,
            tuple([names[row] for row in bits(judged.met & self._looked)]),
            self._failing(conditions, parts, self._looked & ~judged.met),
            eased,
        )

    def _badness(self, view: _View) -> tuple[int, int, int, list[str]]:
        """Return what orders alternatives: where more hosts fit, or are nearer, it is better; last come the words."""
        nearest = min((ways[0].bit_count() for rows, ways in view.shape.parts if rows & self._usable), default=0)
        met = view.shape.judged.met
        words = [each.row.text for each in view.conditions]
        return -(met & self._ready).bit_count(), -(met & self._usable).bit_count(), nearest, words

    def _host_rows(self, total: Judged, short: int) -> tuple[HostRow, ...]:
        found = []
        for place in self._places:
            row = place.row
            status = ""
            if row >= 0:
                status = MET if total.met >> row & 1 else UNKNOWN if total.unknown >> row & 1 else UNMET
            lacks = row >= 0 and bool(short >> row & 1)
            name = place.host, status, lacks
            if name not in self._rows:
                self._rows[name] = _host_row(place, status, lacks_capacity=lacks)
            found.append(self._rows[name])
        return tuple(found)

    def _short_of(self, shapes: Iterable[_Shape], hosts: int) -> int:
        """Return those of *hosts* that would do if they only had more of what tests use up, and have some of it."""
        short = 0
        for shape in shapes:
            amounts = sum(1 << place for place, each in enumerate(shape.conditions) if each.is_amount)
            for rows, ways in shape.parts:
                for way in ways if rows & hosts & ~short else ():
                    if way and not way & ~amounts:
                        short |= self._having(shape, way, rows & hosts & ~short)
        return short

    def _having(self, shape: _Shape, way: int, hosts: int) -> int:
        """Return those of *hosts* that have some of everything that a way out is about."""
        haves = [shape.conditions[place].haves for place in bits(way)]
        return sum(1 << row for row in bits(hosts) if all(_has_some(have[row]) for have in haves))

    def _failing(
        self, conditions: Sequence[_Condition], parts: Iterable[Part], missing: int
    ) -> tuple[HostFailing, ...]:
        """Return what the hosts that are *missing* lack, in the order of their names."""
        found = [each for rows, ways in parts for each in self._lacking(conditions, rows & missing, ways[0])]
        found.sort()  # by the host's name, which comes first and only once
        return tuple(found)

    def _condition(self, requirement: Requirement, *, software: bool) -> _Condition:
        """Return what a condition does alone."""
        name = requirement, software
        found = self._conditions.get(name)
        if found is None:
            found = self._conditions[name] = self._alone(requirement, software=software)
        return found

    def _alone(self, requirement: Requirement, *, software: bool) -> _Condition:
        alone = self._fleet.alone(requirement, software=software)
        missing = self._looked & ~alone.met
        seen = self._survey.seen(requirement, software=software)
        best = next(((have, rows & self._looked) for have, rows in seen if rows & self._looked), None)
        nearest = next(((have, rows & missing) for have, rows in seen if rows & missing), None)
        whys = ((row, self._survey.why_unknown(requirement, row)) for row in bits(alone.unknown & self._looked))
        row = ConditionRow(
            0,
            requirement,
            condition(requirement),
            (alone.met & self._looked).bit_count(),
            None if best is None else self._survey.named(*best),
            None if nearest is None else self._survey.named(*nearest),
            self._survey.near_misses(requirement, missing, software=software),
            tuple((self._fleet.names[row], why) for row, why in whys),
        )
        name = self._survey.name(requirement, software=software)
        haves = self._survey.haves(requirement, software=software)
        code = self._fleet.facet(requirement).code
        return _Condition(row, code, name, haves, alone.unknown, is_amount=_is_amount(requirement))

    def _lacking(self, conditions: Sequence[_Condition], hosts: int, way: int) -> Iterable[HostFailing]:
        """Return what hosts with the same *way* out lack."""
        if not hosts:
            return ()
        lacking = [(place, conditions[place]) for place in bits(way)]
        # What is said of a host depends on keys and places, not on limits: thousands of demands share it.
        told = self._told.setdefault(tuple([(place, each.name, each.unknown) for place, each in lacking]), {})
        return [told.get(row) or self._host_failing(row, lacking, told) for row in bits(hosts)]

    def _host_failing(
        self, row: int, lacking: Iterable[tuple[int, _Condition]], told: dict[int, HostFailing]
    ) -> HostFailing:
        failing = sorted((_failing(place, each, row) for place, each in lacking), key=_blame)
        told[row] = HostFailing(self._fleet.names[row], tuple(failing))
        return told[row]


def _alternative(view: _View) -> AlternativeRow:
    """Return what is to be said of an alternative, in the words of its conditions."""
    shape = view.shape
    rows = tuple([
        ConditionRow(count, *each.row[1:]) for each, count in zip(view.conditions, shape.counts, strict=True)
    ])  # fmt: skip
    return AlternativeRow(rows, shape.hosts, shape.failing, relaxations(view.alternative, shape.drafts))


def _failing(place: int, known: _Condition, row: int) -> Failing:
    have = known.haves[row]
    return Failing(place, "" if have is None else have.text, unknown=bool(known.unknown >> row & 1))


def _blame(failing: Failing) -> tuple[bool, int]:
    """Return what orders the conditions that a host lacks: where there is no device, their number says it best."""
    return failing.have != "0", failing.place


def _checked(standing: Standing) -> Standing:
    if standing.state not in STATES:
        raise ValueError(f"no host is {standing.state!r}: it is one of {', '.join(STATES)}")
    if standing.capabilities is None and standing.state in (*HELD, READY):
        return standing._replace(state="unprobed", reason=standing.reason or "not probed")
    return standing


def _host_row(place: _Place, status: str, *, lacks_capacity: bool) -> HostRow:
    state = place.standing.state
    code = _code(state, status, place.drained)
    if code == "REQUIREMENTS" and lacks_capacity:
        code = "CAPACITY"
    return HostRow(place.host, state, status, code, place.drained if code == "DRAINED" else place.standing.reason)


def _code(state: str, status: str, drained: str) -> str:
    if state == "disabled":
        return "DISABLED"
    if drained and status != UNMET:
        return "DRAINED"
    if status == UNMET:
        return "REQUIREMENTS"
    if status == UNKNOWN and state in (*HELD, READY):
        return "UNKNOWN_VALUE"
    return "" if state == READY else _CODE_OF_STATE[state]


def _could(row: HostRow) -> bool:
    """Whether waiting for a host may help: it meets the demand, or may once somebody could look."""
    if row.state in ("disabled", READY) or row.code in ("DRAINED", "REQUIREMENTS", "CAPACITY"):
        return False
    return row.status in (MET, "") or row.state in OUT


def _codes(rows: Sequence[HostRow], later: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    if not rows:
        return ("NO_HOSTS",)
    pending = {host for host, _ in later}
    found = Counter(row.code for row in rows if not pending or row.host in pending)
    return tuple(sorted(found, key=lambda code: (-found[code], code)))


def _has_some(have: Have | None) -> bool:
    return have is not None and bool(have.value)


def _is_amount(requirement: Requirement) -> bool:
    key = key_of(requirement.key)
    return key is not None and key.consumed and requirement.operator in (">", ">=", "=")


def _told_by_state(rows: Sequence[HostRow]) -> tuple[tuple[str, int], ...]:
    """Count the hosts whose state, not a condition, puts them out."""
    out = [row for row in rows if row.code and row.code not in _BY_CONDITION]
    found = Counter("drained" if row.code == "DRAINED" else row.state for row in out)
    return tuple((word, found[word]) for word in (*STATES, "drained") if word in found)


def _histogram(blamed: Mapping[str, bool], best: _Shape) -> tuple[tuple[str, int], ...]:
    """Count hosts, each once, by the condition that is in the way, in the order of the conditions.

    *blamed* are the hosts that a condition puts out, and whether that is because something is unknown.
    """
    places = Counter([(each.failing[0].place, blamed[each.host]) for each in best.failing if each.host in blamed])
    told = Counter[str]()
    for place, unknown in sorted(places):
        told[best.conditions[place].row.requirement.key + " unknown" * unknown] += places[place, unknown]
    return tuple(told.items())
