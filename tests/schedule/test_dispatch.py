"""What the dispatcher decides, seen through whole runs of fake workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.model import Outcome, Plan, Unit
from pytest_disttest.schedule import (
    Assign,
    CaseEnded,
    CaseStarted,
    Finish,
    Hold,
    HostLost,
    Scheduler,
    Tick,
    Unplace,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing import FakeHost, Record, drive, free_seams, plan_of

ONE = FakeHost("one")
TWO_WORKERS = [FakeHost("local", workers=2)]


def seams_at(level: int) -> Callable[[Unit], tuple[int, ...]]:
    """Return seams of one price everywhere."""
    return lambda unit: (level,) * (len(unit.cases) - 1)


def run(plan: Plan, hosts: list[FakeHost], *, seams: Any = free_seams, predicted: Any = None, **world: Any) -> Record:
    """Let the real scheduler run *plan*; whatever the test is about, nobody may be left waiting."""
    record = drive(Scheduler(plan, seams=seams, predicted=predicted), hosts, **world)
    assert [] == record.waiting
    return record


def owners(record: Record, *cases: int) -> int:
    """Return how many workers ran *cases*."""
    return len(record.workers_of(*cases))


# units, splits and batches


def test_small_files_stay_whole_when_nothing_is_known():
    """At the start of a run no duration is known, so that a file is never torn apart on a guess."""
    plan = plan_of(range(3), range(3, 6))

    record = run(plan, TWO_WORKERS, seconds=0.002)

    assert (1, 1) == (owners(record, 0, 1, 2), owners(record, 3, 4, 5))


@pytest.mark.parametrize(("each_s", "workers"), [(0.001, 1), (0.5, 2)])
def test_a_file_is_split_only_where_it_pays(each_s: float, workers: int):
    """Twenty parameters of one function: quick ones stay together, slow ones are shared with an idle worker."""
    record = run(plan_of(range(20)), TWO_WORKERS, seams=seams_at(3), seconds=each_s)

    assert workers == owners(record, *range(20))


def test_the_price_of_a_seam_decides():
    """0.2 s of work are worth a cut between classes (0.02 s), not one between parameters (0.5 s)."""
    found = {
        level: owners(run(plan_of(range(20)), TWO_WORKERS, seams=seams_at(level), seconds=0.01), *range(20))
        for level in (0, 3)
    }

    assert {0: 2, 3: 1} == found


def test_a_slow_file_among_fast_ones_is_noticed_while_it_runs():
    """The mean says milliseconds; a case that runs for longer says what its neighbours will take."""
    plan = plan_of(range(100), range(100, 104))
    record = run(plan, TWO_WORKERS, seams=seams_at(3), seconds=lambda case: 2.0 if case >= 100 else 0.001)

    assert 2 == owners(record, *range(100, 104))
    assert record.makespan_s == pytest.approx(4.0, abs=0.7)


def test_a_cut_is_made_at_the_cheapest_seam():
    """Two classes in a file go to two workers, whole."""

    def between_classes(unit: Unit) -> tuple[int, ...]:
        return tuple(0 if case == 5 else 3 for case in unit.cases[1:])

    record = run(plan_of(range(10)), TWO_WORKERS, seams=between_classes, seconds=0.05)

    assert {frozenset(range(5)), frozenset(range(5, 10))} == {
        frozenset(record.cases_on(worker)) for worker in ("gw0", "gw1")
    }


def test_a_binding_unit_is_never_split():
    """However slow it is and however idle the other worker."""
    record = run(plan_of(range(8), binding=[0]), TWO_WORKERS, seconds=1.0)

    assert 1 == owners(record, *range(8))
    assert 8.0 == record.makespan_s


def test_a_binding_unit_that_waits_stays_with_who_began_it():
    """While its second half waits for another test, its worker does something else, and nobody takes it over."""
    plan = plan_of([0, 1, 2], [3], [4, 5, 6, 7], binding=[0], prerequisites={1: (3,), 2: (3,)})

    record = run(plan, [FakeHost("local", workers=3)], seconds={0: 0.1, 3: 3.0, 4: 2.0, 5: 2.0, 6: 2.0, 7: 2.0})

    assert 1 == owners(record, 0, 1, 2)


def test_a_binding_unit_whose_worker_dies_moves_in_one_piece():
    """What was given and what was not yet come back together, so that one worker takes them."""
    plan = plan_of(range(12), binding=[0])

    record = run(plan, [FakeHost("local", workers=3)], seconds=0.01, deadly=[4])

    assert 2 == owners(record, *range(12))
    assert 1 == owners(record, *range(5, 12))


def test_batches_grow_with_fast_tests():
    """One case each while nothing is known, then up to four times the last batch, about BATCH_S seconds of work."""
    record = run(plan_of(range(2000)), [ONE], seconds=0.0001)

    assert [1, 1, 8, 32, 128] == [len(batch.cases) for batch in record.batches][:5]
    assert 500 == max(len(batch.cases) for batch in record.batches)


def test_slow_tests_are_handed_out_one_by_one():
    """A worker that has nothing in advance leaves everything to whoever is free."""
    record = run(plan_of(range(20)), [ONE], seconds=0.2)

    assert {1} == {len(batch.cases) for batch in record.batches}


def test_history_sizes_the_first_batch():
    """Known durations fill about 0.05 s: five cases of 0.01 s, and a slow one ends a batch."""
    predicted = dict.fromkeys(range(20), 0.01) | {2: 9.0}

    record = run(plan_of(range(20)), [ONE], predicted=predicted)

    assert [(0, 1, 2), (3, 4, 5, 6, 7)] == [batch.cases for batch in record.batches][:2]


def test_one_slow_test_does_not_hold_up_the_rest():
    """A heavy tail: while one worker is stuck with the slow one, its file goes to the other."""
    record = run(plan_of(range(50)), TWO_WORKERS, seconds=lambda case: 5.0 if case == 3 else 0.1)

    assert record.makespan_s < 5.6


def test_work_is_balanced_between_hosts_of_different_speed():
    """A host four times as fast does about four times as much."""
    plan = plan_of(*([case] for case in range(100)))

    record = run(plan, [FakeHost("slow"), FakeHost("fast", speed=4.0)], seconds=1.0)

    assert record.makespan_s == pytest.approx(20.0, abs=1.0)
    assert 15 <= len(record.cases_on("gw0")) <= 25


# hosts


def test_a_case_is_not_stolen_for_a_host_that_does_not_fit():
    """An idle worker leaves alone what only another host can run."""
    plan = plan_of(range(6), eligible=dict.fromkeys(range(6), frozenset({"gpu"})))

    record = run(plan, [FakeHost("gpu"), FakeHost("cpu")], seconds=1.0)

    assert 6.0 == record.makespan_s
    assert frozenset({"gw0"}) == record.workers_of(*range(6))
    assert "gw1" == record.finished[0]


def test_a_unit_with_different_needs_is_divided_by_hosts():
    """Each part goes where it fits."""
    plan = plan_of(range(4), eligible={1: frozenset({"gpu"}), 3: frozenset({"gpu"})})

    record = run(plan, [FakeHost("cpu"), FakeHost("gpu")], seconds=0.001)

    assert {1, 3} <= set(record.cases_on("gw1"))
    assert {0, 2} >= set(record.cases_on("gw0")) > set()


def test_a_group_goes_to_a_host_that_fits_all_of_it():
    """One member's need is everybody's."""
    plan = plan_of(range(4), binding=[0], eligible={3: frozenset({"gpu"})})

    record = run(plan, [FakeHost("cpu"), FakeHost("gpu")], seconds=1.0)

    assert frozenset({"gw1"}) == record.workers_of(*range(4))


def test_what_a_lost_host_had_goes_to_the_others():
    """Also what it was running, and also when the others had nothing left to do."""
    plan = plan_of(*([case] for case in range(4)))

    record = run(plan, [FakeHost("a"), FakeHost("b", lost_at_s=9.0)], seconds=lambda case: 10.0 if case == 1 else 0.5)

    assert [(1, "b", None), (1, "a", Outcome.PASSED)] == [
        (one.case, one.host, one.outcome) for one in record.ran if one.case == 1
    ]
    assert {0, 1, 2, 3} == {one.case for one in record.ran if one.outcome}


def test_what_only_a_lost_host_could_run_is_not_waited_for():
    """It is unplaced, its dependents are blocked, and the run comes to its end."""
    plan = plan_of([0], [1], [2], [3], prerequisites={2: (0,), 3: (2,)}, eligible={0: frozenset({"gpu"})})

    record = run(plan, [FakeHost("gpu", lost_at_s=0.5), FakeHost("cpu")], seconds=1.0)

    assert [0] == record.unplaced
    assert {2: 0, 3: 2} == record.blocked


# dependencies


@pytest.mark.parametrize("outcome", [o for o in Outcome if not o.is_success and o is not Outcome.BLOCKED])
def test_dependents_of_what_did_not_pass_are_blocked(outcome: Outcome):
    """Each with its own direct culprit."""
    plan = plan_of([0, 1, 2, 3], prerequisites={1: (0,), 2: (1,), 3: (0, 1)})

    record = run(plan, TWO_WORKERS, outcomes={0: outcome})

    assert {1: 0, 2: 1, 3: 0} == record.blocked
    assert [0] == [one.case for one in record.ran]


def test_an_xpassed_prerequisite_counts_as_passed():
    """pytest-dependency's rule: all phases passed."""
    record = run(plan_of([0, 1], prerequisites={1: (0,)}), [ONE], outcomes={0: Outcome.XPASSED})

    assert (0, 1) == record.cases_on("gw0")


