"""What a decision costs, counted in function calls: it hardly depends on the size of the suite."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from pytest_disttest.model import Outcome
from pytest_disttest.schedule import Command, Event, Scheduler, WorkWanted
from pytest_disttest.testing import FakeHost, Sharded, drive, plan_of


class Counted:
    """A scheduler whose function calls are counted: those of each event, and of all."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._calls = 0
        self.per_event: list[int] = []

    def handle(self, event: Event, now: float) -> list[Command]:
        self._calls = 0
        before = sys.getprofile()
        sys.setprofile(self._count)
        try:
            return self._scheduler.handle(event, now)
        finally:
            sys.setprofile(before)
            self.per_event.append(self._calls)

    def _count(self, frame: FrameType, what: str, argument: Any) -> None:
        self._calls += what in ("call", "c_call")


def calls(files: int, *, workers: int, sharded: bool, known: bool) -> tuple[float, int]:
    """Return the calls per case, and those of the dearest event but one in a hundred."""
    suite = [range(first, first + 2) for first in range(0, 2 * files, 2)]
    seconds = {case: 0.001 * (1 + case % 7) for case in range(2 * files)}
    counted = Counted(
        Scheduler(
            plan_of(*suite), seams=lambda unit: (1,) * (len(unit.cases) - 1), predicted=seconds if known else None
        )
    )
    record = drive(
        counted, [FakeHost("a", workers=workers)], seconds=seconds, sharded=Sharded(suite, 0.003) if sharded else None
    )
    assert (2 * files, []) == (len(record.ran), record.waiting)
    events = sorted(counted.per_event)
    return sum(events) / (2 * files), events[len(events) * 99 // 100]


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("sharded", [False, True])
def test_a_decision_costs_the_same_in_a_suite_eight_times_as_large(sharded: bool, known: bool):
    """Nothing that is done for a case walks over all files, or over all workers."""
    small, _ = calls(500, workers=64, sharded=sharded, known=known)
    large, dearest = calls(4000, workers=64, sharded=sharded, known=known)

    assert large <= 1.3 * small + 5
    assert dearest < 1000


def test_more_workers_do_not_make_a_case_dearer():
    """Whoever waits is not looked at with every event."""
    few, _ = calls(2000, workers=4, sharded=True, known=False)
    many, _ = calls(2000, workers=64, sharded=True, known=False)

    assert many <= 3 * few


def test_an_event_that_asks_for_nothing_is_a_handful_of_calls():
    """A trivial suite on two workers: its start, its end, and now and then a batch."""
    counted = Counted(Scheduler(plan_of(range(5000)), seams=lambda unit: (2,) * 4999))
    drive(counted, [FakeHost("a", workers=2)], seconds=0.0001)

    assert sum(counted.per_event) / 5000 < 35


def test_the_counter_counts():
    """One that measures nothing would prove nothing."""
    counted = Counted(Scheduler(plan_of([0]), seams=lambda unit: ()))
    counted.handle(WorkWanted("nobody"), 0.0)

    assert counted.per_event[0] > 0
    assert Outcome.PASSED.is_success
