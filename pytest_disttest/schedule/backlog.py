"""Fragments that are in nobody's hands, and which workers have collected them already.

A worker that tells what it holds *keeps* the fragments of which it has collected every case: it takes
those first, and others take them from its end, which it reaches last. A fragment that no such worker keeps
is *free*. A worker that has collected everything keeps nothing, and takes the first of all.

Fragments of cases that ask for something of their host (a device, all of its cores) lie apart, as *offers*: they
are given out one case at a time, by other rules.

Every choice looks at the top of a few heaps, one for each answer to "who fits"; what was taken meanwhile
is dropped when it comes up. So a choice costs O(log n), however many fragments there are.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from pytest_disttest.schedule.fragments import Fit, Fragment
from pytest_disttest.schedule.offers import Offers
from pytest_disttest.schedule.workers import Worker

_Entry = tuple[float, int, int, Fragment]


class Shelf:
    """Fragments by who fits: the weightiest first, then in the order of the plan, or all that backwards."""

    def __init__(self, *, backwards: bool = False) -> None:
        self._sign = -1 if backwards else 1
        self._heaps: dict[Fit, list[_Entry]] = {}

    def put(self, fragment: Fragment, place: int) -> None:
        """Lay *fragment* where it belongs; its stamp says until when it counts."""
        sign = self._sign
        entry = (-sign * fragment.weight, sign * place, sign * fragment.stamp, fragment)
        heapq.heappush(self._heaps.setdefault(fragment.fit, []), entry)

    def walk(self, wanted: Callable[[Fit], bool]) -> Iterator[Fragment]:
        """Yield the fragments of *wanted* fits, in order, looking at no more than is asked for."""
        heaps = [heap for fit, heap in self._heaps.items() if self._clean(heap) and wanted(fit)]
        front = [(heap[0], number, 0) for number, heap in enumerate(heaps)]
        heapq.heapify(front)
        while front:
            entry, number, place = heapq.heappop(front)
            heap = heaps[number]
            for below in (2 * place + 1, 2 * place + 2):
                if below < len(heap):
                    heapq.heappush(front, (heap[below], number, below))
            if entry[3].stamp == self._sign * entry[2]:
                yield entry[3]

    def _clean(self, heap: list[_Entry]) -> bool:
        """Take away what was taken from the top of *heap*; return whether anything is left."""
        while heap and heap[0][3].stamp != self._sign * heap[0][2]:
            heapq.heappop(heap)
        return bool(heap)

    def first(self, worker: str, host: str) -> _Entry | None:
        """Return the first entry that *worker* may take; it stays until its fragment is taken."""
        best: _Entry | None = None
        for fit, heap in self._heaps.items():
            if heap and fit.admits(worker, host) and self._clean(heap) and (best is None or heap[0] < best):
                best = heap[0]
        return best


@dataclass(slots=True)
class Keep:
    """What one worker has collected and nobody has taken: from the front for itself, from the back for others."""

    host: str
    front: Shelf = field(default_factory=Shelf)
    back: Shelf = field(default_factory=lambda: Shelf(backwards=True))
    homes: set[int] = field(default_factory=set)
    count: int = 0
    known_s: float = 0.0
    unknown: int = 0

    def weigh(self, fragment: Fragment, sign: int) -> None:
        """Count *fragment* in (1) or out (-1)."""
        self.count += sign
        if fragment.each_s is None:
            self.unknown += sign * len(fragment)
        else:
            self.known_s += sign * len(fragment) * fragment.each_s

    def left_s(self, mean_s: float) -> float:
        """Return the seconds of work that lie here, cases without history taking *mean_s*."""
        return self.known_s + self.unknown * mean_s


class Backlog:
    """Fragments in nobody's hands. One without a case that is ready is kept too, but nobody is offered it.

    *ranked*, what is weighty lies apart, whoever has collected it: `Ranking` says who is to take it.
    """

    def __init__(self, *, ranked: bool = False) -> None:
        self._is_ranked = ranked
        self._ranked = Shelf()
        self._free = Shelf()
        self._kept = Shelf()
        self.offers = Offers()
        self.keeps: dict[str, Keep] = {}
        self._keepers: dict[int, dict[str, None]] = defaultdict(dict)
        self._lying: dict[int, dict[int, Fragment]] = defaultdict(dict)
        self._by_fit: Counter[Fit] = Counter()
        self._stamp = 0
        self.weighty = 0

    def __iter__(self) -> Iterator[Fragment]:
        return (fragment for lying in list(self._lying.values()) for fragment in list(lying.values()))

    def lying(self, home: int) -> list[Fragment]:
        """Return the fragments of one stretch of the plan that lie here."""
        return list(self._lying[home].values()) if home in self._lying else []

    # fragments come and go

    def put(self, fragment: Fragment) -> None:
        """Lay *fragment* down."""
        fragment.owner = ""
        self._by_fit[fragment.fit] += 1
        self._lay(fragment)

    def _lay(self, fragment: Fragment) -> None:
        self._stamp += 1
        fragment.stamp = self._stamp
        self._lying[fragment.home][fragment.stamp] = fragment
        if fragment.has_ready:
            self._offer(fragment)

    def _offer(self, fragment: Fragment) -> None:
        fragment.offered = True
        if fragment.fit.sign:
            self.offers.put(fragment)
            return
        self.weighty += fragment.weight > 0
        place = fragment.place
        keepers = self._keepers_of(fragment)
        if self._is_ranked and fragment.weight:
            self._ranked.put(fragment, place)
        else:
            (self._kept if keepers else self._free).put(fragment, place)
        for name in keepers:
            self._offer_to(self.keeps[name], fragment, place)

    def _offer_to(self, keep: Keep, fragment: Fragment, place: int) -> None:
        keep.front.put(fragment, place)
        keep.back.put(fragment, place)
        keep.weigh(fragment, 1)

    def take(self, fragment: Fragment) -> Fragment:
        """Take *fragment* away, and return it."""
        self._by_fit[fragment.fit] -= 1
        self._lift(fragment)
        return fragment

    def _lift(self, fragment: Fragment) -> None:
        lying = self._lying[fragment.home]
        del lying[fragment.stamp]
        if not lying:
            del self._lying[fragment.home]
        fragment.stamp = 0
        if fragment.offered:
            fragment.offered = False
            if fragment.fit.sign:
                return
            self.weighty -= fragment.weight > 0
            for name in self._keepers_of(fragment):
                self.keeps[name].weigh(fragment, -1)

    def release(self, fragment: Fragment, case: int) -> None:
        """*case* of a fragment that lies here waits no more."""
        fragment.release(case)
        if not fragment.offered:
            self._offer(fragment)

    def drop(self, fragment: Fragment, case: int) -> None:
        """*case*, which waits, will not run."""
        keepers = self._keepers_of(fragment) if fragment.offered else []
        for name in keepers:
            self.keeps[name].weigh(fragment, -1)
        fragment.waiting.remove(case)
        for name in keepers:
            self.keeps[name].weigh(fragment, 1)
        if not len(fragment):
            self.take(fragment)

    # who has collected what

    def enlist(self, worker: str, host: str, homes: Collection[int]) -> None:
        """*worker* has collected the stretches *homes*, and not all."""
        self.keeps[worker] = Keep(host)
        self.adopt(worker, homes)

    def adopt(self, worker: str, homes: Collection[int]) -> None:
        """*worker* has collected *homes* too, or is about to."""
        keep = self.keeps.get(worker)
        if keep is None:
            return
        for home in sorted(homes):
            if home not in keep.homes:
                lying = self._lift_all(home)
                keep.homes.add(home)
                self._keepers[home][worker] = None
                self._lay_all(lying)

    def disown(self, worker: str, home: int) -> None:
        """*worker* has not collected *home*, as it turned out."""
        keep = self.keeps.get(worker)
        if keep is None or home not in keep.homes:
            return
        lying = self._lift_all(home)
        keep.homes.discard(home)
        del self._keepers[home][worker]
        if not self._keepers[home]:
            del self._keepers[home]
        self._lay_all(lying)

    def dismiss(self, worker: str) -> None:
        """*worker* takes nothing any more: what only it kept is free."""
        keep = self.keeps.get(worker)
        if keep is not None:
            for home in sorted(keep.homes):
                self.disown(worker, home)
            del self.keeps[worker]

    def _lift_all(self, home: int) -> list[Fragment]:
        lying = self.lying(home)
        for fragment in lying:
            self._lift(fragment)
        return lying

    def _lay_all(self, fragments: list[Fragment]) -> None:
        for fragment in fragments:
            self._lay(fragment)

    def _keepers_of(self, fragment: Fragment) -> list[str]:
        """Return who has collected *fragment* and may run it."""
        goes_by_rank = self._is_ranked and fragment.weight
        keepers = () if fragment.fit.sign or goes_by_rank else self._keepers.get(fragment.home, ())
        return [name for name in keepers if fragment.fit.admits(name, self.keeps[name].host)]

    def is_kept(self, worker: str, fragment: Fragment) -> bool:
        """Whether *worker* has collected *fragment*, as far as is known."""
        keep = self.keeps.get(worker)
        return keep is None or fragment.home in keep.homes

    # choices

    def first(self, worker: str, host: str, tolerance_s: float = 0.0) -> Fragment | None:
        """Return what *worker* should take next: its own, or what nobody keeps; None when there is neither.

        What is weighty goes first, also when another worker keeps it; *tolerance_s* is by how much it
        must outweigh what is weighty among its own.
        """
        free = self._free.first(worker, host)
        keep = self.keeps.get(worker)
        kept = self._kept.first(worker, host) if keep is None or self.weighty else None
        top = _earlier(free, kept)
        if keep is None:
            return None if top is None else top[3]
        own = keep.front.first(worker, host)
        if top is not None and top[3].weight and self._outweighs(top[3], own, tolerance_s):
            return top[3]
        entry = own or free
        return None if entry is None else entry[3]

    def _outweighs(self, top: Fragment, own: _Entry | None, tolerance_s: float) -> bool:
        return own is None or not own[3].weight or top.weight > own[3].weight + tolerance_s

    def by_rank(self, wanted: Callable[[Fit], bool]) -> Iterator[Fragment]:
        """Yield what is weighty, whoever has collected it, the weightiest first; nothing may be taken meanwhile."""
        return self._ranked.walk(wanted)

    def last_of(self, keeper: str, worker: str, host: str) -> Fragment | None:
        """Return what *worker* may take from *keeper*, the one that the keeper would come to last."""
        entry = self.keeps[keeper].back.first(worker, host)
        return None if entry is None else entry[3]

    def holds_apart(self, one: Worker, other: Worker) -> bool:
        """Whether something lies here that *one* may run, and not *other*."""
        return any(
            count and fit.admits(one.name, one.host) and not fit.admits(other.name, other.host)
            for fit, count in self._by_fit.items()
        )

    def holds_for(self, worker: str, host: str) -> bool:
        """Whether something that *worker* may run lies here, be it ready or not."""
        return any(count and fit.admits(worker, host) for fit, count in self._by_fit.items())


def _earlier(one: _Entry | None, other: _Entry | None) -> _Entry | None:
    if one is None or other is None:
        return one or other
    return min(one, other)
