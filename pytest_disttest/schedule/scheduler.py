"""The dispatcher: cases are pulled by workers, in batches sized by time, and split off where one waits.

Theory of operation. Nothing is promised in advance. A worker asks (``WorkWanted``) while it runs the
last of what it has; the answer is a batch of about ``BATCH_S`` seconds of predicted work, one case where
cases are slow. A worker keeps to its fragment (a file, a class, a group), then takes the next one that it
has collected or that nobody has, then one from another worker's end, then splits the fragment of the
worker with most left. What is not handed out can always be given to somebody else, so there is nothing to
take back. Where history knows of long cases, these go first.

A case whose prerequisites have not ended is passed over; when one did not pass, its dependents are
blocked. A worker for which nothing is left to do now is held, and fed as soon as something turns up; so is
one with a long case in its hands while the others can do all that is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pytest_disttest.model import Outcome, Plan
from pytest_disttest.schedule.commands import Assign, Block, Command, Finish, Hold, Refuse, Unplace
from pytest_disttest.schedule.cuts import Seams
from pytest_disttest.schedule.events import (
    CaseEnded,
    CasesRefused,
    CaseStarted,
    Event,
    HostLost,
    Tick,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.schedule.forecast import LONG_S
from pytest_disttest.schedule.fragments import Fragment
from pytest_disttest.schedule.stealing import FETCH_S, Stealing
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

BATCH_S = 0.05
LARGEST_BATCH = 500
SMALLEST_CAP = 8
GROWTH = 4
WEIGH_S = 0.05
"""How often at most one looks for work for those that are held, while nothing particular happens."""


class Scheduler:
    """One run's decisions. *predicted* maps a case to its expected seconds, where history knows them."""

    def __init__(self, plan: Plan, *, seams: Seams, predicted: Mapping[int, float] | None = None) -> None:
        self._workers: dict[str, Worker] = {}
        self._held: dict[str, Worker] = {}
        self._stock = Stock(plan, self._workers, seams, predicted)
        self._stealing = Stealing(self._workers, self._stock, seams)
        self._gone: frozenset[str] = frozenset()
        self._stirred = False
        self._weighed_at = float("-inf")
        self._stopped = False
        self._on: dict[type, Callable[[Any, float], list[Command]]] = {
            CaseStarted: self._on_started,
            CaseEnded: self._on_ended,
            Tick: self._on_tick,
            WorkWanted: self._on_wanted,
            WorkerReady: self._on_ready,
            CasesRefused: self._on_refused,
            WorkerLost: self._on_worker_lost,
            HostLost: self._on_host_lost,
        }

    @property
    def remaining(self) -> int:
        """How many cases have no outcome yet."""
        return len(self._stock.open)

    @property
    def open_cases(self) -> list[int]:
        """The cases without an outcome, in the order of collection."""
        return sorted(self._stock.open)

    def given(self, worker: str) -> tuple[int, ...]:
        """What *worker* was handed and has not ended."""
        found = self._workers.get(worker)
        return tuple(found.given) if found is not None else ()

    def stop(self) -> None:
        """Hand out nothing more: every worker that asks is told to finish."""
        self._stopped = self._stirred = True

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take note of *event* and return what is to be done, in order."""
        return self._on[type(event)](event, now)

    # events

    def _on_ready(self, event: WorkerReady, now: float) -> list[Command]:
        self._workers[event.worker] = Worker(event.worker, event.host)
        if event.holds is not None:
            self._stock.backlog.enlist(event.worker, event.host, self._stock.whole_homes(event.holds))
        return []

    def _on_wanted(self, event: WorkWanted, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        if worker is None:
            return []  # one that was never ready may ask too: a replacement that is called off while it collects
        return self._feed(worker, now) + self._feed_held(now)

    def _on_started(self, event: CaseStarted, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        if worker is not None:
            worker.started_at = now
            if worker.untried:
                worker.untried.discard(event.case)
        return []

    def _on_ended(self, event: CaseEnded, now: float) -> list[Command]:
        case, stock = event.case, self._stock
        commands: list[Command] = []
        if case in stock.open:
            stock.forecast.learn(event.duration_s)
            commands = self._blocks(stock.end(case, event.outcome))
            self._stirred |= not stock.open or stock.waits.is_awaited(case)
        worker = self._workers.get(event.worker)
        if worker is not None:
            worker.started_at = None
            self._strike(worker, case)
            if worker.leaving:
                stock.let_leave(worker)
                commands += self._refuse_hopeless()
                self._stirred = True
            if worker.resting:
                commands += self._feed(worker, now)
        return commands + self._feed_held(now) if self._held else commands

    def _on_tick(self, event: Tick, now: float) -> list[Command]:
        return self._feed_held(now) if self._held else []

    def _on_refused(self, event: CasesRefused, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        if worker is None:
            return []
        given = set(worker.given)
        refused = [case for case in event.cases if case in given]
        for case in refused:
            self._strike(worker, case)
        self._stock.refuse(worker, refused)
        self._stirred = True
        return self._refuse_hopeless() + self._feed_held(now)

    def _on_worker_lost(self, event: WorkerLost, now: float) -> list[Command]:
        self._take_all_back(event.worker)
        return self._refuse_hopeless() + self._feed_held(now)

    def _on_host_lost(self, event: HostLost, now: float) -> list[Command]:
        """What only lost hosts could run has no place any more; it must not be waited for."""
        for name in [name for name, worker in self._workers.items() if worker.host == event.host]:
            self._take_all_back(name)
        self._gone |= {event.host}
        if self._stopped:
            return self._feed_held(now)
        unplaced = self._give_up(self._stock.unplaced(self._gone), Unplace, Outcome.UNPLACED)
        return unplaced + self._refuse_hopeless() + self._feed_held(now)

    # what becomes of cases

    def _strike(self, worker: Worker, case: int) -> None:
        """*worker* has *case* no more."""
        given = worker.given
        if given and given[0] == case:
            given.popleft()
        elif case in given:
            given.remove(case)
        worker.untried.discard(case)

    def _blocks(self, blocked: Iterable[tuple[int, int]]) -> list[Command]:
        return [Block(dependent, culprit) for dependent, culprit in blocked]

    def _take_all_back(self, name: str) -> None:
        """What the lost worker had not ended goes back to its place in the plan, each unit in one piece."""
        worker = self._workers.pop(name, None)
        if worker is None:
            return
        self._held.pop(name, None)
        self._stock.inherit(worker)
        self._stirred = True

    def _refuse_hopeless(self) -> list[Command]:
        return [] if self._stopped else self._give_up(self._stock.hopeless(), Refuse, Outcome.ERROR)

    def _give_up(self, cases: Iterable[int], command: Callable[[int], Command], outcome: Outcome) -> list[Command]:
        """These will run nowhere, which their dependents must hear."""
        commands: list[Command] = []
        for case in cases:
            if case in self._stock.open:  # else it was blocked by one that was given up just now
                commands += [command(case), *self._blocks(self._stock.give_up(case, outcome))]
                self._stirred = True
        return commands

    # who gets what

    def _feed_held(self, now: float) -> list[Command]:
        """Look for work for those that wait: when something has changed, or some time has passed."""
        if not (self._stirred or now - self._weighed_at >= WEIGH_S):
            return []
        self._stirred = False
        self._weighed_at = now
        return [command for worker in list(self._held.values()) for command in self._feed(worker, now)]

    def _feed(self, worker: Worker, now: float) -> list[Command]:
        """Answer a worker that wants work; a held one is not told a second time to hold."""
        if worker.finished:
            return []
        self._stock.aim()
        worker.resting = not self._stopped and self._should_rest(worker, now)
        batch = [] if self._stopped or worker.resting else self._batch(worker, now)
        if batch:
            worker.held = False
            self._held.pop(worker.name, None)
            worker.last_batch = len(batch)
            worker.given.extend(batch)
            return [Assign(worker.name, tuple(batch))]
        if self._stopped or not self._may_come(worker):
            worker.finished, worker.held, worker.resting = True, False, False
            self._held.pop(worker.name, None)
            self._stock.backlog.dismiss(worker.name)
            return [Finish(worker.name)]
        if worker.held:
            return []
        worker.held = True
        self._held[worker.name] = worker
        return [Hold(worker.name)]

    def _should_rest(self, worker: Worker, now: float) -> bool:
        """Whether the others will have done all that is left before *worker* is through with what it has.

        Then whatever it was given now would only wait for it. What is short is not worth the question.
        """
        forecast = self._stock.forecast
        if not worker.given or (forecast.mean_s is None and not forecast.known):
            return False
        busy_s = worker.busy_s(forecast.expected_of(worker.given, forecast.mean_s or 0.0), now)
        if busy_s < LONG_S:
            return False
        others = sum(not other.finished for other in self._workers.values()) - 1
        return forecast.left_s <= busy_s * others

    def _batch(self, worker: Worker, now: float) -> list[int]:
        """Gather ready cases for about BATCH_S seconds, from what the worker owns, then from elsewhere."""
        batch: list[int] = []
        forecast, still_open = self._stock.forecast, self._stock.open
        limit = min(LARGEST_BATCH, max(SMALLEST_CAP, GROWTH * worker.last_batch))
        budget_s = BATCH_S
        while len(batch) < limit and budget_s > 0:
            fragment = self._source(worker, now, opened=bool(batch))
            if fragment is None:
                break
            is_fetched = fragment.home in worker.fetched
            while fragment.has_ready and len(batch) < limit and budget_s > 0:
                case = fragment.take()
                forecast.hand_out(case)
                if case not in still_open:
                    continue
                batch.append(case)
                expected = forecast.expected_s(case)
                budget_s -= BATCH_S if expected is None else expected
                if is_fetched:
                    worker.untried.add(case)
            if is_fetched:
                budget_s -= FETCH_S
            if not fragment.has_ready:
                self._stock.let_go(fragment, worker)
        return batch

    def _source(self, worker: Worker, now: float, *, opened: bool) -> Fragment | None:
        """Return the fragment that the worker's next case comes from; it is in its hands then."""
        stock = self._stock
        current = worker.fragments[0] if worker.fragments else None
        if current is None or (stock.backlog.weighty and not current.unit.binding):
            first = stock.backlog.first(worker.name, worker.host, stock.long_s)
            if first is not None and (current is None or first.weight):
                return stock.own(stock.backlog.take(first), worker)
        if current is not None:
            return current
        if opened and not worker.untried:
            return None
        taken = self._stealing.fetch(worker, now)
        if taken is None and not opened:
            taken = self._stealing.steal(worker, now)
        return None if taken is None else stock.own(taken, worker)

    def _may_come(self, worker: Worker) -> bool:
        """Whether a case that this worker may run is in nobody's hands, or would be, should others lose it."""
        if not self._stock.open:
            return False
        if self._stock.backlog.holds_for(worker.name, worker.host):
            return True
        return any(self._may_give_back(other, worker) for other in self._workers.values())

    def _may_give_back(self, other: Worker, worker: Worker) -> bool:
        """What another host has comes back when that is lost; what was not tried yet, when it cannot be collected."""
        if any(fragment.fit.admits(worker.name, worker.host) for fragment in other.owned()):
            return True
        fits, still_open = self._stock.fits, self._stock.open
        coming = [case for cases in other.leaving.values() for case in cases]
        if other is not worker:
            coming += other.given if other.host != worker.host else other.untried
        return any(case in still_open and fits(case, worker) for case in coming)
