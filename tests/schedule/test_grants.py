"""Cases that ask for something of their host: who gets what, and that nobody gets it twice, in whole runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_disttest.model import Capabilities, Demand, Device, Outcome, Plan, Requirement, Value
from pytest_disttest.schedule import (
    Assign,
    CaseEnded,
    DeviceBack,
    DeviceHeld,
    DeviceLost,
    DevicesBusy,
    Finish,
    Hold,
    HostLost,
    Scheduler,
    Unplace,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing import FakeHost, Ran, Record, drive, free_seams, ledgers_of, plan_of

GPU = Demand(((Requirement("gpu.count", ">=", 1),),))
ALONE = Demand(exclusive="host")


def box(name: str = "box", *, workers: int = 4, gpus: int = 0, processors: int = 4, gib: int = 16, speed: float = 1.0,
        **facts: Value) -> FakeHost:  # fmt: skip
    """Return a host with so many GPUs."""
    devices = tuple(Device("gpu", f"{name}{place}", {"gpu.memory": 2**33}) for place in range(gpus))
    found = {"cpu.processors": processors, "memory": gib * 2**30, **facts}
    return FakeHost(name, workers, speed, capabilities=Capabilities(found, devices, hw_class=name))


def cores(count: int) -> Demand:
    return Demand(((Requirement("cpu.processors", ">=", count),),))


def run(plan: Plan, hosts: Sequence[FakeHost], demands: Mapping[int, Demand], **world: Any) -> Record:
    """Let the real scheduler run *plan*; nobody may be left waiting, and no host overfilled."""
    known = world.pop("predicted", None)
    scheduler = Scheduler(plan, seams=free_seams, predicted=known, demands=demands, ledgers=ledgers_of(hosts))
    record = drive(scheduler, hosts, **world)
    assert [] == record.waiting
    return record


def ran(record: Record, case: int) -> Ran:
    """Return how *case* ran, which it did once."""
    (found,) = [one for one in record.ran if one.case == case]
    return found


def overlap(record: Record, *cases: int) -> int:
    """Return how many of *cases* ran at the same time at most."""
    mine = [one for one in record.ran if one.case in cases]
    return max(sum(one.started_s <= other.started_s < one.ended_s for one in mine) for other in mine)


def test_two_gpus_serve_two_tests_at_once():
    """Six GPU tests of a second on four workers take three seconds, each with a whole GPU in its grant."""
    demands = dict.fromkeys(range(6), GPU)
    record = run(plan_of(*([case] for case in range(6))), [box(gpus=2)], demands, seconds=1.0)

    assert 2 == overlap(record, *range(6))
    assert record.makespan_s == pytest.approx(3.0, abs=0.2)
    assert {("box0",), ("box1",)} == {tuple(d.id for d in one.grant.devices) for one in record.ran if one.grant}


def test_plain_tests_use_the_workers_that_no_gpu_is_left_for():
    """One GPU test after the other on one worker, the plain ones on the others meanwhile."""
    demands = dict.fromkeys(range(3), GPU)
    plan = plan_of(*([case] for case in range(12)))
    record = run(plan, [box(gpus=1)], demands, seconds=1.0, predicted=dict.fromkeys(range(12), 1.0))

    assert record.makespan_s == pytest.approx(3.0, abs=0.2)


def test_a_costly_case_goes_alone():
    """Never in a batch, and never in hand before it can begin."""
    demands = {1: GPU, 4: GPU}
    record = run(plan_of(range(8)), [box(gpus=1)], demands, seconds=0.001)

    alone = [batch for batch in record.batches if {1, 4} & {*batch.cases}]
    assert [1, 1] == [len(batch.cases) for batch in alone]
    assert [1, 1] == [len(batch.grants) for batch in alone]
    assert all(not batch.grants for batch in record.batches if batch not in alone)


def test_four_cores_are_four_workers():
    """A test that takes all cores runs beside nothing, though nobody said exclusive."""
    plan = plan_of(*([case] for case in range(10)))
    record = run(plan, [box()], {0: cores(4)}, seconds=0.2)

    big = ran(record, 0)
    assert not [one for one in record.ran if one.case and one.started_s < big.ended_s and one.ended_s > big.started_s]


@pytest.mark.parametrize("demand", [ALONE, cores(4)])
def test_a_case_that_needs_a_drained_host_is_not_overtaken_for_ever(demand: Demand):
    """It becomes ready late, while plain tests keep all workers busy: it runs long before they are through."""
    plan = plan_of(*([case] for case in range(402)), prerequisites={401: (400,)})
    record = run(plan, [box()], {401: demand}, seconds=lambda case: 0.03 + 0.007 * (case % 5))

    freed_s, began_s = ran(record, 400).ended_s, ran(record, 401).started_s
    assert record.makespan_s > 4.0
    assert began_s - freed_s < 1.0


def test_plain_tests_go_on_while_a_case_waits_for_a_gpu_that_is_busy():
    """What a waiting case lacks is not what they take: the host is not reserved for it."""
    plan = plan_of(*([case] for case in range(302)))
    times = {0: 5.0, 1: 5.0}
    record = run(plan, [box(gpus=1)], {0: GPU, 1: GPU}, seconds=lambda case: times.get(case, 0.05), predicted=times)

    plain_s = max(one.ended_s for one in record.ran if one.case > 1)
    assert plain_s < 6.0
    assert record.makespan_s == pytest.approx(10.0, abs=0.3)


def test_a_large_share_is_not_starved_by_small_ones():
    """Tests that take a quarter of the GPU come and go; the one that wants all of it gets its turn."""
    quarter, whole = GPU._replace(share=0.25), GPU
    demands = dict.fromkeys(range(100), quarter) | {100: whole}
    plan = plan_of(*([case] for case in range(101)), prerequisites={100: (0,)})
    record = run(plan, [box(gpus=1)], demands, seconds=lambda case: 0.1 + 0.01 * (case % 7))

    assert overlap(record, *range(100)) == 4
    assert ran(record, 100).started_s < record.makespan_s * 0.75


def test_a_case_that_no_host_could_ever_serve_is_unplaced_up_front():
    """Two GPUs where every host has one; whoever depends on it is blocked, all else runs."""
    two = Demand(((Requirement("gpu.count", ">=", 2),),))
    plan = plan_of(range(4), prerequisites={1: (0,)})
    record = run(plan, [box(gpus=1), box("other", gpus=1)], {0: two, 2: GPU})

    assert ([0], {1: 0}) == (record.unplaced, record.blocked)
    assert {2, 3} == {one.case for one in record.ran}


def test_a_costly_case_goes_only_where_its_host_has_room_for_it():
    """A pool of a license server is said of one host alone."""
    license_ = Demand(((Requirement("resource.license", ">=", 1),),))
    hosts = [box("a"), box("b", **{"resource.license": 1})]
    record = run(plan_of(*([case] for case in range(8))), hosts, dict.fromkeys(range(4), license_), seconds=0.1)

    assert {"b"} == {ran(record, case).host for case in range(4)}
    assert 1 == overlap(record, 0, 1, 2, 3)


def test_a_worker_that_dies_gives_back_what_it_held():
    """The GPU of a crashed test serves the next one."""
    record = run(plan_of(*([case] for case in range(4))), [box(gpus=1)], dict.fromkeys(range(4), GPU), deadly=[0, 2])

    assert [Outcome.CRASHED, Outcome.PASSED] * 2 == [ran(record, case).outcome for case in range(4)]


def test_a_lost_host_takes_nothing_along_but_what_only_it_could_run():
    """GPU tests move to the other GPU; what asks for the lost host's license is unplaced."""
    license_ = Demand(((Requirement("resource.license", ">=", 1),),))
    lost = box("a", gpus=1, **{"resource.license": 1})
    lost = FakeHost("a", 4, lost_at_s=0.5, capabilities=lost.capabilities)
    demands = {**dict.fromkeys(range(4), GPU), **dict.fromkeys(range(4, 8), license_)}
    record = run(plan_of(*([case] for case in range(8))), [lost, box("b", gpus=1)], demands, seconds=0.4)

    assert set(record.unplaced) <= {4, 5, 6, 7}
    assert record.unplaced
    passed = {one.case for one in record.ran if one.outcome is Outcome.PASSED}
    assert {*range(8)} - {*record.unplaced} == passed


