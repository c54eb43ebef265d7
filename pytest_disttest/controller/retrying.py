"""Attempts that failed: of what class each is, whether it is made again, and what became of the test in the end.

Made, and imported, when something fails for the first time.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_disttest.controller import diagnosing
from pytest_disttest.controller.devices import Devices
from pytest_disttest.controller.diagnosing import LONGEST, Death
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.places import places_on
from pytest_disttest.controller.recovering import CASE, LEFT_OUT, WORKER
from pytest_disttest.controller.replay import Story, Told, told
from pytest_disttest.controller.roominess import alone, memory_of, roomier, words_of
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Demand, Outcome
from pytest_disttest.recovery.backoff import Dice
from pytest_disttest.recovery.budgets import TokenBucket, limits_for
from pytest_disttest.recovery.causes import Failed, deepest_frame, groups
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.deciding import PLACES, Decision, History, Request, Situation, Where, decide
from pytest_disttest.recovery.rules import Diagnosis, Failure, read_rule
from pytest_disttest.recovery.steps import Step
from pytest_disttest.recovery.verdicts import Tried, verdict
from pytest_disttest.reports.failures import Unsteady, cause_lines, unsteady_lines
from pytest_disttest.schedule import AskedAnew, CaseReturned
from pytest_disttest.store.failures import FailureTold
from pytest_disttest.store.needed import keep_needed

_RECALLED = {
    Outcome.FAILED: FailureClass.TEST_FAILURE,
    Outcome.ERROR: FailureClass.TEST_ERROR,
    Outcome.CRASHED: FailureClass.CRASH,
}
"""What an attempt of an earlier run was, as far as its outcome tells: no host is blamed for it twice."""
_STEPS = {where: step for step, where in PLACES.items()}
LONGEST_TRACEBACK = 200_000
"""Characters of the end of a traceback that are looked at."""


@dataclass(slots=True)
class Past:
    """What became of a case so far.

    *story* is its last attempt and *node* who made it, while another one is to come. *shunned* are the hosts that are
    not to make that, *why* says for what it is made. *steps* were taken for it. *demand* is what it asks
    for by now, None where that has not changed.
    """

    history: History = field(default_factory=History)
    tried: list[Tried] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    story: Story | None = None
    node: WorkerNode | None = None
    shunned: frozenset[str] = frozenset()
    why: str = ""
    steps: set[Step] = field(default_factory=set)
    demand: Demand | None = None


class Retrying:
    """Knows the past of every case that has failed."""

    def __init__(self, run: Run, dice: Dice = random.random) -> None:
        self._run = run
        self._dice = dice
        self._rules = [read_rule(row, str(row["name"])) for row in run.settings.failures]
        self._limits = limits_for(len(run.collected.cases), crashes=1 + run.settings.crash_reruns)
        self._pasts: dict[int, Past] = {}
        self._buckets: dict[str, TokenBucket] = defaultdict(TokenBucket)
        self._passed: dict[str, int] = defaultdict(int)
        self._retries = 0
        self._failed: set[int] = set()
        self._endings: list[Failed] = []
        self._devices = Devices(run, dice)

    # what happens

    def crashed(self, case: int) -> None:
        """A case has killed its worker, whoever decides what follows."""
        past = self._past(case)
        past.history = past.history._replace(crashes=past.history.crashes + 1)

    def lost(self, case: int, host: str, *, suspects: int) -> bool:
        """A case ran on a host that is lost; return whether that is to be its end: the second time it is.

        Where there were several *suspects*, tests that ran there, each has a host for itself next, so that none ends
        for what another one does to its hosts.
        """
        past = self._past(case)
        past.history = past.history._replace(host_losses=past.history.host_losses + 1)
        past.hosts.add(host)
        recoveries = self._run.recoveries
        recoveries.ended((CASE, case), succeeded=False)
        is_its_end = past.history.host_losses >= self._limits.host_losses
        lost = Failure(self._run.nodeid(case), host, message=self._run.tallies[host].problem)
        diagnosing.tell(self._run, lost, FailureClass.HOST_LOST)
        if not is_its_end:
            recoveries.began((CASE, case), Step.MOVE, FailureClass.HOST_LOST, host)
            if suspects > 1:
                past.demand = alone(self._demand(case))
                self._run.decide(AskedAnew(case, past.demand))
        return is_its_end

    def replaced(self, dead: WorkerNode, fresh: WorkerNode) -> None:
        """A worker takes the place of one that died: a step of its own, where no test that crashed waits for it."""
        recoveries = self._run.recoveries
        recoveries.ended((WORKER, dead.id), succeeded=False)
        if not any(past.node is dead and past.story is not None for past in self._pasts.values()):
            recoveries.began((WORKER, fresh.id), Step.RESPAWN_WORKER, FailureClass.CRASH, dead.host)

    def again(self, node: WorkerNode, story: Story, ended: Told, death: Death | None = None) -> CaseReturned | None:
        """Return that a failed attempt is to be made again, and by whom not; None where the failure stands."""
        case = story.case
        past = self._past(case)
        past.hosts.add(node.host)
        passed_on = (tried.host for tried in past.tried if tried.outcome is Outcome.PASSED)
        failure = diagnosing.failure_of(self._run, node, story, ended, death, passed_on)
        diagnosis = diagnosing.diagnosis(self._run, failure, self._rules, has_expired=bool(story.limit_s))
        diagnosing.tell(self._run, failure, diagnosis.failure_class)
        past.tried.append(Tried(ended.outcome, node.host, diagnosis.failure_class, self._run.hw_class(node.host)))
        past.messages.append(ended.message[:LONGEST])
        if past.history.crashes <= 1:  # a test that crashes wherever it runs says nothing of its host
            self._charge(node.host, diagnosis.failure_class)
        if diagnosis.failure_class is FailureClass.DEVICE:
            self._devices.lost_by(case, node.host, ended.message)
        recovered = not diagnosis.failure_class.is_infrastructure
        if self._run.recovering is not None:
            self._run.recovering.case_ended(case, node.host, node.id, recovered=recovered)
        more = self._more(case, node.host) if diagnosis.failure_class is FailureClass.MEMORY else None
        decision = self._decide(case, node.host, diagnosis.failure_class, _request(story.faults, death), more)
        if decision.where is None or self._run.stopping or (death is not None and not self._run.may_replace):
            past.story = None
            self.stands(case, node.host, ended.message, ended.longrepr)
            self._note(node, case, diagnosis, decision)
            return None
        self._count(past, decision)
        if more is not None and not decision.is_requested:
            past.demand = more
            past.history = past.history._replace(doublings=past.history.doublings + 1)
            self._run.decide(AskedAnew(case, more))
        past.story, past.node, past.why = story, node, decision.why
        past.shunned = self._shunned(case, past, node, decision.where)
        if not recovered:
            step = _STEPS.get(decision.where, Step.REPEAT)
            past.steps.add(step)
            self._run.recoveries.began((CASE, case), step, diagnosis.failure_class, node.host)
        self._note(node, case, diagnosis, decision)
        return CaseReturned(node.id, case, past.shunned, time.monotonic() + decision.delay_s)

    def recall(self, node: WorkerNode, story: Story, ended: Told | None, *, again: bool) -> None:
        """Take what became of an attempt in a run that was cut off; *ended* is None for a plain pass."""
        case = story.case
        if ended is None or ended.outcome not in _RECALLED:
            past = self._pasts.get(case)
            if past is not None:
                past.story = None
                past.tried.append(Tried(Outcome.PASSED if ended is None else ended.outcome, node.host))
            return
        past = self._past(case)
        past.hosts.add(node.host)
        past.tried.append(Tried(ended.outcome, node.host, failure := _RECALLED[ended.outcome]))
        words = failure.value, "by its outcome in the run that was cut off", "in this run" if again else "", ""
        self._run.journal.failure(FailureTold(case, len(past.tried), *words))
        past.messages.append(ended.message[:LONGEST])
        if not again:
            past.story = None
            self.stands(case, node.host, ended.message, ended.longrepr)
            return
        past.story, past.node = story, node
        history = past.history
        is_crash = ended.outcome is Outcome.CRASHED
        past.history = history._replace(crashes=history.crashes + is_crash, reruns=history.reruns + (not is_crash))

    def stands(self, case: int, host: str, message: str, longrepr: str = "") -> None:
        """A case has failed for good."""
        self._failed.add(case)
        frame = deepest_frame(longrepr[-LONGEST_TRACEBACK:])  # all that is kept of it
        self._endings.append(Failed(self._run.nodeid(case), host, message[:LONGEST], frame and f"{frame}:"))

    def passed(self, case: int, host: str, worker: str) -> None:
        """An attempt has succeeded; of cases without a past nothing is kept."""
        if self._run.recovering is not None:
            self._run.recovering.case_ended(case, host, worker, recovered=True)
        self._devices.passed(case, host)
        past = self._pasts.get(case)
        if past is not None:
            past.story = None
            past.tried.append(Tried(Outcome.PASSED, host, None, self._run.hw_class(host)))
            if past.history.doublings and past.demand is not None:
                keep_needed(self._run.journal.path.parents[1], self._run.nodeid(case), memory_of(past.demand))
            for tried, message in zip(past.tried, past.messages, strict=False):
                if tried.failure is not None and tried.host != host and self._is_the_hosts(case, tried.failure):
                    self._blame(tried.host, tried.failure, message)

    def _is_the_hosts(self, case: int, failure: FailureClass) -> bool:
        """Whether a failure speaks against the host, once the test has passed elsewhere."""
        return failure.is_infrastructure and not (failure is FailureClass.DEVICE and case in self._devices.blamed)

    def look(self, now: float) -> None:
        """Let time pass, *now* being POSIX seconds: devices that are left out may be due for another look."""
        self._devices.look(now)

    def reprobed(self, link: HostLink, profile: Mapping[str, Any]) -> bool:
        """Take what a host found that looked at devices again; false where it answers another question."""
        return self._devices.heard(link, profile)

    def was_reset(self, link: HostLink, told: Mapping[str, Any]) -> None:
        """Take what became of the reset of a device."""
        self._devices.was_reset(link, told)

    def _blame(self, host: str, failure: FailureClass, message: str) -> None:
        """What failed on *host* has passed elsewhere: three such errors in a row, and it is left out."""
        run = self._run
        if run.quarantine is None:
            from pytest_disttest.controller.quarantine import Quarantine

            run.quarantine = Quarantine(run.journal.path.parents[1], list(run.fleet.links), now=time.time())
        passed = run.tallies[host].outcomes[Outcome.PASSED]
        if run.quarantine.error(host, f"{failure.value}: {message}", passed=passed, now=time.time()):
            run.recoveries.began((LEFT_OUT, host), Step.QUARANTINE, failure, host)

    # what is known

    def is_open(self, case: int) -> bool:
        """Whether another attempt of *case* is to come, or runs."""
        past = self._pasts.get(case)
        return past is not None and past.story is not None

    def last(self, case: int) -> tuple[WorkerNode, Story] | None:
        """Return the last attempt of a case that is still open: how it ends if no other comes."""
        past = self._pasts.get(case)
        if past is None or past.story is None or past.node is None:
            return None
        story, past.story = past.story, None
        self._run.recoveries.dropped((CASE, case))
        ended = told(story.reports, story.started_at)
        self.stands(case, past.node.host, ended.message, ended.longrepr)
        return past.node, story

    @property
    def open_cases(self) -> list[int]:
        """The cases of which another attempt is to come, in order."""
        return sorted(case for case in self._pasts if self.is_open(case))

    def summary(self) -> list[str]:
        """Return what is to be said at the end: flaky tests, and, where hosts differ, what failures have in common.

        A run on one host ends as plain pytest does.
        """
        unsteady = [self._unsteady(case, past) for case, past in sorted(self._pasts.items()) if _has_passed(past)]
        causes = cause_lines(groups(self._endings)) if len(self._run.fleet.links) > 1 else []
        return [*unsteady_lines(unsteady), *causes]

    def _unsteady(self, case: int, past: Past) -> Unsteady:
        bad = [tried for tried in past.tried if tried.failure is not None]
        return Unsteady(
            self._run.nodeid(case),
            verdict(past.tried),
            len(past.tried),
            past.tried[-1].host,
            tuple(sorted({tried.host for tried in bad})),
            bad[0].failure.value if bad and bad[0].failure is not None else "",
            past.messages[0] if past.messages else "",
        )

    def hosts_for(self, case: int) -> list[HostLink]:
        """Return the hosts on which a worker should be started for a case that nobody is to run; the best first."""
        past = self._past(case)
        could = self._could_run(case)
        ready = [link for link in self._run.ready_links if link.host.name in could | past.hosts]
        return [link for link in ready if link.host.name not in past.shunned]

    # decisions

    def _decide(self, case: int, host: str, failure: FailureClass, request: Request, more: Demand | None) -> Decision:
        past = self._past(case)
        steps: tuple[Step, ...] = ()
        if failure.is_infrastructure:  # elsewhere may be tried twice: these are two hosts
            steps = self._run.recoveries.order(failure, host, tried=past.steps - {Step.MOVE})
        hosts = sorted(past.hosts)
        situation = Situation(
            failed=len(self._failed),
            retries=self._retries,
            host_allows=all(self._bucket(host).allows for host in hosts[-1:]),
            has_elsewhere=bool(self._could_run(case) - past.hosts),
            steps=steps,
            more="" if more is None else words_of(more),
        )
        return decide(failure, past.history, situation, request=request, limits=self._limits)

    def _more(self, case: int, host: str) -> Demand | None:
        """Return what a case asks for next that ran out of memory on *host*; None where it can be given no more."""
        scheduler = self._run.scheduler
        if scheduler is None or scheduler.is_bound(case):
            return None
        return roomier(self._run, self._demand(case), host)

    def _demand(self, case: int) -> Demand:
        """Return what a case asks for by now."""
        return self._past(case).demand or self._run.collected.cases[case].demand

    def _count(self, past: Past, decision: Decision) -> None:
        history = past.history
        if decision.is_requested:
            past.history = history._replace(reruns=history.reruns + 1)
        else:
            past.history = history._replace(retries=history.retries + 1)
            self._retries += 1

    def _charge(self, host: str, failure: FailureClass) -> None:
        if failure.is_infrastructure:
            self._buckets[host] = self._bucket(host).spent()

    def _bucket(self, host: str) -> TokenBucket:
        """Return what a host has left, with what it earned since anybody asked."""
        passed = self._run.tallies[host].outcomes[Outcome.PASSED]
        self._buckets[host] = self._buckets[host].earned(passed - self._passed[host])
        self._passed[host] = passed
        return self._buckets[host]

    def _shunned(self, case: int, past: Past, node: WorkerNode, where: Where) -> frozenset[str]:
        """Return who is not to make the next attempt, by name of worker or of place."""
        if where is Where.FRESH:
            return frozenset(one.id for one in self._run.roster.nodes)
        if where is Where.ELSEWHERE:
            return frozenset(place for host in past.hosts for place in places_on(self._run, host))
        if where is Where.HERE:
            others = (link.host.name for link in self._run.ready_links if link.host.name != node.host)
            shunned = frozenset(place for host in others for place in places_on(self._run, host))
            if shunned:
                return shunned
        # who had nothing left to do has gone home, unless reruns were asked for: then a fresh worker is needed
        return frozenset() if self._has_taker(case) else self._shunned(case, past, node, Where.FRESH)

    def _has_taker(self, case: int) -> bool:
        return self._run.scheduler is not None and self._run.scheduler.has_taker(case)

    def _could_run(self, case: int) -> set[str]:
        """Return the hosts that take part and could run *case*."""
        ready = {link.host.name for link in self._run.ready_links}
        scheduler = self._run.scheduler
        could = scheduler.could_run(case) if scheduler is not None else ready
        return ready & {place.partition("#")[0] for place in could}

    def _note(self, node: WorkerNode, case: int, diagnosis: Diagnosis, decision: Decision) -> None:
        """Keep what a failed attempt was taken for; and as a note where it is made again, or speaks of its host."""
        again = decision.where.value if decision.where is not None else ""
        words = diagnosis.failure_class.value, diagnosis.rule, again, decision.why
        self._run.journal.failure(FailureTold(case, len(self._past(case).tried), *words))
        is_told = diagnosis.failure_class.is_infrastructure or diagnosis.failure_class is FailureClass.MEMORY
        if decision.where is None and not is_told:
            return
        then = f"again {decision.where.value}" if decision.where is not None else "not again"
        text = f"{self._run.nodeid(case)}: {diagnosis.failure_class.value} ({diagnosis.rule}); {then}: {decision.why}"
        self._run.journal.note("failure", text, host=node.host, worker=node.id)

    def _past(self, case: int) -> Past:
        return self._pasts.setdefault(case, Past())


def _request(faults: Sequence[Mapping[str, Any]], death: Death | None) -> Request:
    """Return what the user wants of a failed attempt: nothing unless it holds for each phase that failed."""
    if death is not None or not faults:
        return Request()
    return Request(
        min(int(fault.get("reruns", 0)) for fault in faults), max(float(fault.get("delay", 0.0)) for fault in faults)
    )


def _has_passed(past: Past) -> bool:
    """Whether a case passed in the end, after attempts of which at least one is ours to tell of."""
    return len(past.tried) > 1 and past.tried[-1].failure is None
