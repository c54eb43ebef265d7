"""Cases laid out one after the other, each on the kind of hosts where it costs the run least.

Theory of operation. A case ends when a worker of the kind is free, and that much later. But the run ends when all has
been done, and what only these hosts can run has to be done there, too: so a case that others can run costs at least
what the kind's workers have to do on average, with it and with all of that. A long case goes where it ends first, a
short one where most room is left. A kind that is full with its own cases gets no others, although its workers are free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heapreplace
from typing import NamedTuple

Kind = tuple[str, tuple[bool, ...]]
"""A group of hosts: their class, and which sets of hosts they are in."""


class Spot(NamedTuple):
    """Where a case would go: what it costs there, in seconds from now, and from when to when it would run."""

    cost_s: float
    kind: Kind
    starts_s: float
    ends_s: float


class Layout:
    """The workers of each kind by when they are *free*, in seconds from now; what is put into it keeps them busy.

    *kept_s* is by kind what each worker has yet to do, on average, that only its hosts can; None where only the end
    of each case counts.
    """

    def __init__(self, free: Mapping[Kind, list[float]], kept_s: Mapping[Kind, float] | None = None) -> None:
        self._free = {kind: list(times) for kind, times in free.items()}
        for times in self._free.values():
            heapify(times)
        self._sums = {kind: sum(times) for kind, times in free.items()}
        self._kept_s = None if kept_s is None else dict(kept_s)

    def best(self, options: Iterable[tuple[Kind, float]], *, is_own: bool) -> Spot | None:
        """Return the best of *options*, kinds with the seconds that a case takes there; None where nobody is.

        *is_own* is a case that other hosts cannot run: it is part of what they have to do.
        """
        found: Spot | None = None
        for kind, seconds in options:
            times = self._free.get(kind)
            if times:
                starts_s = times[0]
                cost_s = self._cost_s(kind, starts_s, seconds, self._sums[kind], len(times), is_own=is_own)
                if found is None or cost_s < found.cost_s:
                    found = Spot(cost_s, kind, starts_s, starts_s + seconds)
        return found

    def cost_of_asking_s(self, kind: Kind, busy_s: float, seconds: float, *, is_own: bool) -> float:
        """Return what a case costs with the worker that asks, which is not laid out and *busy_s* for so long."""
        busy_all_s, others = self._sums.get(kind, 0.0) + busy_s, len(self._free.get(kind, ()))
        return self._cost_s(kind, busy_s, seconds, busy_all_s, others + 1, is_own=is_own)

    def put(self, spot: Spot, *, is_own: bool) -> None:
        """Let a case run there."""
        times, seconds = self._free[spot.kind], spot.ends_s - spot.starts_s
        heapreplace(times, spot.ends_s)
        self._sums[spot.kind] += seconds
        if is_own and self._kept_s is not None:
            self._kept_s[spot.kind] -= seconds / len(times)

    def _cost_s(
        self, kind: Kind, starts_s: float, seconds: float, busy_all_s: float, count: int, *, is_own: bool
    ) -> float:
        ends_s = starts_s + seconds
        if self._kept_s is None:
            return ends_s
        more_s = 0.0 if is_own else seconds
        return max(ends_s, (busy_all_s + more_s) / count + self._kept_s.get(kind, 0.0))
