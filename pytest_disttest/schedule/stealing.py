"""Taking from another worker what it has not begun, where that lets the run end earlier."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pytest_disttest.schedule.cuts import Seams, split
from pytest_disttest.schedule.fragments import Fragment, Refusal
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

FETCH_S = 0.03
"""What it costs a worker, as a rule, to collect a file that it has not collected: the imports."""
FETCH_AFTER = 2
"""Where nothing is known of time: how many other fragments the owner must have before one is fetched from it."""
SURPRISING = 2.0
"""How many times longer than in earlier runs a case must take before history is doubted."""
SLOW_S = 0.1
"""How long a case must have run before it says something about those that follow it."""


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds of work before a worker, and the fragments that it would take up."""

    worker: Worker
    left_s: float
    count: int


class Stealing:
    """Finds work for one worker in what others keep or own."""

    def __init__(self, workers: Mapping[str, Worker], stock: Stock, seams: Seams) -> None:
        self._workers = workers
        self._stock = stock
        self._backlog = stock.backlog
        self._forecast = stock.forecast
        self._seams = seams

    def fetch(self, thief: Worker, now: float) -> Fragment | None:
        """Take a whole fragment that another worker keeps: from the one with most to do, what it would come to last."""
        keepers = [name for name, keep in self._backlog.keeps.items() if keep.count and name != thief.name]
        for load in self._loads(keepers, now):
            if load.left_s <= FETCH_S and load.count <= FETCH_AFTER:
                break  # nor has any of those that follow
            fragment = self._backlog.last_of(load.worker.name, thief.name, thief.host)
            if fragment is not None and self._pays_to_fetch(fragment, load):
                return self._backlog.take(fragment)
        return None

    def steal(self, thief: Worker, now: float) -> Fragment | None:
        """Take a fragment that another worker has not begun, or a part of the one that it works on."""
        owners = [name for name, worker in self._workers.items() if worker.fragments and worker is not thief]
        for load in self._loads(owners, now):
            victim = load.worker
            for fragment in list(victim.fragments)[::-1]:
                if fragment.unit.binding or not fragment.fit.admits(thief.name, thief.host):
                    continue
                is_kept = self._backlog.is_kept(thief.name, fragment)
                if fragment is not victim.fragments[0]:
                    if is_kept or self._pays_to_fetch(fragment, load):
                        victim.put_down(fragment)
                        return fragment
                else:
                    part = self._split_off(fragment, victim, now, fetched=not is_kept)
                    if part is not None:
                        return part
        return None

    def _loads(self, names: Collection[str], now: float) -> list[Load]:
        """Return what these workers have to do, the one with most first."""
        loads = [self._load(self._workers[name], now) for name in names]
        return sorted(loads, key=lambda load: (-load.left_s, -load.count))

    def _load(self, worker: Worker, now: float) -> Load:
        mean_s = self._forecast.mean_s or 0.0
        keep = self._backlog.keeps.get(worker.name)
        left_s, count = (keep.left_s(mean_s), keep.count) if keep is not None else (0.0, 0)
        left_s += worker.busy_s(self._forecast.expected_of(worker.given, mean_s), now)
        left_s += sum(_left_s(fragment, mean_s) for fragment in worker.fragments)
        return Load(worker, left_s, count + len(worker.fragments))

    def _pays_to_fetch(self, fragment: Fragment, load: Load) -> bool:
        """Whether the owner has so much before it that it would come to *fragment* later than the thief."""
        if self._forecast.mean_s is None and fragment.each_s is None and load.count > FETCH_AFTER:
            return True
        return load.left_s - _left_s(fragment, self._forecast.mean_s or 0.0) > FETCH_S

    def _split_off(self, fragment: Fragment, victim: Worker, now: float, *, fetched: bool) -> Fragment | None:
        """Split *fragment* where that pays and leaves something to do; one that was refused is not weighed anew."""
        each_s = self._each_s(victim, now)
        attempt = Refusal(len(fragment), each_s, self._stock.news, fetched)
        if fragment.refused is not None and fragment.refused.covers(attempt):
            return None
        known = {} if self._outruns_history(victim, now) else self._forecast.known
        part = split(
            fragment,
            self._seams,
            each_s,
            known,
            busy_s=victim.busy_s(self._forecast.expected_of(victim.given, 0.0), now) if known else 0.0,
            extra_s=FETCH_S if fetched else 0.0,
        )
        if part is None:
            fragment.refused = attempt
            return None
        self._stock.locate(part)
        if not fragment.has_ready:
            self._stock.let_go(fragment, victim)
        return part

    def _outruns_history(self, victim: Worker, now: float) -> bool:
        """Whether the running case takes so much longer than ever that what is known of others is in doubt."""
        running_s = victim.running_s(now)
        known_s = self._forecast.known.get(victim.given[0]) if victim.given else None
        return known_s is not None and running_s > max(SLOW_S, SURPRISING * known_s)

    def _each_s(self, victim: Worker, now: float) -> float:
        """How long each of the next cases of *victim* may take; 0.0 while nothing is known.

        What ended tells what to expect; the running case counts only once it proves to be slow.
        """
        running_s = victim.running_s(now)
        if victim.given and self._forecast.known.get(victim.given[0], 0.0) >= running_s:
            running_s = 0.0  # it takes what it always takes, which says nothing about others
        return max(self._forecast.mean_s or 0.0, running_s if running_s > SLOW_S else 0.0)


def _left_s(fragment: Fragment, mean_s: float) -> float:
    return len(fragment) * (mean_s if fragment.each_s is None else fragment.each_s)
