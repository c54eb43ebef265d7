"""The journal of a run, line by line, in the words of this interface: pure, and of use for any other reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pytest_disttest.aio.events import (
    CaseEnded,
    CasesCollected,
    CaseStarted,
    Event,
    HostLost,
    HostOpened,
    Noted,
    PlanMade,
    RunFinished,
)
from pytest_disttest.model import Attempt, Outcome, PhaseTime
from pytest_disttest.store.events import CasesPassed, CasesSeen, HostSeen, NoteTaken, RunStarted, from_line
from pytest_disttest.store.plans import RunJudged, RunPlanned
from pytest_disttest.store.stream import CaseBegan


@dataclass(slots=True)
class Telling:
    """What is known so far of a run that is read from ``--hw-events``, or from a journal."""

    _cases: dict[int, str] = field(default_factory=dict)
    _begun: set[int] = field(default_factory=set)
    _ended: dict[int, str] = field(default_factory=dict)
    _run_id: str = ""
    _predicted_s: float = 0.0
    _judged: RunJudged | None = None

    def events(self, line: bytes) -> list[Event]:
        """Return what *line* tells; nothing for what no program can want to know, or for a line that is damaged."""
        try:
            told = from_line(line)
        except ValueError:
            return []
        tell = _TELL.get(type(told))
        return list(tell(self, told)) if tell is not None else []

    def finished(self, exit_status: int) -> RunFinished:
        """Return the last event of a run whose process ended so."""
        took_s, _, bound_s = self._judged or (0.0, 0.0, 0.0)
        return RunFinished(exit_status, Counter(self._ended.values()), self._run_id, took_s, self._predicted_s, bound_s)

    def _started(self, told: RunStarted) -> Iterator[Event]:
        self._run_id = told.run_id
        yield from ()

    def _judge(self, told: RunJudged) -> Iterator[Event]:
        self._judged = told
        yield from ()

    def _host(self, told: HostSeen) -> Iterator[Event]:
        if told.state == "ready":
            yield HostOpened(told.name, told.workers, told.python, told.platform)
        else:
            yield HostLost(told.name, told.reason)

    def _note(self, told: NoteTaken) -> Iterator[Event]:
        if told.kind == "host-lost":
            yield HostLost(told.host, told.text)
        else:
            yield Noted(told.kind, told.text, told.host, told.worker)

    def _collected(self, told: CasesSeen) -> Iterator[Event]:
        self._cases.update((case.index, case.nodeid) for case in told.cases)
        deselected = sum(case.deselected for case in told.cases)
        yield CasesCollected(len(told.cases) - deselected, deselected)

    def _planned(self, told: RunPlanned) -> Iterator[Event]:
        self._predicted_s = told.planned_s
        yield PlanMade(told.planned_s, told.bound_s, told.bottleneck)

    def _began(self, told: CaseBegan) -> Iterator[Event]:
        self._begun.add(told.case)
        yield CaseStarted(self._nodeid(told.case), told.host, told.worker, told.at)

    def _passed(self, told: CasesPassed) -> Iterator[Event]:
        for case, number, started_at, *phases in told.rows:
            attempt = Attempt(case, number, told.host, told.worker, Outcome.PASSED, started_at, PhaseTime(*phases))
            yield from self._attempted(attempt)

    def _attempted(self, told: Attempt) -> Iterator[Event]:
        """Yield that an attempt ended; and before, that it began, unless that was told when it did."""
        nodeid = self._nodeid(told.case)
        if told.host and told.case not in self._begun:
            yield CaseStarted(nodeid, told.host, told.worker, told.started_at)
        self._begun.discard(told.case)
        self._ended[told.case] = told.outcome.value
        seconds = told.times.setup_s + told.times.call_s + told.times.teardown_s
        yield CaseEnded(
            nodeid, told.outcome.value, told.host, told.worker, seconds, told.number, told.message, told.longrepr
        )

    def _nodeid(self, case: int) -> str:
        return self._cases.get(case, f"case {case}")


_TELL: dict[type, Callable[[Telling, Any], Iterator[Event]]] = {
    RunStarted: Telling._started,
    HostSeen: Telling._host,
    NoteTaken: Telling._note,
    CasesSeen: Telling._collected,
    RunPlanned: Telling._planned,
    RunJudged: Telling._judge,
    CaseBegan: Telling._began,
    CasesPassed: Telling._passed,
    Attempt: Telling._attempted,
}
