"""The dispatcher: cases are pulled by workers, in batches sized by time, and split off where one waits.

Theory of operation. Nothing is promised in advance. A worker asks (``WorkWanted``) while it runs the
last of what it has; the answer is a batch of about ``BATCH_S`` seconds of predicted work, one case where
cases are slow. A worker keeps to its fragment (a file, a class, a group), then takes the next one from
the backlog, then splits the fragment of the worker with most left. What is not handed out can always be
given to somebody else, so there is nothing to take back.

A case whose prerequisites have not ended is passed over; when one did not pass, its dependents are
blocked. A worker for which nothing is left to do now is held, and fed as soon as something turns up.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from pytest_disttest.model import Outcome, Plan, Unit
from pytest_disttest.schedule.commands import Assign, Block, Command, Finish, Hold, Refuse, Unplace
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
from pytest_disttest.schedule.fragments import Backlog, Fragment, Refusal, fragments_of, split

BATCH_S = 0.05
LARGEST_BATCH = 500
SMALLEST_CAP = 8
GROWTH = 4
SPLIT_PAYS_S = (0.02, 0.1, 0.3, 0.5)
"""Seconds of predicted work that must change hands before a cut of each seam level pays."""
SLOW_S = 0.1
"""How long a case must have run before it says something about those that follow it."""
RECENT = 0.2
"""Weight of the newest duration in the running mean."""


@dataclass(slots=True)
class _Worker:
    """*fragments* are what it owns, the first being worked on; *given* what it has and has not ended."""

    host: str
    fragments: deque[Fragment] = field(default_factory=deque)
    given: deque[int] = field(default_factory=deque)
    last_batch: int = 0
    started_at: float | None = None
    held: bool = False
    finished: bool = False
    barren_since: int = -1


class Scheduler:
    """One run's decisions. *predicted* maps a case to its expected seconds, where history knows them."""

    def __init__(
        self,
        plan: Plan,
        *,
        seams: Callable[[Unit], tuple[int, ...]],
        predicted: Mapping[int, float] | None = None,
    ) -> None:
        self._seams = seams
        self._predicted = predicted or {}
        self._workers: dict[str, _Worker] = {}
        self._backlog = Backlog()
        self._home: dict[int, Fragment] = {}
        for fragment in fragments_of(plan):
            self._backlog.push(fragment)
            self._home.update(dict.fromkeys(fragment.cases, fragment))
        self._open = set(self._home)
        self._waits = {case: len(needed) for case, needed in plan.prerequisites.items() if needed}
        self._dependents: dict[int, list[int]] = defaultdict(list)
        for case, needed in sorted(plan.prerequisites.items()):
            for prerequisite in needed:
                self._dependents[prerequisite].append(case)
        self._gone: set[str] = set()
        self._news = 0  # counts what may have made something ready: what was barren before may be so no more
        self._mean_s: float | None = None
        self._stopped = False

    @property
    def remaining(self) -> int:
        """How many cases have no outcome yet."""
        return len(self._open)

    @property
    def open_cases(self) -> list[int]:
        """The cases without an outcome, in the order of collection."""
        return sorted(self._open)

    def given(self, worker: str) -> tuple[int, ...]:
        """What *worker* was handed and has not ended."""
        found = self._workers.get(worker)
        return tuple(found.given) if found is not None else ()

    def stop(self) -> None:
        """Hand out nothing more: every worker that asks is told to finish."""
        self._stopped = True

    def handle(self, event: Event, now: float) -> list[Command]:  # noqa: PLR0911 - one answer for each event
        """Take note of *event* and return what is to be done, in order."""
        match event:
            case WorkerReady(worker, host, _):
                self._workers[worker] = _Worker(host)
                return []
            case WorkWanted(worker):
                # one that was never ready may ask too: a replacement that is called off while it collects
                return self._feed(worker, now) if worker in self._workers else []
            case CaseStarted(worker, _):
                if worker in self._workers:
                    self._workers[worker].started_at = now
                return []
            case CaseEnded():
                return self._on_ended(event, now)
            case CasesRefused(worker, cases):
                return self._on_refused(worker, cases, now)
            case HostLost(host):
                return self._on_host_lost(host, now)
            case WorkerLost(worker):
                self._take_back(worker)
            case Tick():
                pass
        return self._feed_held(now)

    def _on_ended(self, event: CaseEnded, now: float) -> list[Command]:
        worker = self._workers.get(event.worker)
        if worker is not None:
            worker.started_at = None
            _strike(worker.given, event.case)
        if event.case not in self._open:
            return []
        self._open.discard(event.case)
        self._learn(event.duration_s)
        return self._release(event.case, event.outcome) + self._feed_held(now)

    def _take_back(self, name: str) -> None:
        """What the lost worker had not ended goes back to its place in the plan, each unit in one piece."""
        worker = self._workers.pop(name, None)
        if worker is None:
            return
        back: dict[int, Fragment] = {}
        for case in (*worker.given, *(case for fragment in worker.fragments for case in fragment.cases)):
            if case in self._open:
                home = self._home[case]
                part = back.setdefault(id(home), Fragment(home.order, deque(), home.hosts, home.unit, home.seams))
                part.cases.append(case)
        for part in back.values():
            self._backlog.push(part)
        self._news += 1

    def _on_refused(self, name: str, cases: tuple[int, ...], now: float) -> list[Command]:
        commands: list[Command] = []
        for case in cases:
            if name in self._workers:
                _strike(self._workers[name].given, case)
            if case in self._open:
                self._open.discard(case)
                commands += [Refuse(case), *self._release(case, Outcome.ERROR)]
        return commands + self._feed_held(now)

    def _on_host_lost(self, lost: str, now: float) -> list[Command]:
        """What only lost hosts could run has no place any more; it must not be waited for."""
        for name in [name for name, worker in self._workers.items() if worker.host == lost]:
            self._take_back(name)
        self._gone.add(lost)
        commands: list[Command] = []
        for case in [] if self._stopped else self.open_cases:
            hosts = self._home[case].hosts
            if case in self._open and hosts is not None and hosts <= self._gone:
                self._open.discard(case)
                commands += [Unplace(case), *self._release(case, Outcome.UNPLACED)]
        return commands + self._feed_held(now)

    def _learn(self, duration_s: float) -> None:
        self._mean_s = duration_s if self._mean_s is None else (1 - RECENT) * self._mean_s + RECENT * duration_s

    def _release(self, case: int, outcome: Outcome) -> list[Command]:
        """Tell the dependents of an ended case: one prerequisite less to wait for, or blocked for good."""
        commands: list[Command] = []
        self._news += case in self._dependents
        ended = deque([(case, outcome)])
        while ended:
            culprit, how = ended.popleft()
            for dependent in self._dependents.get(culprit, ()):
                if dependent not in self._open:
                    continue
                if how.is_success:
                    self._waits[dependent] -= 1
                else:
                    self._open.discard(dependent)
                    commands.append(Block(dependent, culprit))
                    ended.append((dependent, Outcome.BLOCKED))
        return commands

    def _feed_held(self, now: float) -> list[Command]:
        commands: list[Command] = []
        for name in [name for name, worker in self._workers.items() if worker.held]:
            commands += self._feed(name, now)
        return commands

    def _feed(self, name: str, now: float) -> list[Command]:
        """Answer a worker that wants work; a held one is not told a second time to hold."""
        worker = self._workers[name]
        if worker.finished:
            return []
        batch = [] if self._stopped else self._batch(name, worker, now)
        if batch:
            worker.held = False
            worker.last_batch = len(batch)
            worker.given.extend(batch)
            return [Assign(name, tuple(batch))]
        if self._stopped or not self._may_come(worker):
            worker.finished, worker.held = True, False
            return [Finish(name)]
        if worker.held:
            return []
        worker.held = True
        return [Hold(name)]

    def _batch(self, name: str, worker: _Worker, now: float) -> list[int]:
        """Gather ready cases for about BATCH_S seconds, from what the worker owns, then from elsewhere."""
        batch: list[int] = []
        limit = self._limit(worker)
        budget_s = BATCH_S
        while len(batch) < limit and budget_s > 0:
            case = self._next_case(name, worker, now, opened=bool(batch))
            if case is None:
                break
            batch.append(case)
            expected = self._expected_s(case)
            budget_s -= BATCH_S if expected is None else expected
        return batch

    def _limit(self, worker: _Worker) -> int:
        return min(LARGEST_BATCH, max(SMALLEST_CAP, GROWTH * worker.last_batch))

    def _expected_s(self, case: int) -> float | None:
        return self._predicted.get(case, self._mean_s)

    def _next_case(self, name: str, worker: _Worker, now: float, *, opened: bool) -> int | None:
        for fragment in list(worker.fragments):
            case = self._take_ready(fragment)
            if not fragment.cases:
                worker.fragments.remove(fragment)
            if case is not None:
                return case
        taken = self._fresh_fragment(worker) or (None if opened else self._stolen_fragment(name, worker, now))
        if taken is None:
            return None
        case = self._take_ready(taken)
        if taken.cases:
            worker.fragments.appendleft(taken)
        return case

    def _take_ready(self, fragment: Fragment) -> int | None:
        """Remove and return the first case of *fragment* that waits for nothing; drop those blocked meanwhile."""
        if not self._waits:
            return fragment.cases.popleft() if fragment.cases else None
        passed_over: list[int] = []
        found = None
        while fragment.cases and found is None:
            case = fragment.cases.popleft()
            if case in self._open:
                if self._is_ready(case):
                    found = case
                else:
                    passed_over.append(case)
        fragment.cases.extendleft(reversed(passed_over))
        return found

    def _is_ready(self, case: int) -> bool:
        return self._waits.get(case, 0) <= 0

    def _has_ready(self, fragment: Fragment) -> bool:
        return any(case in self._open and self._is_ready(case) for case in fragment.cases)

    def _has_open(self, fragment: Fragment) -> bool:
        return any(case in self._open for case in fragment.cases)

    def _fresh_fragment(self, worker: _Worker) -> Fragment | None:
        """The first fragment of the backlog with something to do; those that wait stay there."""
        if worker.barren_since == self._news:
            return None
        waiting = []
        found = None
        while (fragment := self._backlog.pop(worker.host)) is not None:
            if not self._waits or self._has_ready(fragment):
                found = fragment
                break
            waiting.append(fragment)
        for fragment in waiting:
            if self._has_open(fragment):
                self._backlog.push(fragment)
        if found is None:
            worker.barren_since = self._news
        return found

    def _stolen_fragment(self, name: str, worker: _Worker, now: float) -> Fragment | None:
        """Take a waiting fragment from the worker with most left, or split the one it works on."""
        victims = [(other, w) for other, w in self._workers.items() if other != name and w.fragments]
        for _, victim in sorted(victims, key=lambda pair: -sum(len(f.cases) for f in pair[1].fragments)):
            for fragment in list(victim.fragments)[::-1]:
                if not self._may_be_taken(fragment, worker.host):
                    continue
                if fragment is not victim.fragments[0]:
                    victim.fragments.remove(fragment)
                    return fragment
                part = self._split_off(fragment, self._each_s(victim, now))
                if part is not None:
                    return part
        return None

    def _split_off(self, fragment: Fragment, each_s: float) -> Fragment | None:
        """Split *fragment* where that pays and leaves something to do; one that was refused is not weighed anew."""
        refused = fragment.refused
        if refused is not None and refused.covers(len(fragment.cases), each_s, self._news):
            return None
        count = len(fragment.cases)
        part = split(fragment, self._seams, partial(_pays, each_s))
        if part is not None and self._has_ready(part):
            return part
        if part is not None:
            fragment.cases.extend(part.cases)
        fragment.refused = Refusal(count, each_s, self._news)
        return None

    def _may_be_taken(self, fragment: Fragment, host: str) -> bool:
        """A binding unit stays with the worker that began it, also while it waits for others."""
        return fragment.fits(host) and not fragment.unit.binding and self._has_ready(fragment)

    def _each_s(self, victim: _Worker, now: float) -> float:
        """How long each of the next cases of *victim* may take; 0.0 while nothing is known.

        What ended tells what to expect; the running case counts only once it proves to be slow.
        """
        running_s = now - victim.started_at if victim.started_at is not None else 0.0
        return max(self._mean_s or 0.0, running_s if running_s > SLOW_S else 0.0)

    def _may_come(self, worker: _Worker) -> bool:
        """Whether a case that this worker may run is in nobody's hands, or would be, should another host be lost."""
        if not self._open:
            return False
        if self._backlog.holds_for(worker.host):
            return True
        return any(self._may_give_back(other, worker.host) for other in self._workers.values())

    def _may_give_back(self, other: _Worker, host: str) -> bool:
        if any(fragment.fits(host) and self._has_open(fragment) for fragment in other.fragments):
            return True
        return other.host != host and any(case in self._open and self._home[case].fits(host) for case in other.given)


def _pays(each_s: float, level: int, count: int) -> bool:
    return count * each_s >= SPLIT_PAYS_S[min(level, len(SPLIT_PAYS_S) - 1)]


def _strike(given: deque[int], case: int) -> None:
    if given and given[0] == case:
        given.popleft()
    elif case in given:
        given.remove(case)
