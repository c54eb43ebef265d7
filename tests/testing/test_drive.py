"""The simulator that is shipped for strategies: its own promises."""

from __future__ import annotations

import pytest

from pytest_disttest.model import Outcome
from pytest_disttest.schedule import Assign, CasesRefused, Command, Event, Finish, Scheduler, WorkWanted
from pytest_disttest.testing import FakeClock, FakeHost, Ran, Sharded, drive, free_seams, plan_of


class OneByOne:
    """The simplest strategy: the next case to whoever asks."""

    def __init__(self, cases: int) -> None:
        self.left = list(range(cases))

    def handle(self, event: Event, now: float) -> list[Command]:
        match event:
            case WorkWanted(worker):
                return [Assign(worker, (self.left.pop(0),))] if self.left else [Finish(worker)]
        return []


def test_a_strategy_of_ones_own_can_be_driven():
    """Whatever has ``handle`` is a strategy; the record tells what ran where and when."""
    record = drive(OneByOne(3), [FakeHost("a"), FakeHost("b", speed=2.0)], seconds={0: 1.0, 1: 1.0, 2: 2.0})

    assert [
        Ran(1, "gw1", "b", 0.0, 0.5, Outcome.PASSED),
        Ran(0, "gw0", "a", 0.0, 1.0, Outcome.PASSED),
        Ran(2, "gw0", "a", 1.0, 3.0, Outcome.PASSED),
    ] == record.ran
    assert ["gw0", "gw1"] == sorted(record.finished)


def test_a_strategy_that_forgets_a_worker_is_found_out():
    """Who is never answered is in ``waiting`` when nothing moves any more."""

    class Forgetful(OneByOne):
        def handle(self, event: Event, now: float) -> list[Command]:
            return [command for command in super().handle(event, now) if not isinstance(command, Finish)]

    assert ["gw0", "gw1"] == drive(Forgetful(2), [FakeHost("a", workers=2)]).waiting


def test_the_answer_may_take_its_time():
    """With a latency, a worker that asks early still works without a gap; one that has nothing waits for it."""
    record = drive(Scheduler(plan_of([0, 1, 2]), seams=free_seams), [FakeHost("a")], seconds=1.0, latency_s=0.25)

    assert [0.25, 1.25, 2.25] == pytest.approx([one.started_s for one in record.ran])
    assert [1.25, 2.25, 3.25] == pytest.approx([one.ended_s for one in record.ran])


def test_a_deadly_case_takes_its_worker_along():
    """It ends as crashed, and a new worker goes on with what the dead one had."""
    record = drive(Scheduler(plan_of([0, 1, 2]), seams=free_seams), [FakeHost("a")], deadly=[1])

    assert [(0, "gw0"), (1, "gw0"), (2, "gw1")] == [(one.case, one.worker) for one in record.ran]
    assert Outcome.CRASHED is record.ran[1].outcome


def test_time_does_not_run_back():
    """A clock that is set back would hide a mistake."""
    clock = FakeClock(2.0)
    clock.advance_to(3.0)

    with pytest.raises(ValueError, match=r"from 3\.0 to 1\.0"):
        clock.advance_to(1.0)


def test_workers_may_have_collected_a_part():
    """Each file by one worker of a host, in turns; another one takes its time for it when it is given its cases."""
    files = [range(3), range(3, 6), range(6, 9)]

    record = drive(OneByOne(9), [FakeHost("a", workers=2)], seconds=1.0, sharded=Sharded(files, collect_s=0.5))

    assert [("gw1", 0), ("gw0", 1), ("gw1", 2)] == record.fetched
    assert {0: 0.0, 1: 0.5} == {one.case: one.started_s for one in record.ran if one.case < 2}


def test_what_cannot_be_collected_is_refused():
    """The scheduler is told, and the worker goes on with what else it was given."""
    refused: list[Event] = []

    class Listening(OneByOne):
        def handle(self, event: Event, now: float) -> list[Command]:
            if isinstance(event, CasesRefused):
                refused.append(event)
            return super().handle(event, now)

    record = drive(Listening(4), [FakeHost("a", workers=2)], sharded=Sharded([range(2), range(2, 4)], alone=[1]))

    assert [CasesRefused("gw1", (1,))] == refused
    assert {0, 2, 3} == {one.case for one in record.ran}
