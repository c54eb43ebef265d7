"""Ranks and deadlines, propagated backwards from dependents to prerequisites.

Plain dicts instead of networkx, for speed: 100,000 cases take a fraction of a second. Dependents of one group share
one tuple of prerequisites (see build_plan); each such tuple is walked once, so that the cost grows with the names
that were written, not with members times dependents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

Prerequisites = Mapping[int, tuple[int, ...]]
Edge = tuple[int, int]
_FREE: Final[Mapping[Edge, float]] = MappingProxyType({})


def upward_ranks(
    work_s: Mapping[int, float], prerequisites: Prerequisites, transfer_s: Mapping[Edge, float] = _FREE
) -> dict[int, float]:
    """Return for each case of *work_s* the seconds from its start to the end of the run, along the longest way.

    *transfer_s* maps (prerequisite, dependent) to what lies between the two. Prerequisites that are not in *work_s*
    are done already, and left out. Raises ValueError where cases wait for each other.
    Source: Topcuoglu, Hariri, Wu, "Performance-effective and low-complexity task scheduling for heterogeneous
    computing" (HEFT), IEEE TPDS 13(3), 2002.
    """
    return _backwards(
        work_s,
        prerequisites,
        own=lambda case, after: work_s[case] + after,
        handed_on=lambda _, rank: rank,
        best=max,
        nothing=0.0,
        transfer_s=transfer_s,
    )


def latest_ends(
    deadline_s: Mapping[int, float], q90_s: Mapping[int, float], prerequisites: Prerequisites
) -> dict[int, float]:
    """Return by when each case must have ended, for all deadlines to be met that depend on it; others are absent.

    *deadline_s* and the answer count from the same moment; *q90_s*, the cautious durations, names every case. A time
    that lies before the case can have ended tells that the deadline cannot be met. ValueError as above.
    """
    found = _backwards(
        q90_s,
        prerequisites,
        own=lambda case, after: min(deadline_s.get(case, math.inf), after),
        handed_on=lambda case, end: end - q90_s[case],
        best=min,
        nothing=math.inf,
    )
    return {case: end for case, end in found.items() if end < math.inf}


def longest_path(work_s: Mapping[int, float], prerequisites: Prerequisites) -> tuple[int, ...]:
    """Return the cases of the critical path in running order; of equally long ones that of the smallest indexes."""
    ranks = upward_ranks(work_s, prerequisites)
    if not ranks:
        return ()
    heads: dict[int, int] = {}  # of all that share a tuple of prerequisites, the one with most before the end
    hubs_of: dict[int, list[int]] = {}
    for case in sorted(ranks, key=lambda case: (-ranks[case], case)):
        written = prerequisites.get(case, ())
        if id(written) not in heads:
            heads[id(written)] = case
            for before in written:
                hubs_of.setdefault(before, []).append(id(written))
    path = [min(ranks, key=lambda case: (-ranks[case], case))]
    while hubs := hubs_of.get(path[-1]):
        path.append(min((heads[hub] for hub in hubs), key=lambda case: (-ranks[case], case)))
    return tuple(path)


class _Hub:
    """A tuple of prerequisites, and what those who wait for it hand on."""

    __slots__ = ("best", "members", "open", "written")

    def __init__(self, written: tuple[int, ...], cases: Mapping[int, float], nothing: float) -> None:
        self.written = written  # kept alive: its identity is the hub's key
        self.members = tuple(before for before in dict.fromkeys(written) if before in cases)
        self.open = 0
        self.best = nothing


def _backwards(
    cases: Iterable[int],
    prerequisites: Prerequisites,
    *,
    own: Callable[[int, float], float],
    handed_on: Callable[[int, float], float],
    best: Callable[[float, float], float],
    nothing: float,
    transfer_s: Mapping[Edge, float] = _FREE,
) -> dict[int, float]:
    """Return *own* of each case and of the best that its dependents hand on, *nothing* where it has none."""
    after = dict.fromkeys(sorted(cases), nothing)
    hub_of, waited_for = _hubs(after, prerequisites, nothing, shared=not transfer_s)
    ready = [case for case in after if case not in waited_for]
    found: dict[int, float] = {}
    while ready:
        case = ready.pop()
        found[case] = own(case, after[case])
        hub = hub_of.get(case)
        if hub is None:
            continue
        hub.best = best(hub.best, handed_on(case, found[case]))
        hub.open -= 1
        if hub.open:
            continue
        for before in hub.members:
            after[before] = best(after[before], hub.best + transfer_s.get((before, case), 0.0))
            waited_for[before] -= 1
            if not waited_for[before]:
                ready.append(before)
    if len(found) != len(after):
        raise ValueError(f"{len(after) - len(found)} cases wait for each other")
    return {case: found[case] for case in after}


def _hubs(
    cases: Mapping[int, float], prerequisites: Prerequisites, nothing: float, *, shared: bool
) -> tuple[dict[int, _Hub], dict[int, int]]:
    """Return the hub of each case that waits, and by how many hubs each case is waited for.

    Not *shared*, each case has a hub of its own: what lies between it and its prerequisites differs.
    """
    hubs: dict[int, _Hub] = {}
    hub_of: dict[int, _Hub] = {}
    waited_for: dict[int, int] = {}
    for case in cases:
        written = prerequisites.get(case, ())
        if not written:
            continue
        key = id(written) if shared else case
        if key not in hubs:
            hubs[key] = _Hub(written, cases, nothing)
            for before in hubs[key].members:
                waited_for[before] = waited_for.get(before, 0) + 1
        hub_of[case] = hubs[key]
        hubs[key].open += 1
    return hub_of, waited_for
