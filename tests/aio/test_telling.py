"""The journal in the words of the interface for programs."""

from __future__ import annotations

from pytest_disttest.aio import (
    CaseEnded,
    CasesCollected,
    CaseStarted,
    HostLost,
    HostOpened,
    Noted,
    PlanMade,
    RunFinished,
    Telling,
)
from pytest_disttest.model import Attempt, Case, Outcome, PhaseTime
from pytest_disttest.store.events import (
    CasesPassed,
    CasesSeen,
    HostSeen,
    NoteTaken,
    RunStarted,
    record_of,
    to_line,
)
from pytest_disttest.store.plans import RunJudged, RunPlanned
from pytest_disttest.store.stream import CaseBegan

CASES = CasesSeen(tuple(record_of(Case(n, f"a.py::t{n}", deselected=n == 2)) for n in range(3)))


def told(*events: object) -> list[object]:
    """Return what is told of a run's journal, and how it ends."""
    telling = Telling()
    found = [one for event in events for one in telling.events(to_line(event))]  # type: ignore[arg-type]
    return [*found, telling.finished(1)]


def test_a_run_is_told_from_its_hosts_to_its_end():
    """Each event once, in order; what passed in one go as if it had been told one by one."""
    assert [
        HostOpened("here", 2, "3.11", "linux"),
        HostLost("gpu", "no route"),
        CasesCollected(2, 1),
        PlanMade(3.0, 2.0, "why"),
        CaseStarted("a.py::t0", "here", "gw0", 5.0),
        CaseEnded("a.py::t0", "failed", "here", "gw0", 3.0, 1, "said", "long"),
        CaseStarted("a.py::t0", "here", "gw1", 9.0),
        CaseEnded("a.py::t0", "passed", "here", "gw1", 1.5, 2, "", ""),
        CaseEnded("a.py::t1", "unplaced", "", "", 0.0, 1, "no host", ""),
        HostLost("here", "silent"),
        Noted("worker-died", "why", "here", "gw1"),
        RunFinished(1, {"passed": 1, "unplaced": 1}, "r1", 4.0, 3.0, 2.5),
    ] == told(
        RunStarted("r1", 1.0),
        HostSeen("here", "local", "", "3.11", "linux", 2),
        HostSeen("gpu", "ssh", "", "", "", 0, state="unusable", reason="no route"),
        CASES,
        RunPlanned(1.0, 3.0, 2.0, "why", 0, (), ()),
        CaseBegan(0, "here", "gw0", 5.0),
        Attempt(0, 1, "here", "gw0", Outcome.FAILED, 5.0, PhaseTime(1, 1, 1), "said", "long"),
        CasesPassed("here", "gw1", ((0, 2, 9.0, 0.5, 0.5, 0.5),)),
        Attempt(1, 1, "", "", Outcome.UNPLACED, 0.0, message="no host"),
        NoteTaken("host-lost", "silent", "here"),
        NoteTaken("worker-died", "why", "here", "gw1"),
        RunJudged(4.0, 3.5, 2.5),
    )


def test_a_run_that_came_to_nothing_ends_too():
    """A line that is damaged tells nothing."""
    telling = Telling()

    assert [] == telling.events(b'{"event":"att')
    assert RunFinished(4, {}) == telling.finished(4)
