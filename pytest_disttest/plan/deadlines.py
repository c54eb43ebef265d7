"""Deadlines: by when cases must begin where others want the same workers, which cannot be met, and which to give up.

All times count from one moment, in seconds. What is expected of durations is taken for true.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import NamedTuple

from pytest_disttest.plan.ranks import Prerequisites

Ends = Mapping[int, float]
"""By when cases must have ended, as `latest_ends` returns it: those without a deadline are absent."""


class Miss(NamedTuple):
    """A deadline that cannot be met: *case* ends at *earliest_s* at best, after all of *path*, itself the last."""

    case: int
    deadline_s: float
    earliest_s: float
    path: tuple[int, ...]


class Crowd(NamedTuple):
    """So many cases must have ended by *deadline_s*, and need *needed_s* on all *workers* together."""

    cases: int
    deadline_s: float
    needed_s: float
    workers: int


def misses(
    deadline_s: Mapping[int, float], least_s: Mapping[int, float], prerequisites: Prerequisites, start_s: float = 0.0
) -> list[Miss]:
    """Return the deadlines that no schedule can meet, by case; *start_s* is when the first case may begin.

    *least_s* are the seconds of cases on the fastest host that they may run on.
    """
    ends, after = _earliest_ends(deadline_s, least_s, prerequisites, start_s)
    return [
        Miss(case, deadline_s[case], ends[case], _path(case, after))
        for case in sorted(deadline_s)
        if case in ends and ends[case] > deadline_s[case]
    ]


def crowd(ends: Ends, least_s: Mapping[int, float], workers: int, start_s: float = 0.0) -> Crowd | None:
    """Return the first deadline up to which more must be done than all *workers* can do by then; None for none."""
    order = sorted(ends, key=lambda case: (ends[case], case))
    for number, (case, work_s) in enumerate(zip(order, accumulate(least_s.get(c, 0.0) for c in order), strict=True)):
        if start_s + work_s / max(workers, 1) > ends[case]:
            return Crowd(number + 1, ends[case], work_s / max(workers, 1), workers)
    return None


def latest_starts(
    ends: Ends, cautious_s: Mapping[int, float], eligible: Mapping[int, frozenset[str]], workers: Mapping[str, int]
) -> dict[int, float]:
    """Return by when each case of *ends* must begin if all are to be in time, though they share the workers.

    Played backwards from the last deadline: each case ends as late as it may where a worker is free last. A case that
    fits none of *workers* (by host) counts as if it had a worker of its own.
    """
    free = {host: [-float("inf")] * count for host, count in workers.items() if count > 0}  # heaps of negated times
    starts: dict[int, float] = {}
    for case in sorted(ends, key=lambda case: (-ends[case], case)):
        hosts = [host for host in sorted(free) if case not in eligible or host in eligible[case]]
        end_s = ends[case]
        if not hosts:
            starts[case] = end_s - cautious_s.get(case, 0.0)
            continue
        heap = free[min(hosts, key=lambda host: free[host][0])]
        starts[case] = min(end_s, -heap[0]) - cautious_s.get(case, 0.0)
        heapq.heapreplace(heap, -starts[case])
    return starts


def hopeless(
    ends: Ends,
    work_s: Mapping[int, float],
    workers: int,
    droppable: Iterable[int],
    start_s: float = 0.0,
) -> frozenset[int]:
    """Return which of *droppable* to give up so that as many others as possible are in time, if not all can be.

    In the order of their ends, the longest one so far is given up whenever there is more to do than *workers* can.
    Source: J. M. Moore, "An n job, one machine sequencing algorithm for minimizing the number of late jobs",
    Management Science 15(1), 1968; here all workers count as one that is so many times faster.
    """
    may = frozenset(droppable)
    lost: set[int] = set()
    longest: list[tuple[float, int]] = []
    busy_s = start_s
    for case in sorted(ends, key=lambda case: (ends[case], case)):
        own_s = work_s.get(case, 0.0)
        busy_s += own_s / max(workers, 1)
        if case in may:
            heapq.heappush(longest, (-own_s, case))
        while longest and busy_s > ends[case]:
            longest_s, given_up = heapq.heappop(longest)
            busy_s += longest_s / max(workers, 1)
            lost.add(given_up)
    return frozenset(lost)


def _earliest_ends(
    cases: Iterable[int], least_s: Mapping[int, float], prerequisites: Prerequisites, start_s: float
) -> tuple[dict[int, float], dict[int, int | None]]:
    """Return when *cases*, and all that they wait for, end at best, and after which one each of them begins.

    Those who wait for the same group share one tuple of it (see `build_plan`), which is looked at once.
    """
    ends: dict[int, float] = {}
    after: dict[int, int | None] = {}
    last_of: dict[int, int | None] = {}
    stack = [case for case in cases if case in least_s]
    while stack:
        case = stack[-1]
        written = prerequisites.get(case, ())
        if case not in ends and id(written) not in last_of:
            missing = [before for before in written if before in least_s and before not in ends]
            if missing:
                stack += missing
                continue
            last_of[id(written)] = max(
                (before for before in written if before in least_s), key=lambda one: (ends[one], -one), default=None
            )
        stack.pop()
        if case not in ends:
            after[case] = last = last_of[id(written)]
            ends[case] = (start_s if last is None else ends[last]) + least_s[case]
    return ends, after


def _path(case: int, after: Mapping[int, int | None]) -> tuple[int, ...]:
    path = [case]
    while (before := after.get(path[-1])) is not None:
        path.append(before)
    return tuple(reversed(path))
