"""Stretches of the plan that are not handed out yet.

A fragment is a unit of the plan, or what is left of it, or a part that was split off. Its cases all fit
the same workers and are handed out in order. It belongs to at most one worker at a time, so that cases
which share a class, a module or a group meet the fixtures that their neighbours left standing.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pytest_disttest.model import Plan, Unit

HARDLY = 1.25
"""By how much cases may turn out slower before a split that did not pay is weighed again."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Who may run something: workers on *hosts* (None: on any), except those that could not collect it.

    *shunned* are names of workers and hosts that are not to run it again, as long as others can.
    *sign* is 0 where nothing is asked of the host but room for a plain test. Else it stands for what is asked: equal
    for equal demands, negative for a group whose cases ask for different things.
    """

    hosts: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    sign: int = 0
    shunned: frozenset[str] = frozenset()

    def admits(self, worker: str, host: str) -> bool:
        """Whether *worker*, which stands on *host*, may run it."""
        if self.shunned and (worker in self.shunned or host in self.shunned):
            return False
        return self.could_admit(worker, host)

    def could_admit(self, worker: str, host: str) -> bool:
        """Whether *worker* can run it, be it shunned or not."""
        return (self.hosts is None or host in self.hosts) and worker not in self.excluded


@dataclass(frozen=True, slots=True)
class Refusal:
    """A split of *count* cases of about *each_s* seconds that did not pay, *news* being the latest."""

    count: int
    each_s: float
    news: int
    fetched: bool

    def covers(self, newer: Refusal) -> bool:
        """Whether *newer* need not be weighed: hardly slower cases, none more, and nothing became ready."""
        return (
            newer.count <= self.count
            and newer.each_s <= HARDLY * self.each_s
            and newer.news == self.news
            and newer.fetched >= self.fetched
        )


@dataclass(slots=True, eq=False)
class Fragment:
    """What is left of a part of *unit*.

    *home* numbers the stretch of the plan that it comes from, *mates* all stretches of the same unit;
    *rank* gives each case its place in the plan. *cases* wait for nothing and are in order, *released*
    (a heap) did wait until lately, *waiting* do. *each_s* is the average of the durations that are known.
    *weight* is how many seconds it takes if that is so long that it must start early, else 0.
    *stamp* is 0 while it is in somebody's hands (*owner*), else its number in the backlog, and *offered*
    whether anybody may have it there. *user* is the worker that took a case from it, left the rest there and goes on
    with it, if any.
    """

    home: int
    unit: Unit
    fit: Fit
    cases: deque[int]
    rank: Mapping[int, int]
    mates: range
    waiting: set[int] = field(default_factory=set)
    released: list[tuple[int, int]] = field(default_factory=list)
    each_s: float | None = None
    weight: float = 0.0
    owner: str = ""
    user: str = ""
    stamp: int = 0
    offered: bool = False
    seams: dict[int, int] | None = None
    refused: Refusal | None = None

    def __bool__(self) -> bool:
        return True  # also when nothing is left of it: whether there is one is another question

    def __len__(self) -> int:
        return len(self.cases) + len(self.released) + len(self.waiting)

    @property
    def has_ready(self) -> bool:
        """Whether a case of it waits for nothing."""
        return bool(self.cases or self.released)

    @property
    def place(self) -> int:
        """Where in the plan its first case stands that waits for nothing; there must be one."""
        if self._resumes:
            return self.released[0][0]
        return self.rank[self.cases[0]]

    @property
    def _resumes(self) -> bool:
        """Whether a case that did wait comes before those that never did."""
        return bool(self.released) and not (self.cases and self.rank[self.cases[0]] < self.released[0][0])

    @property
    def head(self) -> int:
        """The first case that waits for nothing; there must be one."""
        return self.released[0][1] if self._resumes else self.cases[0]

    def take(self) -> int:
        """Remove and return the first case that waits for nothing."""
        if self._resumes:
            return heapq.heappop(self.released)[1]
        return self.cases.popleft()

    def release(self, case: int) -> None:
        """A case waits no more."""
        self.waiting.remove(case)
        heapq.heappush(self.released, (self.rank[case], case))

    def pending(self) -> list[int]:
        """Return all its cases in order."""
        if not (self.released or self.waiting):
            return list(self.cases)
        return sorted([*self.cases, *(case for _, case in self.released), *self.waiting], key=self.rank.__getitem__)

    def regain(self, case: int) -> None:
        """*case*, which was taken from it, comes back to its place."""
        heapq.heappush(self.released, (self.rank[case], case))

    def keep(self, cases: list[int]) -> None:
        """Be reduced to *cases*, which are some of its own, in order."""
        self.released = []
        self.waiting = self.waiting.intersection(cases) if self.waiting else self.waiting
        waiting = self.waiting
        self.cases = deque(case for case in cases if case not in waiting) if waiting else deque(cases)

    def part(self, cases: list[int], waiting: set[int], fit: Fit | None = None) -> Fragment:
        """Return a new fragment of *cases*, which come from the same stretch and are in order; *waiting* do wait."""
        return Fragment(
            home=self.home,
            unit=self.unit,
            fit=fit or self.fit,
            cases=deque(case for case in cases if case not in waiting) if waiting else deque(cases),
            rank=self.rank,
            mates=self.mates,
            waiting=waiting,
            each_s=self.each_s,
            seams=self.seams,
        )


def fragments_of(plan: Plan, signs: Mapping[int, int] | None = None) -> list[Fragment]:
    """Return the plan's units as fragments, each with one answer to the question which hosts fit.

    *signs* says of the cases that ask for something what that is; a fragment's cases ask for the same thing, but
    for those of groups.
    """
    rank = {case: place for place, case in enumerate(case for unit in plan.units for case in unit.cases)}
    waits = {case for case, needed in plan.prerequisites.items() if needed}
    everybody = Fit()
    fragments: list[Fragment] = []
    for unit in plan.units:
        parts = _by_hosts(unit, plan.eligible, signs or {})
        mates = range(len(fragments), len(fragments) + len(parts))
        for hosts, sign, cases in parts:
            waiting = waits.intersection(cases) if waits else set[int]()
            fragments.append(
                Fragment(
                    home=len(fragments),
                    unit=unit,
                    fit=everybody if hosts is None and not sign else Fit(hosts, sign=sign),
                    cases=deque(case for case in cases if case not in waiting) if waiting else deque(cases),
                    rank=rank,
                    mates=mates,
                    waiting=waiting,
                )
            )
    return fragments


_Part = tuple[frozenset[str] | None, int, list[int]]


def _by_hosts(unit: Unit, eligible: Mapping[int, frozenset[str]], signs: Mapping[int, int]) -> list[_Part]:
    if not eligible and not signs:
        return [(None, 0, list(unit.cases))]
    if unit.binding:
        common = common_hosts(unit.cases, eligible)
        if common is None or common:
            return [(common, common_sign(unit.cases, signs), list(unit.cases))]
    parts: dict[tuple[frozenset[str] | None, int], list[int]] = {}
    for case in unit.cases:
        parts.setdefault((eligible.get(case), signs.get(case, 0)), []).append(case)
    return [(hosts, sign, cases) for (hosts, sign), cases in parts.items()]


def common_sign(cases: Sequence[int], signs: Mapping[int, int]) -> int:
    """Return the sign of *cases*: a negative one, which no others have, where they ask for different things."""
    found = {signs.get(case, 0) for case in cases}
    return found.pop() if len(found) == 1 else -1 - cases[0]


def common_hosts(cases: Sequence[int], eligible: Mapping[int, frozenset[str]]) -> frozenset[str] | None:
    """The hosts that fit each of *cases*; None for all, empty when they cannot stay together."""
    limited = [eligible[case] for case in cases if case in eligible]
    return frozenset.intersection(*limited) if limited else None