def test_a_lost_device_is_given_to_nobody_any_more():
    """Its last test runs on; the others go to the other GPU, and what needs both is unplaced."""
    two = Demand(((Requirement("gpu.count", ">=", 2),),))
    base = box(gpus=2)
    host = FakeHost("box", 4, capabilities=base.capabilities, lost_devices=((1.5, "gpu", "box0"),))
    demands = {**dict.fromkeys(range(6), GPU), 6: two}
    plan = plan_of(*([case] for case in range(7)), prerequisites={6: (5,)})
    record = run(plan, [host], demands, seconds=1.0)

    assert [6] == record.unplaced
    late = [one for one in record.ran if one.started_s > 1.5]
    assert late
    assert {("box1",)} == {tuple(device.id for device in one.grant.devices) for one in late if one.grant}


def test_a_group_with_costly_cases_stays_on_one_worker():
    """Each of its cases waits for its own room, in order, and nobody else goes on with the group."""
    plan = plan_of([0, 1, 2, 3, 4], *([case] for case in range(5, 60)), binding=[0])
    record = run(plan, [box(gpus=1)], {1: GPU, 3: ALONE, 5: GPU, 6: GPU}, seconds=0.05)

    assert 1 == len(record.workers_of(0, 1, 2, 3, 4))
    assert [0, 1, 2, 3, 4] == sorted(range(5), key=lambda case: ran(record, case).started_s)


