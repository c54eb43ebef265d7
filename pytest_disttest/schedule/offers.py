"""Fragments of cases that ask for something of their host, in the backlog: by who fits, and who is at them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from pytest_disttest.schedule.fragments import Fit, Fragment

_Heap = list[tuple[float, int, int, Fragment]]


class Offers:
    """The weightiest first, then in the order of the plan: two heaps for each answer to who fits.

    One has what nobody is about; the other what some worker took a case from lately and goes on with.
    """

    def __init__(self) -> None:
        self._heaps: dict[Fit, tuple[_Heap, _Heap]] = {}

    def put(self, fragment: Fragment) -> None:
        """Lay *fragment* where it belongs; its stamp says until when it counts."""
        entry = (-fragment.weight, fragment.place, fragment.stamp, fragment)
        heapq.heappush(self._heaps.setdefault(fragment.fit, ([], []))[bool(fragment.user)], entry)

    def tops(self, worker: str, host: str) -> Iterator[Fragment]:
        """Yield the first fragments that *worker* may take."""
        for fit, heaps in list(self._heaps.items()):
            if not fit.admits(worker, host):
                continue
            for heap in heaps:
                while heap and heap[0][3].stamp != heap[0][2]:
                    heapq.heappop(heap)
                if heap:
                    yield heap[0][3]
            if not (heaps[0] or heaps[1]):
                del self._heaps[fit]
