"""A rule-based machine that plays all that can happen to a scheduler, and knows on its own what may come of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pytest_disttest.model import Grant, Outcome, Plan, Unit
from pytest_disttest.schedule import (
    Assign,
    Block,
    CaseEnded,
    CaseReturned,
    CasesRefused,
    CaseStarted,
    Command,
    Event,
    Finish,
    Hold,
    HostBack,
    HostLost,
    NobodyComes,
    Recruit,
    Refuse,
    Scheduler,
    Tick,
    Unplace,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)

HOSTS = ("a", "b", "c")
LEVELS = (0, 1, 2, 3)
OUTCOMES = st.sampled_from(
    (Outcome.PASSED, Outcome.PASSED, Outcome.PASSED, Outcome.XPASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.ERROR)
)
DURATIONS = st.sampled_from((0.0001, 0.01, 0.2, 5.0))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw up to 16 cases in units, some binding, with acyclic prerequisites and hosts that fit."""
    count = draw(st.integers(1, 16))
    order = draw(st.permutations(range(count)))
    units, start = [], 0
    while start < count:
        size = draw(st.integers(1, count - start))
        units.append(Unit(f"u{start}", tuple(order[start : start + size]), binding=draw(st.booleans())))
        start += size
    rank = draw(st.permutations(range(count)))
    prerequisites = {}
    for case in draw(st.sets(st.integers(0, count - 1), max_size=count)):
        earlier = [other for other in range(count) if rank[other] < rank[case]]
        if earlier:
            prerequisites[case] = tuple(sorted(draw(st.sets(st.sampled_from(earlier), min_size=1, max_size=3))))
    fits = st.dictionaries(st.integers(0, count - 1), st.frozensets(st.sampled_from(HOSTS), min_size=1))
    return Plan(tuple(units), prerequisites=prerequisites, eligible=draw(st.one_of(st.just({}), fits)))


@dataclass
class Worker:
    host: str
    queue: deque[int] = field(default_factory=deque)
    running: int | None = None
    asked: bool = False
    held: bool = False
    finished: bool = False
    holds: frozenset[int] | None = None
    cannot: frozenset[int] = frozenset()
    refused: set[int] = field(default_factory=set)

    @property
    def refuses(self) -> tuple[int, ...]:
        """What it was given and cannot collect."""
        return tuple(case for case in self.queue if case in self.cannot)

    @property
    def untried(self) -> set[int]:
        """What may still turn out to be impossible for it."""
        return set() if self.holds is None else set(self.queue) - self.holds

    @property
    def has(self) -> list[int]:
        """What it was given and has not ended."""
        return [*self.queue, *([] if self.running is None else [self.running])]