def test_a_worker_does_not_idle_while_a_case_waits():
    """A waiting case is passed over; it is run as soon as what it waits for has passed."""
    plan = plan_of([0], [1, 2], prerequisites={1: (0,)})

    record = run(plan, TWO_WORKERS, seconds={0: 1.0, 1: 1.0, 2: 0.5})

    assert 2.0 == record.makespan_s


# protocol with the controller


def told(scheduler: Scheduler, *events: Any, now: float = 0.0) -> list[Any]:
    """Return the answers to *events*, all of them."""
    return [command for event in events for command in scheduler.handle(event, now)]


def test_who_asks_after_the_end_is_told_to_finish():
    """Nothing is open, so nothing will come."""
    scheduler = Scheduler(plan_of(), seams=free_seams)

    assert [Finish("gw0")] == told(scheduler, WorkerReady("gw0", "a"), WorkWanted("gw0"))


def test_after_stop_everybody_is_told_to_finish():
    """Who asks at once, who was held with the next tick, and nobody twice."""
    scheduler = Scheduler(plan_of([0, 1, 2], binding=[0]), seams=free_seams)
    ready = [WorkerReady("gw0", "a"), WorkerReady("gw1", "a")]
    assert [Assign("gw0", (0,)), Hold("gw1")] == told(scheduler, *ready, WorkWanted("gw0"), WorkWanted("gw1"))

    scheduler.stop()

    assert [Finish("gw1")] == told(scheduler, Tick(), Tick())
    assert [Finish("gw0")] == told(scheduler, WorkWanted("gw0"), WorkWanted("gw0"))


