"""What history is good for: long cases start early, and nobody has another one's work waiting behind them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from pytest_disttest.model import Outcome, Unit
from pytest_disttest.schedule import Assign, CaseEnded, CaseStarted, Hold, Scheduler, WorkerReady, WorkWanted
from pytest_disttest.testing import FakeHost, Record, Sharded, drive, plan_of


def seams_at(level: int) -> Callable[[Unit], tuple[int, ...]]:
    """Return seams of one price everywhere, none in a binding unit."""
    return lambda unit: (9 if unit.binding else level,) * (len(unit.cases) - 1)


def second_run(
    seconds: dict[int, float], *files: range, workers: int, level: int = 1, sharded: bool = False, binding: tuple = ()
) -> Record:
    """Return what becomes of *files* when all their durations are known."""
    record = drive(
        Scheduler(plan_of(*files, binding=binding), seams=seams_at(level), predicted=seconds),
        [FakeHost("local", workers=workers)],
        seconds=seconds, latency_s=0.001, sharded=Sharded(files, collect_s=0.02) if sharded else None,
    )  # fmt: skip
    assert ([], len(seconds)) == (record.waiting, len(record.ran))
    return record


def bound_s(seconds: dict[int, float], workers: int) -> float:
    """Return what no order can beat."""
    return max(sum(seconds.values()) / workers, *seconds.values())


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("workers", [2, 4])
def test_a_long_test_at_the_end_of_the_file_does_not_end_alone(workers: int, sharded: bool):
    """40 tests in one file, the longest last: within 5 % of the bound."""
    for seed in range(10):
        dice = random.Random(seed)
        seconds = {case: dice.uniform(0.1, 0.4) for case in range(39)} | {39: 4.0}

        record = second_run(seconds, range(40), workers=workers, sharded=sharded)

        assert record.makespan_s <= 1.05 * bound_s(seconds, workers), seed


def test_without_history_the_order_is_that_of_the_plan():
    """Nobody knows yet that the last one is long."""
    record = drive(
        Scheduler(plan_of(range(10)), seams=seams_at(1)), [FakeHost("a", workers=2)],
        seconds=lambda case: 4.0 if case == 9 else 0.1,
    )  # fmt: skip

    assert sorted(record.cases_on("gw0")) == list(record.cases_on("gw0"))


def test_one_worker_keeps_the_order():
    """There is nobody to end before or after."""
    seconds = {0: 0.1, 1: 5.0, 2: 0.1, 3: 9.0}

    assert (0, 1, 2, 3) == second_run(seconds, range(4), workers=1).cases_on("gw0")


def test_only_long_tests_leave_their_place():
    """The rest is run in order, file by file."""
    seconds = dict.fromkeys(range(60), 0.02) | {45: 1.0}

    record = second_run(seconds, range(20), range(20, 40), range(40, 60), workers=2)

    assert 45 == record.batches[0].cases[0]
    for worker in ("gw0", "gw1"):
        for file in (range(20), range(20, 40), range(40, 60)):
            own = [case for case in record.cases_on(worker) if case in file and case != 45]
            assert own == sorted(own)


def test_a_long_test_stays_where_cutting_it_out_costs_more():
    """0.3 s are less than a cut between parameters is worth, and more than one between functions."""
    seconds = dict.fromkeys(range(8), 0.01) | {6: 0.3}
    first = {level: second_run(seconds, range(8), workers=2, level=level).batches[0].cases[0] for level in (1, 3)}

    assert {1: 6, 3: 0} == first


def test_a_long_group_starts_first():
    """A binding unit is long as a whole."""
    seconds = dict.fromkeys(range(20), 0.1) | dict.fromkeys(range(20, 30), 0.2)

    record = second_run(seconds, range(20), range(20, 30), workers=2, binding=(1,))

    assert 20 == record.batches[0].cases[0]
    assert record.makespan_s <= 1.1 * bound_s(seconds, 2)


def test_a_worker_with_a_long_case_is_given_nothing_that_others_can_do_meanwhile():
    """It is held, and asked to go on when it is through."""
    plan = plan_of([0], [1], [2])
    scheduler = Scheduler(plan, seams=seams_at(1), predicted={0: 5.0, 1: 0.2, 2: 0.2})
    scheduler.handle(WorkerReady("gw0", "a"), 0.0)
    scheduler.handle(WorkerReady("gw1", "a"), 0.0)

    assert [Assign("gw0", (0,))] == scheduler.handle(WorkWanted("gw0"), 0.0)
    assert [] == scheduler.handle(CaseStarted("gw0", 0), 0.0)
    assert [Hold("gw0")] == scheduler.handle(WorkWanted("gw0"), 0.0)
    assert [Assign("gw0", (1,))] == scheduler.handle(CaseEnded("gw0", 0, Outcome.PASSED, 0.3), 0.3)


def test_an_owner_takes_its_own_long_tests_first_where_they_are_about_as_long():
    """Each worker begins with what it has collected, so that nobody imports another one's file for nothing."""
    seconds = {0: 1.0, 1: 0.1, 2: 1.02, 3: 0.1}

    record = second_run(seconds, range(2), range(2, 4), workers=2, sharded=True)

    assert {(0,), (2,)} == {batch.cases for batch in record.batches[:2]}
    assert [] == record.fetched
