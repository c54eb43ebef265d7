"""A world for schedulers in which hosts, workers and time are numbers: for our tests, and for your strategies.

``drive`` lets a scheduler decide over fake workers and tells what ran where, in which order, and how long
it all took. No process is started and no real time passes::

    from pytest_disttest.schedule import Scheduler
    from pytest_disttest.testing import FakeHost, drive, plan_of

    plan = plan_of([0, 1, 2, 3], [4])
    record = drive(Scheduler(plan, seams=free_seams), [FakeHost("box", workers=2)], seconds={4: 3.0})
    assert record.makespan_s == 3.0
    assert record.cases_on("gw0") == (0, 1, 2, 3)

A fake worker behaves as a real one does: it asks for more when the last quarter of its batch begins, works
on what it has while the answer travels, and waits when it has nothing. A case in *deadly* kills the worker
that runs it; a new worker takes its place. A host with ``lost_at_s`` disappears then, with its workers.

Without *sharded* every worker has collected everything. With it, the first workers of a host share the files
among them, and a worker that is given a case of another file collects that first, which takes time, or finds
that it cannot, and refuses.

A host may have capabilities; `ledgers_of` opens their books. Then ``drive`` counts on its own what runs there, and
raises `HostOverfilled` when a scheduler gave away more than there is.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Capabilities, Grant, Outcome, Plan, Unit
from pytest_disttest.schedule import (
    Assign,
    Block,
    CaseEnded,
    CasesRefused,
    CaseStarted,
    Command,
    Copy,
    DeviceLost,
    Event,
    Finish,
    GiveUp,
    Hold,
    HostLost,
    Recruit,
    Refuse,
    Tick,
    Unplace,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing.taken import HostOverfilled, Taken

__all__ = [
    "FakeClock",
    "FakeHost",
    "HostOverfilled",
    "Ran",
    "Record",
    "Sharded",
    "Strategy",
    "drive",
    "free_seams",
    "ledgers_of",
    "plan_of",
]

TICK_S = 0.1


class Strategy(Protocol):
    """What ``drive`` asks of a scheduler."""

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take note of *event* and return what is to be done, in order."""
        ...


