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

Cases that ask for something of their host (a device, all cores) go by rules of their own: see `granting`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_disttest.model import Demand, Outcome, Plan
from pytest_disttest.schedule.accounting import Accounting
from pytest_disttest.schedule.batches import Batches
from pytest_disttest.schedule.changes import Changes
from pytest_disttest.schedule.commands import (
    Block,
    Command,
    GiveUp,
    Recruit,
    Refuse,
    Unplace,
)
from pytest_disttest.schedule.cuts import Seams
from pytest_disttest.schedule.events import (
    AskedAnew,
    CaseEnded,
    CaseReturned,
    CasesRefused,
    CaseStarted,
    DeviceBack,
    DeviceHeld,
    DeviceLost,
    DevicesBusy,
    Event,
    HostBack,
    HostJoined,
    HostLost,
    NobodyComes,
    Tick,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.schedule.feeding import Feeding
from pytest_disttest.schedule.guidance import Guidance
from pytest_disttest.schedule.ranking import ranking_of
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

if TYPE_CHECKING:
    from pytest_disttest.schedule.accounting import Books
    from pytest_disttest.schedule.choice import Choice, Weights
    from pytest_disttest.schedule.granting import Granting
    from pytest_disttest.schedule.hedging import Hedging
    from pytest_disttest.schedule.steering import Steering

_NO_GUIDANCE = Guidance()


class Scheduler:
    """One run's decisions. *predicted* maps a case to its expected seconds, where history knows them.

    *demands* has the cases that ask for something of their host or prefer some hosts (others may be there, and
    count as plain), *ledgers* the book of each host, by the names that `WorkerReady` uses; several may name one book.
    Without ledgers nothing is accounted for; they may be a function that is called when they are needed.
    *predicted_on* has seconds by case and class of machines, *reliability* the share of a host's attempts that had no
    fault of the host, *memory* the bytes that cases are known to take, *classes* the class of machines of each place
    (else its ledger says), *weights* what choices weighed lately. *guidance* is what a strategy says beside its times
    and demands, which are told as all others are.
    """

    def __init__(  # noqa: PLR0913  # each is one more thing that may be known of a run
        self,
        plan: Plan,
        *,
        seams: Seams,
        predicted: Mapping[int, float] | None = None,
        demands: Mapping[int, Demand] | None = None,
        ledgers: Books | None = None,
        predicted_on: Mapping[tuple[int, str], float] | None = None,
        reliability: Mapping[str, float] | None = None,
        memory: Mapping[int, int] | None = None,
        classes: Mapping[str, str] | None = None,
        weights: Weights | None = None,
        guidance: Guidance | None = None,
    ) -> None:
        told = guidance or _NO_GUIDANCE
        self._workers: dict[str, Worker] = {}
        self._granting: Granting | None = None
        self._ranking = ranking_of(plan, predicted or {}, predicted_on or {}, classes or {}) if told.lays_out else None
        ranks = told.urgency
        if self._ranking is not None:
            self._ranking.is_told = bool(told.urgency or told.hastened)
            predicted, ranks = self._ranking.known, self._ranking.ranks if ranks is None else ranks
        stocked: dict[str, Any] = {
            "ranks": ranks,
            "is_ranked": self._ranking is not None,
            "is_told": told.urgency is not None,
            "urgent_from": told.urgent_from,
        }
        accounting = Accounting(
            demands or {}, ledgers or {}, memory or {}, predicted_on or {}, reliability or {}, classes or {}, weights
        )
        if demands and ledgers:
            asking = accounting.asking(plan)
            self._stock = Stock(asking.plan, self._workers, seams, predicted, asking.signs, **stocked)
            self._granting = accounting.granting(self._stock, self._workers, asking)
        else:
            self._stock = Stock(plan, self._workers, seams, predicted, **stocked)
        self.steering: Steering | None = None
        if told.hastened or told.revise is not None:
            from pytest_disttest.schedule.steering import Steering

            self.steering = Steering(plan, told, self._stock, self._ranking)
        self._batches = Batches(self._workers, self._stock, seams, self._ranking)
        self._feeding = Feeding(self._workers, self._stock, self._batches, self.steering)
        if self._granting is not None:
            self._account(self._granting)
        self._gone: frozenset[str] = frozenset()
        self._changes = Changes(plan, accounting, self._stock)
        self._opened = False
        self._hedging: Hedging | None = None
        self._on: dict[type, Callable[[Any, float], list[Command]]] = {
            CaseStarted: self._on_started,
            CaseEnded: self._on_ended,
            CaseReturned: self._on_returned,
            AskedAnew: self._on_asked_anew,
            NobodyComes: self._on_nobody,
            Tick: self._on_tick,
            WorkWanted: self._on_wanted,
            WorkerReady: self._on_ready,
            CasesRefused: self._on_refused,
            WorkerLost: self._on_worker_lost,
            HostLost: self._on_host_lost,
            HostBack: self._on_host_back,
            HostJoined: self._on_host_joined,
            DeviceLost: self._on_device_lost,
            DeviceHeld: self._on_device_held,
            DeviceBack: self._on_device_back,
            DevicesBusy: self._on_devices_busy,
        }

    def keep_workers_for(self, cases: Collection[int]) -> None:
        """These may be run again when they fail: as long as one of them has no outcome, workers are kept for it."""
        self._feeding.returning = cases

    def limit(self, most: int) -> None:
        """Let no more than *most* workers have something to run at a time; 0 for as many as there are."""
        self._feeding.most = most

    def hedge(self, hedging: Hedging) -> None:
        """Let idle hosts run copies of what takes too long on others."""
        self._hedging = self._feeding.hedging = hedging

    def is_copied(self, case: int, worker: str) -> bool:
        """Whether *worker* is one of two that have *case*."""
        return self._hedging is not None and self._hedging.other(case, worker) is not None

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

    def could_run(self, case: int) -> frozenset[str]:
        """Return where workers stand, or stood before they went home, that may run *case*."""
        return frozenset(worker.host for worker in self._workers.values() if self._stock.fits(case, worker))

    def is_bound(self, case: int) -> bool:
        """Whether *case* is of a group that stays together, so that it cannot ask anew for itself."""
        return self._stock.is_bound(case)

    def has_taker(self, case: int) -> bool:
        """Whether a worker that has not been sent home may run *case*."""
        return any(not worker.finished and self._stock.fits(case, worker) for worker in self._workers.values())

    @property
    def choices(self) -> Mapping[int, Choice]:
        """Why each case that asked for something, or preferred something, ran where it did: the latest 10,000."""
        return {} if self._granting is None else self._granting.choices

    @property
    def weights(self) -> Weights | None:
        """What each factor of a choice weighs by now; None where no case asks for anything."""
        return self._granting.weights if self._granting else None

    def stop(self) -> None:
        """Hand out nothing more: every worker that asks is told to finish."""
        self._feeding.stopped = self._feeding.stirred = True

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take note of *event* and return what is to be done, in order."""
        return self._on[type(event)](event, now)

    def _account(self, granting: Granting) -> None:
        """From now on *granting* is asked about all that is given."""
        self._granting = self._feeding.granting = granting
        if self._ranking is not None:
            granting.has_more_urgent = self._batches.has_above

    # events

    def _on_ready(self, event: WorkerReady, now: float) -> list[Command]:
        worker = self._workers[event.worker] = Worker(event.worker, event.host)
        if event.holds is not None:
            self._stock.backlog.enlist(event.worker, event.host, self._stock.whole_homes(event.holds))
        if self._granting is None:
            return []
        self._granting.welcome(worker)
        if self._opened:
            return []
        self._opened = True
        return self._give_up_lost()

    def _on_wanted(self, event: WorkWanted, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        if worker is None:
            return []  # one that was never ready may ask too: a replacement that is called off while it collects
        return self._feeding.feed(worker, now) + self._feeding.feed_held(now)

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
            self._feeding.stirred |= not stock.open or stock.waits.is_awaited(case)
        worker = self._workers.get(event.worker)
        if worker is not None:
            worker.started_at = None
            self._strike(worker, case)
            self._feeding.stirred |= self._feeding.most > 0 and not worker.given
            if self._ranking is not None:
                self._ranking.learn(case, worker.host, event.duration_s)
            if self.steering is not None:
                self.steering.ended(case, worker.host, event.duration_s)
            if self._granting is not None:
                self._granting.ended(worker, case, event.outcome, event.duration_s)
                commands += self._settle(worker, now)
            if self._hedging is not None:
                commands += self._give_up_copy(self._hedging, case, worker)
            if worker.leaving:
                stock.let_leave(worker)
                commands += self._give_up_lost()
                self._feeding.stirred = True
            if worker.resting:
                commands += self._feeding.feed(worker, now)
        return commands + self._feeding.feed_held(now) if self._feeding.held else commands

    def _on_returned(self, event: CaseReturned, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        commands: list[Command] = []
        if event.case in self._stock.open:
            self._feeding.later.append(event)  # first: nobody is told meanwhile that nothing will come
        if worker is not None:
            worker.started_at = None
            self._strike(worker, event.case)
            if self._hedging is not None:
                commands += self._give_up_copy(self._hedging, event.case, worker)
            commands += self._settle(worker, now)
            self._stock.let_leave(worker)
        commands += self._run_again(now)
        if worker is not None and worker.resting:
            commands += self._feeding.feed(worker, now)
        return commands + self._feeding.feed_held(now)

    def _on_asked_anew(self, event: AskedAnew, now: float) -> list[Command]:
        if event.case not in self._stock.open or self._stock.is_bound(event.case):
            return []
        if self._granting is None and (granting := self._changes.open_books(self._workers)) is not None:
            self._account(granting)
        if self._granting is not None:
            self._stock.ask_anew(event.case, *self._granting.ask_anew(event.case, event.demand))
        return []

    def _run_again(self, now: float) -> list[Command]:
        """Lay down what is to be run again by now."""
        due = [event for event in self._feeding.later if event.due_s <= now]
        if not due:
            return []
        self._feeding.later = [event for event in self._feeding.later if event.due_s > now]
        for event in due:
            self._stock.take_again(event.case, self._workers.get(event.worker), event.shunned)
        self._feeding.stirred = True
        return self._give_up_lost()

    def _on_nobody(self, event: NobodyComes, now: float) -> list[Command]:
        self._feeding.stirred = True
        return self._give_up(self._stock.settle_for(event.case), Refuse, Outcome.ERROR) + self._feeding.feed_held(now)

    def _on_tick(self, event: Tick, now: float) -> list[Command]:
        again = self._run_again(now) if self._feeding.later else []
        return again + self._feeding.feed_held(now) if self._feeding.held else again

    def _on_refused(self, event: CasesRefused, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        if worker is None:
            return []
        given = set(worker.given)
        refused = [case for case in event.cases if case in given]
        for case in refused:
            self._strike(worker, case)
        if self._hedging is not None:
            alone = self._hedging.without_copies(refused, worker)
            self._stock.exclude(worker, [case for case in refused if case not in alone])
            refused = alone
        if self._granting is not None and not worker.given:
            self._granting.vacate(worker)
        self._stock.refuse(worker, refused)
        self._feeding.stirred = True
        return self._give_up_lost() + self._feeding.feed_held(now)

    def _on_worker_lost(self, event: WorkerLost, now: float) -> list[Command]:
        self._take_all_back(event.worker)
        return self._give_up_lost() + self._feeding.feed_held(now)

    def _on_host_lost(self, event: HostLost, now: float) -> list[Command]:
        """What only lost hosts could run has no place any more; it must not be waited for."""
        for name in [name for name, worker in self._workers.items() if worker.host == event.host]:
            self._take_all_back(name)
        self._gone |= {event.host}
        return self._give_up_lost() + self._feeding.feed_held(now)

    def _on_host_back(self, event: HostBack, now: float) -> list[Command]:
        self._gone -= {event.host}
        return []

    def _on_host_joined(self, event: HostJoined, now: float) -> list[Command]:
        self._gone -= {event.host}
        self._changes.join(event, self._granting)
        self._feeding.stirred = True
        return self._feeding.feed_held(now)

    def _on_device_lost(self, event: DeviceLost, now: float) -> list[Command]:
        self._changes.lose(event, self._granting)
        if self._granting is None:
            return []
        self._feeding.stirred = True
        return self._give_up_lost() + self._feeding.feed_held(now)

    def _on_device_held(self, event: DeviceHeld, now: float) -> list[Command]:
        self._changes.hold(event, self._granting)
        return []

    def _on_device_back(self, event: DeviceBack, now: float) -> list[Command]:
        self._changes.restore(event, self._granting)
        self._feeding.stirred = True
        return self._give_up_lost() + self._feeding.feed_held(now)

    def _on_devices_busy(self, event: DevicesBusy, now: float) -> list[Command]:
        """The case goes where there is room for it now; where there is none it stays, and waits for its grant."""
        worker = self._workers.get(event.worker)
        if worker is None or self._granting is None or event.case not in worker.given:
            return []
        if self._granting.has_to_wait(worker, event.case, now):
            return []
        self._strike(worker, event.case)
        self._granting.vacate(worker)
        self._stock.bring_back(event.case, worker)
        worker.resting = False  # it asks for other work, as whoever has none does
        self._feeding.stirred = True
        return self._give_up_lost() + self._feeding.feed_held(now)

    # what becomes of cases

    def _strike(self, worker: Worker, case: int) -> None:
        """*worker* has *case* no more."""
        given = worker.given
        if given and given[0] == case:
            given.popleft()
        elif case in given:
            given.remove(case)
        worker.untried.discard(case)

    def _settle(self, worker: Worker, now: float) -> list[Command]:
        """What *worker* held of its host is free once it has ended all that it was given: for those beside it."""
        granting = self._granting
        if granting is None or worker.given or not (worker.has_room or worker.is_alone):
            return []
        granting.vacate(worker)
        if self._feeding.stirred:
            return []  # all that wait are looked at anyway
        beside = [other for other in granting.beside(worker) if other is not worker]
        return self._feeding.feed_those([worker, *beside], now)

    def _blocks(self, blocked: Iterable[tuple[int, int]]) -> list[Command]:
        return [Block(dependent, culprit) for dependent, culprit in blocked]

    def _take_all_back(self, name: str) -> None:
        """What the lost worker had not ended goes back to its place in the plan, each unit in one piece."""
        worker = self._workers.pop(name, None)
        if worker is None:
            return
        self._feeding.held.pop(name, None)
        if self._granting is not None:
            self._granting.dismiss(worker)
        if self._hedging is not None:
            worker.given = deque(self._hedging.without_copies(worker.given, worker))
        self._stock.inherit(worker)
        self._feeding.stirred = True

    def _give_up_copy(self, hedging: Hedging, case: int, winner: Worker) -> list[Command]:
        """*winner* had the first result of *case*: whoever has it too is given up, like one that is lost."""
        other = hedging.other(case, winner.name)
        hedging.end(case)
        if other is None or other not in self._workers:
            return []
        self._strike(self._workers[other], case)
        self._take_all_back(other)
        return [GiveUp(other, case), *self._give_up_lost()]

    def _give_up_lost(self) -> list[Command]:
        """End what only lost hosts could run, what no host can give room, and what no living worker can collect."""
        if self._feeding.stopped:
            return []
        commands: list[Command] = []
        if self._gone or self._granting is not None:
            unplace = partial(Unplace, why="" if self._gone else "no host can give what it asks for")
            commands += self._give_up(self._stock.unplaced(self._gone), unplace, Outcome.UNPLACED)
        commands += self._give_up(self._stock.hopeless(), Refuse, Outcome.ERROR)
        return commands + [Recruit(case) for case in self._stock.stranded()]

    def _give_up(self, cases: Iterable[int], command: Callable[[int], Command], outcome: Outcome) -> list[Command]:
        """These will run nowhere, which their dependents must hear."""
        commands: list[Command] = []
        for case in cases:
            if case in self._stock.open:  # else it was blocked by one that was given up just now
                commands += [command(case), *self._blocks(self._stock.give_up(case, outcome))]
                self._feeding.stirred = True
        return commands