def test_a_host_lost_after_stop_unplaces_nothing():
    """The run was called off; what did not run is no longer anybody's concern."""
    scheduler = Scheduler(plan_of([0], eligible={0: frozenset({"a"})}), seams=free_seams)
    scheduler.stop()

    assert [] == told(scheduler, HostLost("a"))
    only_there = Scheduler(plan_of([0], eligible={0: frozenset({"a"})}), seams=free_seams)
    assert [Unplace(0)] == told(only_there, HostLost("a"))


def test_a_worker_that_was_never_ready_gets_no_answer():
    """A replacement that is called off while it collects asks all the same."""
    scheduler = Scheduler(plan_of([0]), seams=free_seams)

    assert [] == told(scheduler, WorkWanted("gw9"), CaseStarted("gw9", 0), WorkerLost("gw9"))


def test_the_running_case_of_a_lost_worker_runs_again_unless_it_ended():
    """Who tells that it crashed ends it first; else it goes back to its place in the plan."""
    for ended in (True, False):
        scheduler = Scheduler(plan_of([0, 1], binding=[0]), seams=free_seams)
        told(scheduler, WorkerReady("gw0", "a"), WorkWanted("gw0"), CaseStarted("gw0", 0))
        if ended:
            told(scheduler, CaseEnded("gw0", 0, Outcome.CRASHED, 0.001))

        again = told(scheduler, WorkerLost("gw0"), WorkerReady("gw1", "a"), WorkWanted("gw1"))

        assert [Assign("gw1", (1,) if ended else (0,))] == again