@dataclass(frozen=True, slots=True)
class FakeHost:
    """A host of *workers*; a case of one second takes ``1 / speed`` there. It disappears at *lost_at_s*, if ever.

    *capabilities* are what it has, None where nobody asks. *lost_devices* says of devices when they are lost: the
    seconds, the kind, the id; what runs there runs on.
    """

    name: str = "local"
    workers: int = 1
    speed: float = 1.0
    lost_at_s: float | None = None
    capabilities: Capabilities | None = field(default=None, hash=False)
    lost_devices: tuple[tuple[float, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sharded:
    """Each of *files* (case numbers) is collected by one worker of a host, in turns: the first by the first worker.

    Another one takes *collect_s* for it when it is given a case of it. *alone* are cases that nobody but
    the owner of their file can collect. A worker that takes the place of a dead one begins with nothing.
    """

    files: Sequence[Sequence[int]]
    collect_s: float = 0.0
    alone: Collection[int] = ()

    def shard(self, place: int, workers: int) -> frozenset[int]:
        """Return the cases that the worker number *place* of a host collects."""
        return (
            frozenset(case for file in self.files[place::workers] for case in file) if place < workers else frozenset()
        )


@dataclass(slots=True)
class FakeClock:
    """Time as a number that only moves forward, in seconds."""

    now: float = 0.0

    def advance_to(self, moment: float) -> None:
        """Let time pass until *moment*; raises ValueError when that lies in the past."""
        if moment < self.now:
            raise ValueError(f"time does not run back, from {self.now} to {moment}")
        self.now = moment


@dataclass(frozen=True, slots=True)
class Ran:
    """One case on one worker, from beginning to end. *outcome* is None where the host was lost meanwhile.

    *grant* is what it might use, None where nothing was said.
    """

    case: int
    worker: str
    host: str
    started_s: float
    ended_s: float
    outcome: Outcome | None
    grant: Grant | None = None


@dataclass(slots=True)
class Record:
    """What became of a run.

    *ran* in the order of endings, *batches* in the order of hand-outs, *blocked* maps a case to its culprit,
    *unplaced* are those that only lost hosts could run, *refused* those that no worker could collect.
    *fetched* tells which file (its place) a worker collected because it was given a case of it. *copies* are second
    attempts beside slow ones; whoever is given up then is not heard of again. *finished*
    are the workers told to finish, *waiting* those that still waited when nothing moved any more: none, if
    the scheduler is any good.
    """

    ran: list[Ran] = field(default_factory=list)
    batches: list[Assign] = field(default_factory=list)
    blocked: dict[int, int] = field(default_factory=dict)
    unplaced: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    fetched: list[tuple[str, int]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def makespan_s(self) -> float:
        """Seconds from the start to the end of the last case."""
        return max((one.ended_s for one in self.ran), default=0.0)

    def cases_on(self, worker: str) -> tuple[int, ...]:
        """Return the cases that *worker* ran, in order."""
        return tuple(one.case for one in self.ran if one.worker == worker)

    def workers_of(self, *cases: int) -> frozenset[str]:
        """Return the workers that ran any of *cases*."""
        return frozenset(one.worker for one in self.ran if one.case in cases)


def drive(
    scheduler: Strategy,
    hosts: Sequence[FakeHost],
    *,
    seconds: Mapping[int, float] | Callable[[int], float] | float = 0.01,
    seconds_on: Callable[[int, str], float] | None = None,
    outcomes: Mapping[int, Outcome] | None = None,
    deadly: Collection[int] = (),
    latency_s: float = 0.0,
    sharded: Sharded | None = None,
) -> Record:
    """Run what *scheduler* hands out on *hosts* until nothing moves any more.

    *seconds* says how long cases take: one number for all, a mapping (others take 0.01 s) or a function. Where hosts
    differ by more than their speed, *seconds_on* says it of a case and a host's name, and neither of these counts.
    *outcomes* names the cases that do not pass. *deadly* cases end as crashed, and their worker with them.
    *latency_s* is how long an answer travels from the scheduler to a worker. *sharded* says who collects what.
    """
    taken_s = _at_speed(_durations(seconds), hosts) if seconds_on is None else seconds_on
    world = _World(scheduler, taken_s, outcomes or {}, frozenset(deadly), latency_s, sharded)
    for host in hosts:
        world.open(host)
    world.run()
    return world.record


def plan_of(
    *units: Sequence[int],
    binding: Collection[int] = (),
    prerequisites: Mapping[int, tuple[int, ...]] | None = None,
    eligible: Mapping[int, frozenset[str]] | None = None,
) -> Plan:
    """Return the plan of *units* (case numbers); those whose place is in *binding* must not be split."""
    return Plan(
        units=tuple(
            Unit(f"unit{place}", tuple(cases), binding=place in binding) for place, cases in enumerate(units) if cases
        ),
        prerequisites=prerequisites or {},
        eligible=eligible or {},
    )


def ledgers_of(hosts: Sequence[FakeHost]) -> dict[str, Ledger]:
    """Return a new ledger for each of *hosts* that has capabilities, by name."""
    return {
        host.name: Ledger(host.name, host.capabilities, workers=host.workers)
        for host in hosts
        if host.capabilities is not None
    }


def free_seams(unit: Unit) -> tuple[int, ...]:
    """Return the price of each cut of *unit* where nothing is shared: the lowest, or never in a binding one."""
    return ((9 if unit.binding else 0),) * (len(unit.cases) - 1)


@dataclass(slots=True)
class _FakeWorker:
    name: str
    host: FakeHost
    queue: deque[int] = field(default_factory=deque)
    ask_at: int = 0
    asked: bool = False
    running: int | None = None
    started_s: float = 0.0
    holds: set[int] | None = None
    collected_s: float = 0.0
    grants: dict[int, Grant] = field(default_factory=dict)


class _World:
    """Fake workers, a clock, and what will happen when."""

    def __init__(
        self,
        scheduler: Strategy,
        seconds: Callable[[int, str], float],
        outcomes: Mapping[int, Outcome],
        deadly: frozenset[int],
        latency_s: float,
        sharded: Sharded | None,
    ) -> None:
        self.record = Record()
        self._scheduler = scheduler
        self._seconds = seconds
        self._outcomes = outcomes
        self._deadly = deadly
        self._latency_s = latency_s
        self._sharded = sharded
        self._file_of = {case: place for place, file in enumerate(sharded.files) for case in file} if sharded else {}
        self._clock = FakeClock()
        self._workers: dict[str, _FakeWorker] = {}
        self._taken: dict[str, Taken] = {}
        self._lost: set[str] = set()
        self._started = 0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._entries = 0

    def open(self, host: FakeHost) -> None:
        if host.capabilities is not None:
            self._taken[host.name] = Taken(host.name, host.capabilities, host.workers)
        for moment, kind, device in host.lost_devices:
            self._at(moment, partial(self._tell, DeviceLost(host.name, kind, device)))
        for place in range(host.workers):
            self._at(0.0, partial(self._welcome, host, place))
        if host.lost_at_s is not None:
            self._at(host.lost_at_s, lambda: self._lose_host(host))

    def run(self) -> None:
        """Let happen what is due, with a tick wherever time would pass without one."""
        ticked_s = 0.0
        while self._agenda or self._moves_by_tick():
            if self._agenda and self._agenda[0][0] <= ticked_s + TICK_S:
                moment, _, happen = heapq.heappop(self._agenda)
                self._clock.advance_to(moment)
                happen()
                continue
            ticked_s += TICK_S
            self._clock.advance_to(max(self._clock.now, ticked_s))
            self._tell(Tick())
        self.record.waiting = [name for name in self._workers if name not in self.record.finished]

    def _moves_by_tick(self) -> bool:
        """Whether a last tick sets anything going when nothing else is due."""
        self._tell(Tick())
        return bool(self._agenda)

    def _at(self, moment: float, happen: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (moment, self._entries, happen))

    def _tell(self, event: Event) -> None:
        for command in self._scheduler.handle(event, self._clock.now):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command:
            case Assign(name, cases, grants):
                self.record.batches.append(command)
                if name in self._workers:
                    self._workers[name].grants.update(zip(cases, grants, strict=False))
                self._at(self._clock.now + self._latency_s, lambda: self._receive(name, cases))
            case Copy(name, copied):
                self.record.copies.append(command)
                self._at(self._clock.now + self._latency_s, lambda: self._receive(name, (copied,)))
            case GiveUp(name):
                self._part_with(name)
            case Finish(name):
                self.record.finished.append(name)
            case Block(case, culprit):
                self.record.blocked[case] = culprit
            case Unplace(case):
                self.record.unplaced.append(case)
            case Refuse(case):
                self.record.refused.append(case)
            case Hold() | Recruit():
                pass

    def _part_with(self, name: str) -> None:
        worker = self._workers.pop(name)
        if worker.running is not None and worker.host.name in self._taken:
            self._taken[worker.host.name].end(worker.running)

    def _welcome(self, host: FakeHost, place: int) -> None:
        """A worker begins; *place* counts the workers of its host, replacements too."""
        if host.name in self._lost:
            return
        worker = _FakeWorker(f"gw{self._started}", host)
        if self._sharded is not None:
            worker.holds = set(self._sharded.shard(place, host.workers))
        self._started += 1
        self._workers[worker.name] = worker
        self._tell(WorkerReady(worker.name, host.name, None if worker.holds is None else frozenset(worker.holds)))
        self._at(self._clock.now, lambda: self._ask(worker))

    def _ask(self, worker: _FakeWorker) -> None:
        if not worker.asked and self._workers.get(worker.name) is worker:
            worker.asked = True
            self._tell(WorkWanted(worker.name))

    def _receive(self, name: str, cases: tuple[int, ...]) -> None:
        worker = self._workers.get(name)
        if worker is None:
            return
        worker.asked = False
        known = self._collect(worker, cases)
        worker.queue.extend(known)
        worker.ask_at = len(known) // 4
        if len(known) < len(cases):
            self._tell(CasesRefused(name, tuple(case for case in cases if case not in known)))
        if worker.running is None:
            self._at(max(self._clock.now, worker.collected_s), lambda: self._go_on(worker))

    def _collect(self, worker: _FakeWorker, cases: tuple[int, ...]) -> tuple[int, ...]:
        """Return the cases that *worker* has, after it has collected the files that it lacks."""
        if worker.holds is None or self._sharded is None:
            return cases
        for case in cases:
            if case not in worker.holds and case not in self._sharded.alone:
                worker.holds.update(set(self._sharded.files[self._file_of[case]]).difference(self._sharded.alone))
                worker.collected_s = max(worker.collected_s, self._clock.now) + self._sharded.collect_s
                self.record.fetched.append((worker.name, self._file_of[case]))
        return tuple(case for case in cases if case in worker.holds)

    def _go_on(self, worker: _FakeWorker) -> None:
        """Begin the next case, or ask for one; not before what it has to collect is collected."""
        if self._workers.get(worker.name) is not worker or worker.running is not None:
            return
        if worker.collected_s > self._clock.now:
            self._at(worker.collected_s, lambda: self._go_on(worker))
        elif worker.queue:
            self._begin(worker)
        else:
            self._ask(worker)

    def _begin(self, worker: _FakeWorker) -> None:
        case = worker.running = worker.queue.popleft()
        worker.started_s = self._clock.now
        if worker.host.name in self._taken:
            self._taken[worker.host.name].begin(case, worker.grants.get(case))
        self._at(self._clock.now + self._seconds(case, worker.host.name), lambda: self._end(worker, case))
        self._tell(CaseStarted(worker.name, case))
        if len(worker.queue) <= worker.ask_at:
            self._ask(worker)

    def _end(self, worker: _FakeWorker, case: int) -> None:
        if self._workers.get(worker.name) is not worker:
            return
        outcome = Outcome.CRASHED if case in self._deadly else self._outcomes.get(case, Outcome.PASSED)
        worker.running = None
        self._note(worker, case, outcome)
        self._tell(CaseEnded(worker.name, case, outcome, self._clock.now - worker.started_s))
        if outcome is Outcome.CRASHED:
            del self._workers[worker.name]
            self._tell(WorkerLost(worker.name))
            self._at(self._clock.now, lambda: self._welcome(worker.host, worker.host.workers))
        else:
            self._go_on(worker)

    def _lose_host(self, host: FakeHost) -> None:
        self._lost.add(host.name)
        for worker in [worker for worker in self._workers.values() if worker.host.name == host.name]:
            if worker.running is not None:
                self._note(worker, worker.running, None)
            del self._workers[worker.name]
        self._tell(HostLost(host.name))

    def _note(self, worker: _FakeWorker, case: int, outcome: Outcome | None) -> None:
        if worker.host.name in self._taken:
            self._taken[worker.host.name].end(case)
        ran = Ran(
            case, worker.name, worker.host.name, worker.started_s, self._clock.now, outcome, worker.grants.get(case)
        )
        self.record.ran.append(ran)


def _at_speed(seconds: Callable[[int], float], hosts: Sequence[FakeHost]) -> Callable[[int, str], float]:
    speeds = {host.name: host.speed for host in hosts}
    return lambda case, host: seconds(case) / speeds[host]


def _durations(seconds: Mapping[int, float] | Callable[[int], float] | float) -> Callable[[int], float]:
    if isinstance(seconds, Mapping):
        known = seconds
        return lambda case: known.get(case, 0.01)
    if callable(seconds):
        return seconds
    always = float(seconds)
    return lambda _: always
