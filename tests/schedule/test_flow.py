"""Flow control: a bound for the whole run, and hosts that got slow are fed less."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from rigs.scheduling import SchedulerMachine

from pytest_disttest.model import Outcome, Plan, Unit
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.commands import Assign, Hold
from pytest_disttest.schedule.events import CaseEnded, WorkerReady, WorkWanted
from pytest_disttest.schedule.slowness import Slowness
from pytest_disttest.testing import FakeHost, Record, drive, free_seams, plan_of


def at_once(record: Record) -> int:
    """Return how many tests ran at a time at most."""
    return max(sum(o.started_s <= one.started_s < o.ended_s for o in record.ran) for one in record.ran)


@pytest.mark.parametrize("most", [1, 2, 3, 5, 9])
def test_no_more_run_at_a_time_than_may(most: int):
    """On six workers of two hosts; a bound that is no bound changes nothing."""
    scheduler = Scheduler(plan_of(*([case] for case in range(30))), seams=free_seams)
    scheduler.limit(most)
    record = drive(scheduler, [FakeHost("a", workers=3), FakeHost("b", workers=3)], seconds=1.0)

    assert (30, []) == (len(record.ran), record.waiting)
    assert min(most, 6) == at_once(record)
    assert record.makespan_s <= 30 / min(most, 6) + 3.0


def test_who_can_run_what_others_cannot_has_its_turn():
    """One test at a time, two hosts: those of the second one do not wait until the first has done all the rest."""
    plan = plan_of(*([case] for case in range(20)), eligible={case: frozenset({"b"}) for case in range(10, 20)})
    scheduler = Scheduler(plan, seams=free_seams)
    scheduler.limit(1)
    record = drive(scheduler, [FakeHost("a"), FakeHost("b")], seconds=1.0)

    hosts = [one.host for one in record.ran]
    assert (20, []) == (len(hosts), record.waiting)
    assert hosts[:8].count("b") >= 3


class LimitedMachine(SchedulerMachine):
    def scheduler_of(
        self, plan: Plan, seams: Callable[[Unit], tuple[int, ...]], predicted: dict[int, float], data: st.DataObject
    ) -> Scheduler:
        made = super().scheduler_of(plan, seams, predicted, data)
        self.most = data.draw(st.integers(1, 3))
        made.limit(self.most)
        return made

    @invariant()
    def no_more_are_busy(self) -> None:
        if hasattr(self, "plan"):
            assert sum(bool(worker.has) for worker in self.workers.values()) <= self.most


TestLimited = LimitedMachine.TestCase
TestLimited.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_host_whose_tests_take_longer_than_expected_is_slow():
    """Three times as long as expected, while another host keeps to it; once it does so too, it is slow no more."""
    slowness = Slowness()
    for _ in range(24):
        slowness.note("a", 1.0, 3.0)
        slowness.note("b", 1.0, 1.1)
    assert {"a": pytest.approx(2.73, rel=0.05)} == dict(slowness)
    for _ in range(60):
        slowness.note("a", 1.0, 1.0)
    assert {} == slowness


def test_no_host_is_slow_where_all_are():
    """Nor by a single test that hangs, nor by tiny ones."""
    slowness = Slowness()
    for _ in range(24):
        slowness.note("a", 1.0, 3.0)
        slowness.note("b", 2.0, 7.0)
        slowness.note("c", 0.001, 0.04)
    slowness.note("b", 1.0, 60.0)

    assert {} == slowness


def test_a_slow_host_is_fed_less():
    """A host of a known class takes eight times as long as ever: the run ends as if it hardly took part."""
    classes = {"x": "same", "y": "same", "z": "other"}
    cases = range(90)
    scheduler = Scheduler(
        plan_of(*([case] for case in cases)),
        seams=free_seams,
        predicted=dict.fromkeys(cases, 1.0),
        predicted_on={(case, name): 1.0 for case in cases for name in ("same", "other")},
        classes=classes,
    )
    hosts = [FakeHost(name, workers=2) for name in classes]
    record = drive(scheduler, hosts, seconds_on=lambda _, host: 8.0 if host == "y" else 1.0)

    assert 90 == len(record.ran)
    assert record.makespan_s <= 27.0  # bound: 90 / 4.25 = 21.2


def test_who_has_had_its_turn_is_not_answered_twice():
    """Hosts *a* and *b* wait for the only place; it is the turn of *b*, which is told so once."""
    plan = plan_of([0, 1, 2, 3], eligible={n: frozenset(host) for n, host in enumerate("aabc")})
    scheduler = Scheduler(plan, seams=free_seams)
    scheduler.limit(1)
    for host in "abc":
        scheduler.handle(WorkerReady(host, host), 0.0)

    assert [Assign("a", (0,))] == scheduler.handle(WorkWanted("a"), 0.0)
    scheduler.handle(CaseEnded("a", 0, Outcome.PASSED, 1.0), 1.0)
    assert [Assign("c", (3,))] == scheduler.handle(WorkWanted("c"), 1.0)
    assert [Hold("a")] == scheduler.handle(WorkWanted("a"), 1.0)
    assert [Hold("b")] == scheduler.handle(WorkWanted("b"), 1.0)
    assert [Assign("b", (2,))] == scheduler.handle(CaseEnded("c", 3, Outcome.PASSED, 1.0), 2.0)
