"""Who is given what: the answer to a worker that asks, and to those that were told to wait.

Theory of operation. A worker that asks is given what asks for something of its host, else plain cases, else, with
hedging, a copy of what takes too long elsewhere. Where nothing is left that it may ever run, it is told to finish;
else it is *held*: fed as soon as something has changed, and looked at again now and then. Where not all may run at a
time, whoever was fed least lately has its turn first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from pytest_disttest.schedule.batches import Batches
from pytest_disttest.schedule.commands import Assign, Command, Copy, Finish, Hold
from pytest_disttest.schedule.events import CaseReturned
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

if TYPE_CHECKING:
    from pytest_disttest.schedule.granting import Granting
    from pytest_disttest.schedule.hedging import Hedging
    from pytest_disttest.schedule.steering import Steering

WEIGH_S = 0.05
"""How often at most one looks for work for those that are held, while nothing particular happens."""


class Feeding:
    """Answers *workers*.

    *held* are those that wait, by name. *stirred* says that something has changed for them, *stopped* that nothing is
    handed out any more. *later* are cases to be run again when it is time, *returning* those that may have to be when
    they fail. *granting* is who keeps the books, where tests ask for something of their host. No more than *most*
    workers have something to run at a time; 0 is as many as there are.
    """

    def __init__(
        self,
        workers: Mapping[str, Worker],
        stock: Stock,
        batches: Batches,
        steering: Steering | None,
    ) -> None:
        self._workers = workers
        self._stock = stock
        self._batches = batches
        self._steering = steering
        self._weighed_at = float("-inf")
        self._turns = 0
        self.granting: Granting | None = None
        self.held: dict[str, Worker] = {}
        self.later: list[CaseReturned] = []
        self.returning: Collection[int] = ()
        self.stirred = self.stopped = False
        self.most = 0
        self.hedging: Hedging | None = None

    def feed_held(self, now: float) -> list[Command]:
        """Look for work for those that wait: when something has changed, or some time has passed."""
        granting = self.granting
        deferred = self._batches.deferred or (granting is not None and granting.deferred)
        if not (self.stirred or deferred or now - self._weighed_at >= WEIGH_S):
            return []
        self.stirred = False
        self._weighed_at = now
        self._batches.deferred = False
        if granting is None:
            return self.feed_those(list(self.held.values()), now)
        granting.look_around(begins=True)
        commands = self.feed_those(granting.in_order(self.held.values()), now)
        granting.look_around(begins=False)
        granting.deferred = False
        return commands

    def feed_those(self, workers: Iterable[Worker], now: float) -> list[Command]:
        """Look for work for each of *workers* that still waits: one may have had its turn before that of another."""
        return [command for worker in workers if worker.held for command in self.feed(worker, now)]

    def feed(self, worker: Worker, now: float) -> list[Command]:
        """Answer a worker that wants work; before it, those that only wait for their turn at what it cannot run."""
        if not self.most:
            return self._answer(worker, now)
        first = [] if worker.given else self._waiting_longer(worker)
        return [command for other in [*first, worker] for command in self._answer(other, now)]

    def _waiting_longer(self, worker: Worker) -> list[Worker]:
        """Return who is held, was fed less lately, and could run something that *worker* cannot."""
        others = [other for other in self.held.values() if other.turn < worker.turn and not other.given]
        return [other for other in others if self._stock.backlog.holds_apart(other, worker)]

    def _must_wait(self, worker: Worker) -> bool:
        """Whether as many as may run something do, or others are to have their turn when *worker* is through."""
        if worker.given:
            worker.resting = bool(self._waiting_longer(worker))
            return worker.resting
        return sum(bool(other.given) for other in self._workers.values()) >= self.most

    def _answer(self, worker: Worker, now: float) -> list[Command]:
        """Answer one worker; a held one is not told a second time to hold."""
        if worker.finished:
            return []
        self._stock.aim()
        if self._steering is not None:
            self._steering.look(now)
        worker.resting = False
        must_wait = self.most > 0 and self._must_wait(worker)
        assign = None if self.stopped or must_wait else self._next(worker, now)
        if assign is not None:
            if self.most:
                self._turns += 1
                worker.turn = self._turns
            worker.held = False
            self.held.pop(worker.name, None)
            worker.given.extend(assign.cases)
            return [assign]
        if self.stopped or not self._may_come(worker):
            worker.finished, worker.held, worker.resting = True, False, False
            self.held.pop(worker.name, None)
            self._stock.backlog.dismiss(worker.name)
            return [Finish(worker.name)]
        if self.hedging is not None and not worker.given and (copy := self._copy(self.hedging, worker, now)):
            return [copy]
        if worker.held:
            return []
        worker.held = True
        self.held[worker.name] = worker
        return [Hold(worker.name)]

    def _copy(self, hedging: Hedging, worker: Worker, now: float) -> Copy | None:
        """Return what an idle worker is to run a copy of, nothing else being left for it."""
        if self.stopped or self._stock.backlog.holds_for(worker.name, worker.host):
            return None
        if self.most and self._must_wait(worker):
            return None
        granting = self.granting
        if granting is not None and not granting.offer(worker, now)[1]:
            return None
        overdue = hedging.overdue(worker, self._workers, now)
        case = next((one for one in overdue if one in self._stock.open and self._stock.fits(one, worker)), None)
        if case is None:
            return None
        other = next(other.name for other in self._workers.values() if case in other.given)
        hedging.begin(case, other, worker.name)
        if granting is not None:
            granting.occupy(worker)
        worker.held = False
        self.held.pop(worker.name, None)
        worker.given.append(case)
        return Copy(worker.name, case, other)

    def _next(self, worker: Worker, now: float) -> Assign | None:
        """Return what *worker* is to run: what asks for something first, then plain cases."""
        granting = self.granting
        if granting is not None:
            assign, may_go_on = granting.offer(worker, now)
            if not may_go_on:
                return assign
        worker.resting = self._batches.should_rest(worker, now)
        batch = [] if worker.resting else self._batches.gather(worker, now)
        if not batch:
            return None
        if granting is not None:
            granting.occupy(worker)
        worker.last_batch = len(batch)
        return Assign(worker.name, tuple(batch))

    def _may_come(self, worker: Worker) -> bool:
        """Whether a case that this worker may run is in nobody's hands, or would be, should others lose it."""
        if not self._stock.open:
            return False
        if self.later or self._stock.backlog.holds_for(worker.name, worker.host):
            return True
        if self._stock.may_settle_for(worker) or self._stock.may_part(worker):
            return True
        return any(self._may_give_back(other, worker) for other in self._workers.values())

    def _may_give_back(self, other: Worker, worker: Worker) -> bool:
        """What another host has comes back when that is lost; what was not tried yet, when it cannot be collected."""
        if any(self._stock.would_admit(fragment, worker) for fragment in other.owned()):
            return True
        fits, still_open = self._stock.fits, self._stock.open
        coming = [case for cases in other.leaving.values() for case in cases]
        if other is not worker:
            coming += other.given if other.host != worker.host else other.untried
        coming += [case for case in other.given if case in self.returning] if self.returning else []
        return any(case in still_open and fits(case, worker) for case in coming)