def test_a_group_whose_host_lost_its_device_goes_elsewhere_as_a_whole_when_its_first_case_could_not_begin():
    """Another run holds the device that the first was granted, and it is gone too: none is left with that worker."""
    hosts, one = [box("a", gpus=1), box("b", gpus=1)], plan_of([0, 1, 2], binding=[0])
    scheduler = Scheduler(one, seams=free_seams, demands=dict.fromkeys(range(3), GPU), ledgers=ledgers_of(hosts))
    for told in (WorkerReady("gw0", "a"), WorkerReady("gw1", "b"), WorkWanted("gw0")):
        given = scheduler.handle(told, 0.0)
    assert [(0,)] == [command.cases for command in given if isinstance(command, Assign)]
    scheduler.handle(DeviceLost("a", "gpu", "a0"), 0.0)
    scheduler.handle(DevicesBusy("gw0", 0), 0.0)

    for case in range(3):
        told = [command for command in scheduler.handle(WorkWanted("gw1"), 1.0) if isinstance(command, Assign)]
        assert [("gw1", (case,))] == [(command.worker, command.cases) for command in told]
        scheduler.handle(CaseEnded("gw1", case, Outcome.PASSED, 0.1), 1.0)
    assert [] == scheduler.open_cases


@pytest.mark.parametrize("event", [DeviceBack, DeviceLost])
def test_who_needs_a_device_that_is_repaired_waits_for_what_becomes_of_it(event: type[DeviceBack | DeviceLost]):
    """Nobody is given it, the other one is; then it is given, or what only it could run is unplaced."""
    hosts, two = [box(gpus=2)], Demand(((Requirement("gpu.count", ">=", 2),),))
    plan = plan_of(*([case] for case in range(2)))
    scheduler = Scheduler(plan, seams=free_seams, demands={0: GPU, 1: two}, ledgers=ledgers_of(hosts))
    scheduler.handle(DeviceHeld("box", "gpu", "box0"), 0.0)
    scheduler.handle(WorkerReady("gw0", "box"), 0.0)

    (given,) = [one for one in scheduler.handle(WorkWanted("gw0"), 0.0) if isinstance(one, Assign)]
    assert ((0,), "box1") == (given.cases, given.grants[0].devices[0].id)
    scheduler.handle(CaseEnded("gw0", 0, Outcome.PASSED, 0.1), 1.0)
    assert [Hold("gw0")] == scheduler.handle(WorkWanted("gw0"), 1.0)
    assert [1] == scheduler.open_cases

    told = scheduler.handle(event("box", "gpu", "box0"), 100.0)
    if event is DeviceBack:
        assert [(1,)] == [one.cases for one in told if isinstance(one, Assign)]
    else:
        assert [Unplace, Finish] == [type(one) for one in told]


def test_a_device_that_is_back_on_a_host_that_is_gone_leaves_nobody_waiting():
    """A group that only that host could run as a whole hears of it, too."""
    hosts, two = [box("a", gpus=2), box("b", gpus=1)], Demand(((Requirement("gpu.count", ">=", 2),),))
    plan = plan_of([0, 1], [2], binding=[0])
    scheduler = Scheduler(plan, seams=free_seams, demands={1: two, 2: GPU}, ledgers=ledgers_of(hosts))
    assert [Unplace] == [type(one) for one in scheduler.handle(DeviceLost("a", "gpu", "a0"), 0.0)]
    scheduler.handle(HostLost("a"), 0.0)

    assert [0] == [one.case for one in scheduler.handle(DeviceBack("a", "gpu", "a0"), 1.0) if isinstance(one, Unplace)]
    assert [2] == scheduler.open_cases


def test_a_class_of_costly_cases_keeps_to_a_worker_while_that_pays():
    """Two classes of quick GPU tests on two GPUs: a class each, as with plain tests."""
    plan = plan_of(range(8), range(8, 16))
    record = run(plan, [box(gpus=2)], dict.fromkeys(range(16), GPU), seconds=0.02)

    assert (1, 1) == (len(record.workers_of(*range(8))), len(record.workers_of(*range(8, 16))))


def test_a_long_class_of_costly_cases_is_shared():
    """One class of slow GPU tests does not leave the second GPU idle."""
    record = run(plan_of(range(8)), [box(gpus=2)], dict.fromkeys(range(8), GPU), seconds=1.0)

    assert record.makespan_s < 5.5


def test_io_heavy_tests_spare_a_disk_that_turns():
    """One at a time there, two elsewhere."""
    heavy = Demand(workload="io")
    for rotational, most in ((True, 1), (False, 2)):
        plan = plan_of(*([case] for case in range(6)))
        record = run(plan, [box(**{"disk.rotational": rotational})], dict.fromkeys(range(6), heavy), seconds=0.5)
        assert most == overlap(record, *range(6))
