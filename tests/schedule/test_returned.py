"""Cases that are to be run again: by whom, when, and what becomes of them when nobody can."""

from __future__ import annotations

from typing import Any

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Capabilities, Demand, Device, Outcome, Requirement
from pytest_disttest.schedule import (
    Assign,
    CaseEnded,
    CaseReturned,
    CaseStarted,
    Finish,
    Hold,
    NobodyComes,
    Recruit,
    Refuse,
    Scheduler,
    Tick,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing import free_seams, plan_of


def told(scheduler: Scheduler, *events: Any, now: float = 0.0) -> list[Any]:
    """Return the answers to *events*, all of them."""
    return [command for event in events for command in scheduler.handle(event, now)]


def running(*units: Any, hosts: str = "ab", **more: Any) -> Scheduler:
    """Return a scheduler with a worker on each of *hosts*, the first of which runs the first case."""
    scheduler = Scheduler(plan_of(*units, **more), seams=free_seams)
    told(scheduler, *(WorkerReady(f"gw{number}", host) for number, host in enumerate(hosts)), WorkWanted("gw0"))
    told(scheduler, CaseStarted("gw0", units[0][0]))
    return scheduler


def test_it_is_run_again_by_others():
    """The host that is shunned does not get it, and goes on with the rest."""
    scheduler = running([0], [1])

    assert [] == told(scheduler, CaseReturned("gw0", 0, frozenset("a")))
    assert 2 == scheduler.remaining
    assert [Assign("gw0", (1,)), Assign("gw1", (0,))] == told(scheduler, WorkWanted("gw0"), WorkWanted("gw1"))


def test_a_worker_stays_for_a_group_that_it_was_shunned_for_once_the_case_that_it_was_shunned_for_has_ended():
    """The group's worker may be lost, and then it is needed."""
    scheduler = Scheduler(plan_of([0, 1], binding=[0]), seams=free_seams, predicted=dict.fromkeys(range(2), 10.0))
    told(scheduler, WorkerReady("gw0", "a"), WorkerReady("gw1", "a"), WorkWanted("gw0"))
    told(scheduler, CaseReturned("gw0", 0, frozenset({"gw0", "gw1"})), WorkerLost("gw0"), WorkerReady("gw2", "a"))
    assert [Assign("gw2", (0,))] == told(scheduler, WorkWanted("gw2"))
    assert [] == told(scheduler, CaseStarted("gw2", 0), CaseEnded("gw2", 0, Outcome.PASSED, 10.0))

    assert [Hold("gw1")] == told(scheduler, WorkWanted("gw1"))
    assert [Assign("gw1", (1,))] == told(scheduler, WorkerLost("gw2"))


def test_it_is_found_by_whoever_waits_behind_one_that_is_shunned():
    """Also where it asks for something of the host: that one finds nothing does not mean that its neighbours do not."""
    gpu = Demand(((Requirement("gpu.count", ">=", 1),),))
    ledger = Ledger("a", Capabilities({"cpu.processors": 4}, (Device("gpu", "a0"),)), workers=2)
    scheduler = Scheduler(plan_of([0]), seams=free_seams, demands={0: gpu}, ledgers={"a": ledger})
    told(scheduler, WorkerReady("gw0", "a"), WorkerReady("gw1", "a"), WorkWanted("gw0"), CaseStarted("gw0", 0))
    told(scheduler, CaseReturned("gw0", 0, frozenset({"gw0"}), due_s=5.0), WorkWanted("gw0"), WorkWanted("gw1"))

    finish, again = told(scheduler, Tick(), now=5.0)

    assert Finish("gw0") == finish
    assert ("gw1", (0,)) == (again.worker, again.cases)


def test_it_comes_before_all_else():
    """Its attempts stand close together."""
    scheduler = running([0], [1], [2], hosts="aa")

    told(scheduler, CaseReturned("gw0", 0))

    assert [Assign("gw1", (0,))] == told(scheduler, WorkWanted("gw1"))


def test_those_who_wait_hear_of_it_when_its_time_has_come():
    """Nobody is sent home meanwhile."""
    scheduler = running([0])
    told(scheduler, CaseReturned("gw0", 0, due_s=5.0), now=1.0)

    assert [Hold("gw1"), Hold("gw0")] == told(scheduler, WorkWanted("gw1"), WorkWanted("gw0"), Tick(), now=2.0)
    assert [Assign("gw1", (0,))] == told(scheduler, Tick(), now=5.0)


def test_workers_are_kept_for_what_may_return():
    """One that runs the last test that may fail and be run again is not told that nothing comes."""
    scheduler = Scheduler(plan_of([0]), seams=free_seams)
    scheduler.keep_workers_for({0})
    told(scheduler, WorkerReady("gw0", "a"), WorkWanted("gw0"), CaseStarted("gw0", 0))

    assert [Hold("gw0")] == told(scheduler, WorkWanted("gw0"))
    assert [Assign("gw0", (0,))] == told(scheduler, CaseReturned("gw0", 0))
    assert [Hold("gw0")] == told(scheduler, WorkWanted("gw0"))
    assert [Finish("gw0")] == told(scheduler, CaseEnded("gw0", 0, Outcome.PASSED, 1.0))


def test_where_all_are_shunned_somebody_is_sought():
    """A fresh worker takes it first, whoever is there before it."""
    scheduler = running([0], [1], hosts="aa")

    assert [Recruit(0)] == told(scheduler, CaseReturned("gw0", 0, frozenset({"gw0", "gw1"})))
    assert [Recruit(0), Assign("gw1", (1,))] == told(scheduler, WorkerLost("gw0"), WorkWanted("gw1"))
    assert [Assign("gw2", (0,))] == told(scheduler, WorkerReady("gw2", "a"), WorkWanted("gw2"))


def test_where_nobody_comes_those_who_are_there_must_do():
    """The wish is given up, not the case."""
    scheduler = running([0], hosts="aa")
    assert [Recruit(0)] == told(scheduler, CaseReturned("gw0", 0, frozenset("a")))

    assert [] == told(scheduler, NobodyComes(0))
    assert [Assign("gw1", (0,))] == told(scheduler, WorkWanted("gw1"))


def test_where_nobody_comes_for_a_case_of_a_group_the_wish_is_given_up_for_what_else_came_back_of_it():
    """It stays together, with whoever had to take the first."""
    scheduler = Scheduler(plan_of([0, 1], binding=[0]), seams=free_seams, predicted=dict.fromkeys(range(2), 10.0))
    told(scheduler, WorkerReady("gw0", "a"), WorkerReady("gw1", "a"))
    for case in range(2):
        assert [Assign("gw0", (case,))] == told(scheduler, WorkWanted("gw0"))
        told(scheduler, CaseStarted("gw0", case), CaseReturned("gw0", case, frozenset("a"), due_s=5.0 + case))
    told(scheduler, WorkerLost("gw0"))
    assert {Recruit(0), Recruit(1)} <= {*told(scheduler, Tick(), now=5.0), *told(scheduler, Tick(), now=6.0)}

    told(scheduler, NobodyComes(0), now=7.0)

    for case in range(2):
        assert [Assign("gw1", (case,))] == told(scheduler, WorkWanted("gw1"), now=7.0)
        told(scheduler, CaseEnded("gw1", case, Outcome.PASSED, 10.0), now=7.0)


def test_where_nobody_is_left_it_is_given_up():
    """So that those who wait for it hear of it."""
    scheduler = running([0], hosts="a")
    assert [Finish("gw0"), Recruit(0)] == told(scheduler, WorkWanted("gw0"), CaseReturned("gw0", 0, frozenset("a")))

    assert [Refuse(0)] == told(scheduler, NobodyComes(0))
    assert 0 == scheduler.remaining


def test_a_group_stays_with_its_worker():
    """Its tests never run side by side, not even again: the worker goes on with it where it was."""
    scheduler = running([0, 1, 2], hosts="ab", binding=[0])
    assert (0,) == scheduler.given("gw0")

    assert [] == told(scheduler, CaseReturned("gw0", 0, frozenset("a")))

    assert [Hold("gw1"), Assign("gw0", (0,))] == told(scheduler, WorkWanted("gw1"), WorkWanted("gw0"))


def test_a_group_that_was_handed_out_whole_waits_for_its_worker():
    """What the worker still has of it comes first, then the group goes on, there or elsewhere."""
    plan = plan_of([0, 1], binding=[0])
    scheduler = Scheduler(plan, seams=free_seams, predicted={0: 0.001, 1: 0.001})
    told(scheduler, WorkerReady("gw0", "a"), WorkerReady("gw1", "b"), WorkWanted("gw0"), CaseStarted("gw0", 0))
    assert (0, 1) == scheduler.given("gw0")
    assert [Hold("gw1")] == told(scheduler, WorkWanted("gw1"))

    assert [] == told(scheduler, CaseReturned("gw0", 0, frozenset("a")), CaseStarted("gw0", 1))
    assert [Assign("gw1", (0,))] == told(scheduler, CaseEnded("gw0", 1, Outcome.PASSED, 0.1))
