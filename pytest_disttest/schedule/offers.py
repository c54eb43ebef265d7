"""Fragments of cases that ask for something of their host, in the backlog: by who fits, and by who is about them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from pytest_disttest.schedule.fragments import Fit, Fragment


class Offers:
    """The weightiest first, then in the order of the plan; a heap for each answer to who fits and who is about it."""

    def __init__(self) -> None:
        self._heaps: dict[tuple[Fit, str], list[tuple[float, int, int, Fragment]]] = {}

    def put(self, fragment: Fragment) -> None:
        """Lay *fragment* where it belongs; its stamp says until when it counts."""
        entry = (-fragment.weight, fragment.place, fragment.stamp, fragment)
        heapq.heappush(self._heaps.setdefault((fragment.fit, fragment.user), []), entry)

    def tops(self, worker: str, host: str) -> Iterator[Fragment]:
        """Yield the first fragment of each heap that *worker* may take."""
        for key, heap in list(self._heaps.items()):
            if not key[0].admits(worker, host):
                continue
            while heap and heap[0][3].stamp != heap[0][2]:
                heapq.heappop(heap)
            if heap:
                yield heap[0][3]
            else:
                del self._heaps[key]