class SchedulerMachine(RuleBasedStateMachine):
    @initialize(plan=plans(), known=st.booleans(), data=st.data())
    def make(self, plan: Plan, known: bool, data: st.DataObject) -> None:
        levels = {
            unit.key: (9,) * (len(unit.cases) - 1)
            if unit.binding
            else tuple(data.draw(st.sampled_from(LEVELS)) for _ in unit.cases[1:])
            for unit in plan.units
        }
        self.plan = plan
        self.cases = {case: unit for unit in plan.units for case in unit.cases}
        predicted = {case: data.draw(DURATIONS) for case in self.cases} if known else {}
        self.differing = self.hosts_that_differ(predicted, data)
        self.scheduler = self.scheduler_of(plan, lambda unit: levels[unit.key], predicted, data)
        self.now = 0.0
        self.workers: dict[str, Worker] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.holders: dict[str, set[str]] = {unit.key: set() for unit in plan.units}
        self.gone: set[str] = set()
        self.started = 0
        self.broken: set[str] = set()
        self.shunned: dict[int, frozenset[str]] = {}
        self.wanted: set[int] = set()

    def scheduler_of(
        self, plan: Plan, seams: Callable[[Unit], tuple[int, ...]], predicted: dict[int, float], data: st.DataObject
    ) -> Scheduler:
        """Return the scheduler that is to be played with."""
        return Scheduler(plan, seams=seams, predicted=predicted, **self.differing)

    def hosts_that_differ(self, predicted: dict[int, float], data: st.DataObject) -> dict[str, Any]:
        """Return what the scheduler is told of classes of hosts, be it true or not; nothing in half of all runs."""
        if not predicted or data.draw(st.booleans()):
            return {}
        classes = {host: data.draw(st.sampled_from("xyz")) for host in HOSTS}
        on_class = {(case, name): data.draw(DURATIONS) for case in predicted for name in sorted(set(classes.values()))}
        some = data.draw(st.sets(st.sampled_from(sorted(on_class))))
        return {"classes": classes, "predicted_on": {key: on_class[key] for key in some}}

    # what the model knows

    def hosts_of(self, case: int) -> frozenset[str]:
        """Return where a case may run: a binding unit stays together where it has hosts in common."""
        unit = self.cases[case]
        common = frozenset.intersection(*(self.eligible(other) for other in unit.cases))
        return common if unit.binding and common else self.eligible(case)

    def is_known(self, host: str) -> bool:
        """Whether a host takes part by now."""
        return True

    def eligible(self, case: int) -> frozenset[str]:
        """Return where a case might run on its own."""
        return self.plan.eligible.get(case, frozenset(HOSTS))

    def is_together(self, unit: Unit) -> bool:
        """Whether a binding unit has a host that fits all of it."""
        return unit.binding and bool(frozenset.intersection(*(self.eligible(case) for case in unit.cases)))

    @property
    def open(self) -> set[int]:
        return self.cases.keys() - self.outcomes.keys()

    @property
    def given(self) -> set[int]:
        return {case for worker in self.workers.values() for case in worker.has}

    def is_ready(self, case: int) -> bool:
        needed = self.plan.prerequisites.get(case, ())
        return all(other in self.outcomes and self.outcomes[other].is_success for other in needed)

    # events and what comes of them

    def tell(self, event: Event) -> None:
        for command in self.scheduler.handle(event, self.now):
            self.obey(command)
        for unit in self.plan.units:
            if unit.binding and self.is_broken(unit):
                self.broken.add(unit.key)

    def shuns(self, case: int, name: str) -> bool:
        """Whether *case* is to be run again, and not by this worker while others can."""
        shunned = self.shunned.get(case, frozenset())
        return name in shunned or self.workers[name].host in shunned

    def is_broken(self, unit: Unit) -> bool:
        """Whether each worker that fits a group has refused a part of it, so that it cannot stay together."""
        fitting = [w for w in self.workers.values() if not w.finished and w.host in self.hosts_of(unit.cases[0])]
        return any(w.refused & {*unit.cases} for w in self.workers.values()) and all(
            worker.refused & {*unit.cases} for worker in fitting
        )

    def obey(self, command: Command) -> None:
        match command:
            case Assign(name, cases, grants):
                self.take(name, self.workers[name], cases)
                self.grant(name, cases, grants)
            case Hold(name):
                worker = self.workers[name]
                assert worker.asked and not worker.held and not worker.finished
                worker.held = True
            case Finish(name):
                self.finish(self.workers[name])
            case Block(case, culprit):
                assert case in self.open and case not in self.given
                assert culprit in self.plan.prerequisites[case]
                assert not self.outcomes[culprit].is_success
                self.outcomes[case] = Outcome.BLOCKED
            case Unplace(case):
                assert case in self.open and self.hosts_of(case) <= self.gone
                self.outcomes[case] = Outcome.UNPLACED
            case Refuse(case):
                assert case in self.open and case not in self.given
                fitting = [w for w in self.workers.values() if not w.finished and w.host in self.hosts_of(case)]
                assert fitting or case in self.shunned
                assert all(case in worker.refused for worker in fitting)
                self.outcomes[case] = Outcome.ERROR
            case Recruit(case):
                assert case in self.open and case not in self.given and self.shunned[case]
                self.wanted.add(case)

    def take(self, name: str, worker: Worker, cases: tuple[int, ...]) -> None:
        assert worker.asked and not worker.finished
        assert cases and len(set(cases)) == len(cases)
        for case in cases:
            assert case in self.open, "an ended case is not handed out again"
            assert case not in self.given, "a case is in one worker's hands"
            assert worker.host in self.hosts_of(case), "a case runs where it fits"
            assert self.is_ready(case), "a case comes after its prerequisites have passed"
            assert case not in worker.refused, "what a worker refused it is not given again"
            unit = self.cases[case]
            assert unit.binding or not self.shuns(case, name), "it is run again by others"
            if self.is_together(unit) and unit.key not in self.broken:
                holders = self.holders[unit.key]
                holders &= self.workers.keys()
                holders -= {other for other in holders if self.has_left(self.workers[other], unit)}
                assert holders <= {name}, "a binding unit is in one live worker's hands"
                holders.add(name)
        worker.asked = worker.held = False
        worker.queue.extend(cases)

    def grant(self, name: str, cases: tuple[int, ...], grants: tuple[Grant, ...]) -> None:
        """Cases come with grants."""
        assert () == grants, "nobody asked for anything"

    def awaits_others(self) -> bool:
        """Whether something that cases need may be in the hands of another run."""
        return False

    def has_left(self, worker: Worker, unit: Unit) -> bool:
        """Whether *worker* refused a part of a group, and has ended what it had of it."""
        return bool(worker.refused & {*unit.cases}) and not {*worker.has} & {*unit.cases}

    def may_run(self, worker: Worker, case: int) -> bool:
        """Whether *worker* may be given *case*: of a group all or nothing, while that can be had."""
        unit = self.cases[case]
        name = next(name for name, one in self.workers.items() if one is worker)
        if any(self.shuns(other, name) for other in (unit.cases if unit.binding else (case,))):
            return False
        if unit.binding and unit.key not in self.broken and worker.refused & {*unit.cases}:
            return False
        return worker.host in self.hosts_of(case) and case not in worker.refused

    def needs(self, worker: Worker, case: int) -> bool:
        """Whether *worker* must stay for *case*; a group of which it refused a part goes on with others."""
        unit = self.cases[case]
        return self.may_run(worker, case) and not (unit.binding and worker.refused & {*unit.cases})

    def finish(self, worker: Worker) -> None:
        assert worker.asked and not worker.finished
        worker.finished, worker.asked, worker.held = True, False, False
        for case in self.open - self.given:
            assert not self.needs(worker, case), f"{case} is in nobody's hands and still needs {worker}"
        for other in self.workers.values():
            coming = set(other.has) if other.host != worker.host else other.untried
            for case in coming & self.open if other is not worker else ():
                assert not self.needs(worker, case), "what comes back, from a lost host too, needs this worker"

    def named(self, data: st.DataObject, fits: list[str]) -> tuple[str, Worker]:
        name = data.draw(st.sampled_from(fits))
        return name, self.workers[name]

    def able_to_ask(self) -> list[str]:
        return [name for name, w in self.workers.items() if not (w.asked or w.finished or w.queue)]

    def able_to_start(self) -> list[str]:
        return [name for name, w in self.workers.items() if w.queue and w.running is None and not w.refuses]

    def able_to_refuse(self) -> list[str]:
        return [name for name, w in self.workers.items() if w.refuses]

    def able_to_end(self) -> list[str]:
        return [name for name, w in self.workers.items() if w.running is not None]

    # rules

    @rule(host=st.sampled_from(HOSTS), data=st.data())
    def a_worker_comes(self, host: str, data: st.DataObject) -> None:
        """It has collected everything, or some units, or whatever; of the others it may be unable to collect some."""
        if host not in self.gone and self.is_known(host) and len(self.workers) < 5:
            some = st.frozensets(st.sampled_from(sorted(self.cases)))
            units = st.frozensets(st.sampled_from(self.plan.units)).map(
                lambda some: frozenset(case for unit in some for case in unit.cases)
            )
            holds = data.draw(st.one_of(st.none(), units, some))
            cannot = frozenset() if holds is None else data.draw(some) - holds
            name = f"gw{self.started}"
            self.started += 1
            self.workers[name] = Worker(host, holds=holds, cannot=cannot)
            self.tell(WorkerReady(name, host, holds))

    @precondition(lambda self: self.able_to_refuse())
    @rule(data=st.data())
    def one_refuses(self, data: st.DataObject) -> None:
        name, worker = self.named(data, self.able_to_refuse())
        self.refuse(name, worker)

    def refuse(self, name: str, worker: Worker) -> None:
        refused = worker.refuses
        worker.queue = deque(case for case in worker.queue if case not in worker.cannot)
        worker.refused.update(refused)
        self.tell(CasesRefused(name, refused))

    @precondition(lambda self: self.able_to_move())
    @rule(data=st.data(), outcome=OUTCOMES, times=st.integers(1, 6))
    def some_move(self, data: st.DataObject, outcome: Outcome, times: int) -> None:
        """Workers do what they do most: ask, start, end, one after the other."""
        for _ in range(times):
            if names := self.able_to_move():
                name, worker = self.named(data, names)
                self.move(name, worker, outcome)

    def able_to_move(self) -> list[str]:
        return sorted({*self.able_to_end(), *self.able_to_start(), *self.able_to_ask(), *self.able_to_refuse()})

    def move(self, name: str, worker: Worker, outcome: Outcome) -> None:
        if worker.refuses:
            self.refuse(name, worker)
        elif not (worker.asked or worker.finished or worker.queue):
            worker.asked = True
            self.tell(WorkWanted(name))
        elif worker.running is not None:
            self.now += 1.0
            self.end(name, worker, outcome, 1.0)
        else:
            worker.running = worker.queue.popleft()
            self.tell(CaseStarted(name, worker.running))

    @precondition(lambda self: self.able_to_ask())
    @rule(data=st.data())
    def one_asks(self, data: st.DataObject) -> None:
        name, worker = self.named(data, self.able_to_ask())
        worker.asked = True
        self.tell(WorkWanted(name))

    @precondition(lambda self: self.able_to_start())
    @rule(data=st.data())
    def one_starts(self, data: st.DataObject) -> None:
        name, worker = self.named(data, self.able_to_start())
        worker.running = worker.queue.popleft()
        self.tell(CaseStarted(name, worker.running))

    @precondition(lambda self: self.able_to_end())
    @rule(data=st.data(), outcome=OUTCOMES, duration_s=DURATIONS)
    def one_ends(self, data: st.DataObject, outcome: Outcome, duration_s: float) -> None:
        name, worker = self.named(data, self.able_to_end())
        self.now += duration_s
        self.end(name, worker, outcome, duration_s)

    @precondition(lambda self: self.able_to_end())
    @rule(data=st.data(), some=st.frozensets(st.sampled_from(HOSTS), max_size=2), wait_s=st.sampled_from((0, 0, 30)))
    def one_returns(self, data: st.DataObject, some: frozenset[str], wait_s: float) -> None:
        """A case is run again: by anybody, not on some hosts, or by a worker that is yet to come."""
        name, worker = self.named(data, self.able_to_end())
        case, worker.running = worker.running, None
        assert case is not None
        shunned = data.draw(st.sampled_from((some, frozenset(self.workers), frozenset[str]())))
        self.shunned[case] = shunned
        self.later = max(getattr(self, "later", 0.0), self.now + wait_s)
        self.tell(CaseReturned(name, case, shunned, self.now + wait_s))

    @precondition(lambda self: self.wanted)
    @rule()
    def nobody_comes(self) -> None:
        for case in sorted(self.wanted):
            unit = self.cases[case]
            if case in self.open - self.given and not any(
                self.may_run(worker, case) for worker in self.workers.values() if not worker.finished
            ):
                stays = self.is_together(unit) and unit.key not in self.broken
                self.shunned |= dict.fromkeys(unit.cases if stays else (case,), frozenset[str]())
                self.tell(NobodyComes(case))
        self.wanted.clear()

    def end(self, name: str, worker: Worker, outcome: Outcome, duration_s: float) -> None:
        case, worker.running = worker.running, None
        assert case is not None
        self.outcomes[case] = outcome
        self.tell(CaseEnded(name, case, outcome, duration_s))

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), blamed=st.booleans())
    def one_is_lost(self, data: st.DataObject, blamed: bool) -> None:
        name, worker = self.named(data, sorted(self.workers))
        if blamed and worker.running is not None:
            self.end(name, worker, Outcome.CRASHED, 0.1)
        del self.workers[name]
        self.tell(WorkerLost(name))

    @precondition(lambda self: len(self.gone) < 2)
    @rule(host=st.sampled_from(HOSTS))
    def a_host_is_lost(self, host: str) -> None:
        if not self.is_known(host):
            return
        self.gone.add(host)
        for name in [name for name, worker in self.workers.items() if worker.host == host]:
            del self.workers[name]
        self.tell(HostLost(host))

    @precondition(lambda self: self.gone)
    @rule()
    def a_host_is_back(self) -> None:
        host = min(self.gone)
        self.gone.discard(host)
        self.tell(HostBack(host))

    @rule(passed_s=st.sampled_from((0.0, 0.05, 0.5, 60.0)))
    def time_passes(self, passed_s: float) -> None:
        self.now += passed_s
        self.tell(Tick())

    @rule()
    def a_stranger_asks(self) -> None:
        """A replacement that is called off before it was ever ready."""
        assert [] == self.scheduler.handle(WorkWanted("stranger"), self.now)
        self.tell(WorkerLost("stranger"))

    # what always holds

    @invariant()
    def counts_agree(self) -> None:
        if hasattr(self, "plan"):
            assert sorted(self.open) == self.scheduler.open_cases
            assert len(self.open) == self.scheduler.remaining
            for name, worker in self.workers.items():
                assert sorted(worker.has) == sorted(self.scheduler.given(name))

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        if not hasattr(self, "plan") or self.given or self.now < getattr(self, "later", 0.0) or self.awaits_others():
            return
        live = [worker for worker in self.workers.values() if not worker.finished]
        if live and all(worker.asked for worker in live):
            assert self.open, "all is done, and somebody was not told to finish"
            ready = {case for case in self.open if self.is_ready(case)}
            assert ready, "something can always run"
            for case in ready:
                assert not any(self.may_run(worker, case) for worker in live), "somebody could run this"

    def teardown(self) -> None:
        """Bring the run to its end: with one new worker on each host that is left, every case gets its outcome."""
        if not hasattr(self, "plan"):
            return
        for host in HOSTS:
            if host not in self.gone:
                name = f"late-{host}"
                self.workers[name] = Worker(host)
                self.tell(WorkerReady(name, host))
        self.time_passes(60.0)
        while (names := self.able_to_move()) or self.wanted or self.awaits_others():
            if names:
                self.move(names[0], self.workers[names[0]], Outcome.PASSED)
            elif self.awaits_others():
                self.time_passes(60.0)
            else:
                self.nobody_comes()
            self.nobody_waits_for_nothing()
        assert not self.open
        assert all(worker.finished for worker in self.workers.values())
