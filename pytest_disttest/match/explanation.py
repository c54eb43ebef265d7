"""Where a demand fits, and what is in its way elsewhere: the whole analysis, as a value.

Hosts are looked at as if they were idle: what they have in total counts, not what is free, so that a busy host never
looks impossible. A demand *fits* where a host that is ready meets it. It is *pending* where one could that is busy,
leased, quarantined, offline or not yet probed: waiting may help. It is *unsatisfiable* where none of the registered
hosts ever could. Every count and every proposal rests on the same sets of hosts that decide about the match.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pytest_disttest.model import Capabilities, Demand, Requirement
from pytest_disttest.needs import key_of

from .fleet import Fleet, Judged, bits
from .groups import Alternative, alternatives_of, is_count, speaks_of_kind
from .obstacles import Obstacles, Way
from .relaxing import Relaxation, relaxations
from .shown import condition
from .survey import NearMiss, Seen, Survey

FITS: Final = "fits"
PENDING: Final = "pending"
UNSATISFIABLE: Final = "unsatisfiable"

READY: Final = "ready"
_OUT: Final = ("disabled", "offline", "unprobed")
_HELD: Final = ("quarantined", "leased", "busy")
STATES: Final = (*_OUT, *_HELD, READY)
"""How far a host has come. The first three are short of being probed; the next three are probed, but not free."""

_CODE_OF_STATE: Final = {"disabled": "DISABLED", "offline": "OFFLINE", "unprobed": "PROBE_FAILED",
                         "quarantined": "QUARANTINED", "leased": "LEASED", "busy": "BUSY"}  # fmt: skip


class Standing(NamedTuple):
    """Where a host stands: one of STATES, why, and what it has (None where nobody knows; then it is not probed)."""

    state: str
    reason: str = ""
    capabilities: Capabilities | None = None


class HostRow(NamedTuple):
    """What a host is to a demand: *status* is ``met``, ``unmet``, ``unknown``, and "" where nothing is known of it.

    *code* says why it does not run the test, "" where it does: DISABLED, OFFLINE, PROBE_FAILED, QUARANTINED, LEASED,
    BUSY, DRAINED, REQUIREMENTS, CAPACITY (only too little of what tests use up), UNKNOWN_VALUE.
    """

    host: str
    state: str
    status: str
    code: str = ""
    reason: str = ""


class Failing(NamedTuple):
    """A condition, by its place, that a host is not known to meet, with what it has ("" for nothing)."""

    place: int
    have: str
    unknown: bool = False


class HostFailing(NamedTuple):
    """What one host lacks of an alternative; the condition that counts for it in the histogram stands first."""

    host: str
    failing: tuple[Failing, ...]


class ConditionRow(NamedTuple):
    """One condition: how many hosts meet it *alone*, and together with those before it (*cumulative*).

    *best* is the nearest value seen on any host, *nearest* the nearest on one that does not meet it, each None
    without one. *unknown* are hosts on which it could not be told, with the reason.
    """

    requirement: Requirement
    text: str
    alone: int
    cumulative: int
    best: Seen | None = None
    nearest: Seen | None = None
    near_misses: tuple[NearMiss, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


class AlternativeRow(NamedTuple):
    """One alternative: its conditions, the *hosts* that meet it (whatever their state), what the others lack."""

    conditions: tuple[ConditionRow, ...]
    hosts: tuple[str, ...]
    failing: tuple[HostFailing, ...]
    relaxations: tuple[Relaxation, ...]


class Explanation(NamedTuple):
    """All that is to be said of a demand: *hosts* run it now, *later* are those that could and why they do not.

    *funnel* counts the hosts that are left after each stage. *alternatives* are those of the demand, the best first.
    *histogram* counts the hosts that are out by what puts them out; *codes* are the reasons, the commonest first.
    """

    demand: Demand
    verdict: str
    codes: tuple[str, ...]
    hosts: tuple[str, ...]
    later: tuple[tuple[str, str], ...]
    funnel: tuple[tuple[str, int], ...]
    rows: tuple[HostRow, ...]
    alternatives: tuple[AlternativeRow, ...]
    histogram: tuple[tuple[str, int], ...]

    @property
    def summary(self) -> str:
        """One line: ``0/5 hosts: 2 gpu.count, 1 gpu.cuda, 2 gpu.memory``."""
        head = f"{len(self.hosts)}/{len(self.rows)} hosts"
        return f"{head}: {', '.join(f'{count} {word}' for word, count in self.histogram)}" if self.histogram else head


def explain(demand: Demand, hosts: Mapping[str, Standing]) -> Explanation:
    """Return where *demand* fits among *hosts*, and why it does not elsewhere."""
    return Explainer(hosts).explain(demand)


class Explainer:
    """Explains many demands over the same hosts; what they have in common is worked out once."""

    def __init__(self, hosts: Mapping[str, Standing]) -> None:
        self._standings = {name: _told(hosts[name]) for name in sorted(hosts)}
        known = {name: s.capabilities for name, s in self._standings.items() if s.capabilities is not None}
        self._fleet = Fleet(known)
        self._survey = Survey(self._fleet)
        self._obstacles = Obstacles(self._fleet)
        self._states = {state: self._in(state) for state in STATES}
        # Of a disabled host nothing is expected, so it does not count; what it has is told where it would fit.
        self._looked = self._fleet.everywhere & ~self._states["disabled"]

    def explain(self, demand: Demand) -> Explanation:
        """Return where *demand* fits, and why it does not elsewhere."""
        alternatives = alternatives_of(demand)
        judged = [self._fleet.judged(alternative) for alternative in alternatives]
        total = _either(judged)
        missing = self._fleet.everywhere & ~total.met
        ways = [self._obstacles.ways(alternative, missing) for alternative in alternatives]
        order = sorted(range(len(alternatives)), key=lambda n: self._badness(alternatives[n], judged[n], ways[n]))
        rows = self._rows(total, alternatives, ways)
        told = tuple(self._alternative(alternatives[n], judged[n], ways[n]) for n in order)
        ready = tuple(row.host for row in rows if row.state == READY and not row.code)
        later = tuple((row.host, row.reason or row.state) for row in rows if self._could(row))
        return Explanation(
            demand=demand,
            verdict=FITS if ready else PENDING if later else UNSATISFIABLE,
            codes=() if ready else self._codes(rows, later),
            hosts=ready,
            later=later,
            funnel=self._funnel(total, len(ready)),
            rows=rows,
            alternatives=told,
            histogram=_histogram(rows, told[0]),
        )

    def _in(self, state: str) -> int:
        names = self._fleet.names
        return sum(1 << row for row, name in enumerate(names) if self._standings[name].state == state)

    def _badness(
        self, alternative: Alternative, judged: Judged, ways: Mapping[int, Sequence[Way]]
    ) -> tuple[int, int, int, list[str]]:
        """Return what orders alternatives: where more hosts fit, or are nearer, it is better; last come the words."""
        usable = self._looked & ~self._fleet.drained
        nearest = min((ways[row][0].conditions.bit_count() for row in bits(usable) if row in ways), default=0)
        ready = (judged.met & usable & self._states[READY]).bit_count()
        return -ready, -(judged.met & usable).bit_count(), nearest, [condition(r) for r in alternative]

    def _rows(
        self, total: Judged, alternatives: Sequence[Alternative], ways: Sequence[Mapping[int, Sequence[Way]]]
    ) -> tuple[HostRow, ...]:
        rows = []
        places = {name: row for row, name in enumerate(self._fleet.names)}
        for name, standing in self._standings.items():
            row = places.get(name)
            status = ""
            if row is not None:
                status = "met" if total.met >> row & 1 else "unknown" if total.unknown >> row & 1 else "unmet"
            drained = "" if standing.capabilities is None else standing.capabilities.drained
            code = _code(standing.state, status, drained)
            if code == "REQUIREMENTS" and row is not None and self._lacks_capacity(row, alternatives, ways):
                code = "CAPACITY"
            rows.append(HostRow(name, standing.state, status, code, _why(standing, code)))
        return tuple(rows)

    def _lacks_capacity(
        self, row: int, alternatives: Sequence[Alternative], ways: Sequence[Mapping[int, Sequence[Way]]]
    ) -> bool:
        """Whether a host would do if it only had more of what tests use up, and has some of it."""
        for alternative, by_host in zip(alternatives, ways, strict=True):
            for way in by_host[row]:
                lacking = [alternative[place] for place in bits(way.conditions)]
                haves = [self._survey.haves(r, alternative)[row] for r in lacking]
                if all(map(_is_amount, lacking)) and all(have is not None and have.value for have in haves):
                    return True
        return False

    def _could(self, row: HostRow) -> bool:
        """Whether waiting for a host may help."""
        if row.state in ("disabled", READY) or row.code in ("DRAINED", "REQUIREMENTS", "CAPACITY"):
            return False
        return row.status in ("met", "") or row.state in _OUT

    def _codes(self, rows: Sequence[HostRow], later: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        if not rows:
            return ("NO_HOSTS",)
        pending = {host for host, _ in later}
        found = Counter(row.code for row in rows if not pending or row.host in pending)
        return tuple(sorted(found, key=lambda code: (-found[code], code)))

    def _funnel(self, total: Judged, ready: int) -> tuple[tuple[str, int], ...]:
        states = [standing.state for standing in self._standings.values()]
        short = [sum(state in _OUT[: n + 1] for state in states) for n in range(len(_OUT))]
        probed = self._looked & ~self._states["offline"] & ~self._states["unprobed"]
        usable = probed & ~self._fleet.drained
        return (
            ("registered", len(states)),
            ("enabled", len(states) - short[0]),
            ("online", len(states) - short[1]),
            ("probed", len(states) - short[2]),
            ("usable", usable.bit_count()),
            ("match", (total.met & usable).bit_count()),
            ("ready", ready),
        )

    def _alternative(
        self, alternative: Alternative, judged: Judged, ways: Mapping[int, Sequence[Way]]
    ) -> AlternativeRow:
        names = self._fleet.names
        missing = self._looked & ~judged.met
        if any(row not in ways for row in bits(missing)):
            ways = self._obstacles.ways(alternative, missing)
        failing = tuple(HostFailing(names[row], self._failing(alternative, row, ways[row][0])) for row in bits(missing))
        usable = missing & ~self._fleet.drained
        wanted = (
            ()
            if judged.met & self._looked & ~self._fleet.drained
            else relaxations(alternative, ways, self._survey, usable)
        )
        hosts = tuple(names[row] for row in bits(judged.met & self._looked))
        return AlternativeRow(self._conditions(alternative), hosts, failing, wanted)

    def _conditions(self, alternative: Alternative) -> tuple[ConditionRow, ...]:
        software = speaks_of_kind(alternative)
        rows = []
        for place, requirement in enumerate(alternative):
            alone = self._fleet.alone(requirement, alternative)
            together = self._fleet.judged(alternative[: place + 1], software=software)
            seen = [(h, rows & self._looked) for h, rows in self._survey.seen(requirement, alternative)]
            seen = [(have, rows) for have, rows in seen if rows]
            missing = self._looked & ~alone.met
            nearest = next(((have, rows & missing) for have, rows in seen if rows & missing), None)
            rows.append(
                ConditionRow(
                    requirement,
                    condition(requirement),
                    (alone.met & self._looked).bit_count(),
                    (together.met & self._looked).bit_count(),
                    self._survey.seen_by_name(*seen[0]) if seen else None,
                    None if nearest is None else self._survey.seen_by_name(*nearest),
                    self._survey.near_misses(requirement, alternative, missing) if missing else (),
                    tuple(
                        (self._fleet.names[row], self._survey.why_unknown(requirement, row))
                        for row in bits(alone.unknown & self._looked)
                    ),
                )
            )
        return tuple(rows)

    def _failing(self, alternative: Alternative, row: int, way: Way) -> tuple[Failing, ...]:
        found = []
        for place in bits(way.conditions):
            requirement = alternative[place]
            have = self._survey.haves(requirement, alternative)[row]
            unknown = bool(self._fleet.alone(requirement, alternative).unknown >> row & 1)
            found.append(Failing(place, "" if have is None else have.text, unknown))
        # Where there is no device at all, the number of them says it best.
        found.sort(key=lambda each: (not (is_count(alternative[each.place]) and each.have == "0"), each.place))
        return tuple(found)


def _told(standing: Standing) -> Standing:
    if standing.state not in STATES:
        raise ValueError(f"no host is {standing.state!r}: it is one of {', '.join(STATES)}")
    if standing.capabilities is None and standing.state in (*_HELD, READY):
        return standing._replace(state="unprobed", reason=standing.reason or "not probed")
    return standing


def _either(judged: Iterable[Judged]) -> Judged:
    met = unknown = 0
    for each in judged:
        met |= each.met
        unknown |= each.unknown
    return Judged(met, unknown & ~met)


def _code(state: str, status: str, drained: str) -> str:
    if state == "disabled":
        return "DISABLED"
    if drained and status == "met":
        return "DRAINED"
    if status == "unmet":
        return "REQUIREMENTS"
    if state == READY:
        return "UNKNOWN_VALUE" if status == "unknown" else ""
    return "UNKNOWN_VALUE" if status == "unknown" and state in _HELD else _CODE_OF_STATE[state]


def _why(standing: Standing, code: str) -> str:
    if code == "DRAINED" and standing.capabilities is not None:
        return standing.capabilities.drained
    return standing.reason


def _is_amount(requirement: Requirement) -> bool:
    key = key_of(requirement.key)
    return key is not None and key.consumed and requirement.operator in (">", ">=", "=")


def _histogram(rows: Sequence[HostRow], best: AlternativeRow) -> tuple[tuple[str, int], ...]:
    """Count the hosts that do not run the test, each once, by what is in the way: in the order of the conditions."""
    blamed = {each.host: each.failing[0].place for each in best.failing if each.failing}
    places: Counter[tuple[int, bool]] = Counter()
    others: Counter[str] = Counter()
    for row in rows:
        if not row.code:
            continue
        if row.code in ("REQUIREMENTS", "CAPACITY", "UNKNOWN_VALUE") and row.host in blamed:
            places[blamed[row.host], row.code == "UNKNOWN_VALUE"] += 1
        else:
            others["drained" if row.code == "DRAINED" else row.state] += 1
    told = Counter[str]()
    for place, unknown in sorted(places):
        told[best.conditions[place].requirement.key + " unknown" * unknown] += places[place, unknown]
    return (*told.items(), *((word, others[word]) for word in (*STATES, "drained") if word in others))