# size and order


def test_history_that_proves_wrong_keeps_nobody_idle():
    """Cases that took no time in earlier runs take a second each now: the idle worker gets its part."""
    record = run(
        plan_of(range(12)),
        [FakeHost("local", workers=2)],
        seams=seams_at(3),
        predicted=dict.fromkeys(range(12), 0.001),
        seconds=lambda case: 1.0,
    )

    assert 12 == len(record.ran)
    assert record.makespan_s <= 8.0


def test_a_hundred_thousand_cases_take_linear_time():
    """Also in one file, and while many workers wait for something to do."""
    shapes = {
        "many files": (plan_of(*(range(i, i + 100) for i in range(0, 100_000, 100))), 8),
        "one file": (plan_of(range(100_000)), 8),
        "too fast to share": (plan_of(range(5_000)), 16),
        "files that wait": (
            plan_of(
                [0], range(1, 5_001), *(range(i, i + 10) for i in range(10_000, 20_000, 10)),
                binding=[1], prerequisites=dict.fromkeys(range(10_000, 20_000), (0,)),
            ),
            4,
        ),
    }  # fmt: skip
    began = time.process_time()
    for plan, workers in shapes.values():
        slow = {0} if workers == 4 else set()
        seconds = {case: 8.0 if case in slow else 0.0001 for unit in plan.units for case in unit.cases}
        record = run(plan, [FakeHost("local", workers=workers)], seams=seams_at(3), seconds=seconds.__getitem__)
        assert sum(len(unit.cases) for unit in plan.units) == len(record.ran)

    assert time.process_time() - began < 10.0


@given(st.data())
def test_answers_do_not_depend_on_the_order_of_dicts(data: st.DataObject):
    """Plans that are equal lead to the same run, whatever order their mappings were made in."""
    prerequisites = {5: (1,), 7: (0, 2), 3: (1,), 9: (3, 5)}
    eligible = {2: frozenset({"a"}), 6: frozenset({"b"}), 4: frozenset({"a", "b"}), 8: frozenset({"b"})}
    predicted = {case: case / 20 for case in range(10)}

    def shuffled(mapping: dict[Any, Any]) -> dict[Any, Any]:
        return {key: mapping[key] for key in data.draw(st.permutations(list(mapping)))}

    def once(order: Callable[[dict[Any, Any]], dict[Any, Any]]) -> Record:
        plan = plan_of(range(4), range(4, 10), prerequisites=order(prerequisites), eligible=order(eligible))
        hosts = [FakeHost("a", workers=2), FakeHost("b")]
        return run(plan, hosts, predicted=order(predicted), seconds=order(predicted), outcomes={1: Outcome.FAILED})

    assert once(dict) == once(shuffled)


def test_nothing_waits_behind_a_long_case_for_workers_that_are_yet_to_come():
    """A second worker is there only later: what would have been given to the first one behind 4 s is free for it."""
    predicted = {0: 4.0, 1: 1.0, 2: 1.0, 3: 1.0}
    scheduler = Scheduler(plan_of([0, 1, 2, 3]), seams=free_seams, predicted=predicted)
    scheduler.handle(WorkerReady("gw0", "a"), 0.0)
    assert [Assign("gw0", (0,))] == scheduler.handle(WorkWanted("gw0"), 0.0)
    scheduler.handle(CaseStarted("gw0", 0), 0.0)

    assert [Hold("gw0")] == scheduler.handle(WorkWanted("gw0"), 0.0)
    scheduler.handle(WorkerReady("gw1", "a"), 0.3)
    [answer] = scheduler.handle(WorkWanted("gw1"), 0.3)
    assert isinstance(answer, Assign)
    assert "gw1" == answer.worker
