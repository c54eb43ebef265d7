"""Workers that have collected only a part of the suite: who is given what, and what is taken from whom."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_disttest.model import Outcome
from pytest_disttest.schedule import (
    Assign,
    CaseEnded,
    CaseStarted,
    Finish,
    Hold,
    Scheduler,
    Tick,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing import FakeHost, Sharded, drive, free_seams, plan_of

FILES = [range(first, first + 5) for first in range(0, 200, 5)]
TWO_WORKERS = [FakeHost("local", workers=2)]


def scheduler_of(*files: Any, **more: Any) -> Scheduler:
    return Scheduler(plan_of(*files, **more), seams=free_seams)


def told(scheduler: Scheduler, *events: Any, now: float = 0.0) -> list[Any]:
    """Return the answers to *events*, all of them."""
    return [command for event in events for command in scheduler.handle(event, now)]


def test_a_worker_is_given_first_what_it_has_collected():
    """Also where that stands last in the plan."""
    scheduler = scheduler_of([0], [1], [2], [3])
    told(scheduler, WorkerReady("gw0", "a", frozenset({2, 3})), WorkerReady("gw1", "a", frozenset({0, 1})))

    assert [Assign("gw0", (2,)), Assign("gw1", (0,))] == told(scheduler, WorkWanted("gw0"), WorkWanted("gw1"))


def test_what_nobody_has_collected_comes_before_what_another_one_has():
    """The file of a worker that died is taken before a living one's."""
    scheduler = scheduler_of([0], [1], [2], [3])
    told(scheduler, WorkerReady("gw0", "a", {0, 1, 2}), WorkerReady("gw1", "a", ()), WorkerReady("gw2", "a", {3}))

    assert [Assign("gw1", (3,))] == told(scheduler, WorkerLost("gw2"), WorkWanted("gw1"))


def test_what_another_one_has_collected_is_taken_from_its_end():
    """The owner comes to that last."""
    scheduler = scheduler_of([0], [1], [2], [3])
    told(scheduler, WorkerReady("gw0", "a", {0, 1, 2, 3}), WorkerReady("gw1", "a", ()))

    assert [Assign("gw1", (3,)), Assign("gw0", (0,))] == told(scheduler, WorkWanted("gw1"), WorkWanted("gw0"))


def test_it_is_taken_from_whoever_has_most_to_do():
    """By predicted seconds, not by files."""
    plan = plan_of(*([case] for case in range(6)))
    scheduler = Scheduler(plan, seams=free_seams, predicted=dict.fromkeys(range(4), 0.01) | {4: 0.09, 5: 0.09})
    told(scheduler, WorkerReady("gw0", "a", {0, 1, 2, 3}), WorkerReady("gw1", "a", {4, 5}))

    assert [Assign("gw2", (5,))] == told(scheduler, WorkerReady("gw2", "a", ()), WorkWanted("gw2"))


def test_nothing_is_fetched_from_an_owner_that_will_soon_come_to_it():
    """One file before it, or a few milliseconds of tests, are less than an import costs."""
    scheduler = scheduler_of([0], [1])
    told(scheduler, WorkerReady("gw0", "a", {0, 1}), WorkerReady("gw1", "a", ()))

    assert [Hold("gw1")] == told(scheduler, WorkWanted("gw1"))


def test_an_owner_stuck_in_a_slow_test_is_relieved():
    """Then what it would soon come to is fetched after all."""
    scheduler = scheduler_of([0], [1])
    told(scheduler, WorkerReady("gw0", "a", {0, 1}), WorkerReady("gw1", "a", ()), WorkWanted("gw0"))
    assert [Hold("gw1")] == told(scheduler, CaseStarted("gw0", 0), WorkWanted("gw1"))

    assert [Assign("gw1", (1,))] == told(scheduler, Tick(), now=0.5)


def test_after_fetching_a_file_its_rest_is_ones_own():
    """It was collected for the first case: the next one comes from there too, though it stands later in the plan."""
    scheduler = scheduler_of([0], [1], [2], range(3, 6))
    told(scheduler, WorkerReady("gw0", "a", range(6)), WorkerReady("gw1", "a", ()))

    first = told(scheduler, WorkWanted("gw1"), CaseStarted("gw1", 3), WorkWanted("gw1"))

    assert [Assign("gw1", (3,)), Assign("gw1", (4,))] == first


