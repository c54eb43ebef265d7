"""Cases that a worker could not collect after all: who is given them next, and when that is hopeless."""

from __future__ import annotations

from typing import Any

from pytest_disttest.schedule import (
    Assign,
    Block,
    CasesRefused,
    CaseStarted,
    Finish,
    Hold,
    Refuse,
    Scheduler,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing import FakeHost, Sharded, drive, free_seams, plan_of


def told(scheduler: Scheduler, *events: Any, now: float = 0.0) -> list[Any]:
    """Return the answers to *events*, all of them."""
    return [command for event in events for command in scheduler.handle(event, now)]


def owner_and_thief(*files: Any, **more: Any) -> Scheduler:
    """Return a scheduler that knows gw0, which has collected all *files*, and gw1, which was given the last."""
    scheduler = Scheduler(plan_of(*files, **more), seams=free_seams)
    everything = {case for file in files for case in file}
    told(scheduler, WorkerReady("gw0", "a", everything), WorkerReady("gw1", "a", ()), WorkWanted("gw1"))
    return scheduler


def test_what_is_refused_goes_to_its_owner():
    """And never again to the worker that refused it."""
    scheduler = owner_and_thief([0], [1], [2])
    assert (2,) == scheduler.given("gw1")

    told(scheduler, CasesRefused("gw1", (2,)))
    asked = told(scheduler, WorkWanted("gw0"), WorkWanted("gw0"), WorkWanted("gw0"), WorkWanted("gw1"))

    assert [Assign("gw0", (0,)), Assign("gw0", (1,)), Assign("gw0", (2,))] == asked[:3]
    assert 3 == scheduler.remaining


def test_what_every_worker_refused_is_told():
    """With those that wait for it."""
    scheduler = Scheduler(plan_of([0, 1], prerequisites={1: (0,)}), seams=free_seams)
    told(scheduler, WorkerReady("gw0", "a", ()), WorkerReady("gw1", "a", ()), WorkWanted("gw0"))
    assert [] == told(scheduler, CasesRefused("gw0", (0,)))

    assert [Assign("gw1", (0,))] == told(scheduler, WorkWanted("gw1"))
    assert [Refuse(0), Block(1, 0)] == told(scheduler, CasesRefused("gw1", (0,)))
    assert 0 == scheduler.remaining


def test_it_is_hopeless_too_when_the_owner_dies():
    """Nobody is left but those that refused it."""
    scheduler = owner_and_thief([0], [1], [2])
    told(scheduler, CasesRefused("gw1", (2,)))

    assert [Refuse(2)] == told(scheduler, WorkerLost("gw0"))


def test_a_worker_on_another_host_does_not_count_where_the_case_does_not_fit():
    """Only who may run it is asked."""
    scheduler = Scheduler(plan_of([0], eligible={0: frozenset({"gpu"})}), seams=free_seams)
    told(scheduler, WorkerReady("gw0", "gpu", ()), WorkerReady("gw1", "cpu", ()), WorkWanted("gw0"))

    assert [Refuse(0)] == told(scheduler, CasesRefused("gw0", (0,)))


def test_a_group_goes_on_elsewhere_in_one_piece():
    """Whoever refused a part of it is not given the rest, if another worker may take all."""
    scheduler = Scheduler(plan_of(range(4), binding=[0]), seams=free_seams)
    told(scheduler, WorkerReady("gw0", "a", ()), WorkerReady("gw1", "a", ()), WorkWanted("gw0"))

    told(scheduler, CasesRefused("gw0", (0,)))

    assert [Finish("gw0"), Assign("gw1", (0,))] == told(scheduler, WorkWanted("gw0"), WorkWanted("gw1"))


def test_a_group_that_nobody_can_collect_whole_is_run_in_part():
    """The case that cannot be had is told; the others run."""
    scheduler = Scheduler(plan_of(range(3), binding=[0]), seams=free_seams)
    told(scheduler, WorkerReady("gw0", "a", ()), WorkWanted("gw0"))

    assert [Refuse(0)] == told(scheduler, CasesRefused("gw0", (0,)))
    assert [Assign("gw0", (1,))] == told(scheduler, WorkWanted("gw0"))


def test_a_group_moves_on_only_when_its_first_worker_has_ended_its_part():
    """Two workers never have parts of one group at the same time."""
    scheduler = Scheduler(plan_of(range(3), binding=[0]), seams=free_seams, predicted=dict.fromkeys(range(3), 0.02))
    told(scheduler, WorkerReady("gw0", "a", ()), WorkerReady("gw1", "a", ()), WorkWanted("gw0"))
    assert (0, 1) == scheduler.given("gw0")[:2]

    told(scheduler, CasesRefused("gw0", (1,)), CaseStarted("gw0", 0))

    assert [Hold("gw1")] == told(scheduler, WorkWanted("gw1"))


def test_a_stranger_refuses_nothing():
    """What a lost worker says late, or what it was never given, changes nothing."""
    scheduler = owner_and_thief([0], [1], [2])

    assert [] == told(scheduler, CasesRefused("gw9", (0,)), CasesRefused("gw1", (0, 1)))
    assert ((), (2,)) == (scheduler.given("gw0"), scheduler.given("gw1"))


def test_parameters_that_only_their_owner_knows_all_run():
    """Random ids: whoever else is given them refuses, and each still runs exactly once."""
    files = [range(first, first + 4) for first in range(0, 80, 4)]
    alone = [case for case in range(80) if case % 4 == 1]

    record = drive(
        Scheduler(plan_of(*files), seams=free_seams), [FakeHost("a", workers=3), FakeHost("b")],
        seconds=lambda case: 0.2 if case < 20 else 0.01, sharded=Sharded(files, collect_s=0.01, alone=alone),
    )  # fmt: skip

    assert (sorted(range(80)), [], []) == (sorted(one.case for one in record.ran), record.refused, record.waiting)