def test_who_may_not_run_a_file_does_not_keep_it():
    """A worker that collected what only another host can run is not waited for."""
    plan = plan_of([0], [1], eligible={1: frozenset({"gpu"})})
    scheduler = Scheduler(plan, seams=free_seams)
    told(scheduler, WorkerReady("gw0", "cpu", {0, 1}), WorkerReady("gw1", "gpu", ()))

    assert [Assign("gw1", (1,))] == told(scheduler, WorkWanted("gw1"))


def test_an_owner_stays_while_others_may_fail_to_collect_its_cases():
    """What a thief has not begun may come back; what it has begun does not."""
    scheduler = scheduler_of([0], [1], [2])
    told(scheduler, WorkerReady("gw0", "a", {0, 1, 2}), WorkerReady("gw1", "a", ()), WorkWanted("gw1"))
    for case in (0, 1):
        told(scheduler, WorkWanted("gw0"), CaseStarted("gw0", case), CaseEnded("gw0", case, Outcome.PASSED, 0.001))

    assert [Hold("gw0")] == told(scheduler, WorkWanted("gw0"))
    assert [Finish("gw0")] == told(scheduler, CaseStarted("gw1", 2), Tick(), now=1.0)


@pytest.mark.parametrize("workers", [2, 8])
def test_equal_shards_stay_with_their_owners(workers: int):
    """Nothing is collected twice where everybody has the same to do."""
    files = [range(first, first + 5) for first in range(0, 400, 5)]

    record = drive(
        Scheduler(plan_of(*files), seams=free_seams), [FakeHost("local", workers=workers)],
        seconds=0.01, sharded=Sharded(files, collect_s=0.02),
    )  # fmt: skip

    assert ([], []) == (record.fetched, record.waiting)


def test_unequal_shards_are_evened_out():
    """The worker with quick files takes over slow ones: few files are collected twice, and both end together."""
    record = drive(
        Scheduler(plan_of(*FILES), seams=free_seams), TWO_WORKERS,
        seconds=lambda case: 0.05 if case // 5 % 2 else 0.001, sharded=Sharded(FILES, collect_s=0.02),
    )  # fmt: skip

    assert record.makespan_s < 2.9  # 2.55 at best; 5.0 where nobody helps
    assert len(record.fetched) <= 12


def test_a_second_host_that_has_collected_nothing_takes_its_part():
    """It collects the files that come its way."""
    scheduler = Scheduler(plan_of(*FILES), seams=free_seams)
    told(scheduler, WorkerReady("gw0", "a", range(200)), WorkerReady("gw1", "b", ()))

    record = drive(
        Scheduler(plan_of(*FILES), seams=free_seams), [FakeHost("a"), FakeHost("b")],
        seconds=0.01, sharded=Sharded(FILES, collect_s=0.01),
    )  # fmt: skip

    assert 200 == len(record.ran)
    assert 80 <= len(record.cases_on("gw1")) <= 120


def test_an_owner_with_an_emptied_file_goes_on_with_its_group():
    """All of the file it worked on was given away; what it also owns must not be forgotten behind that."""
    plan = plan_of([0, 1], [2, 3], [4], binding=[0], prerequisites={1: (4,)})
    scheduler = Scheduler(plan, seams=free_seams)
    told(scheduler, WorkerReady("gw0", "a"), WorkWanted("gw0"), CaseStarted("gw0", 0))
    told(scheduler, CaseEnded("gw0", 0, Outcome.PASSED, 0.01), WorkWanted("gw0"), CaseStarted("gw0", 2))
    told(scheduler, WorkerReady("gw1", "a"), WorkWanted("gw1"), CaseStarted("gw1", 4), WorkWanted("gw1"))
    told(scheduler, CaseEnded("gw0", 2, Outcome.PASSED, 0.01), WorkWanted("gw0"))

    assert [Assign("gw0", (1,))] == told(scheduler, CaseEnded("gw1", 4, Outcome.PASSED, 0.01))
