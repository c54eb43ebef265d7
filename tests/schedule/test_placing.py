"""Where cases run in a fleet of hosts that differ: special hosts stay free, preferences count, nobody waits in vain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_disttest.model import Capabilities, Demand, Device, Plan, Preference, Requirement
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.granting import MOST_CHOICES
from pytest_disttest.testing import FakeHost, Record, drive, free_seams, ledgers_of, plan_of

GIB = 2**30
GPU = Demand(((Requirement("gpu.count", ">=", 1),),))
MEMORY = Demand(((Requirement("memory", ">=", 4 * GIB),),))


def host(name: str, *, gpus: int = 0, workers: int = 1, speed: float = 1.0, gib: int = 16, os: str = "linux",
         processors: int = 4) -> FakeHost:  # fmt: skip
    """Return a host that is the only one of its class."""
    devices = tuple(Device("gpu", f"{name}{place}", {"gpu.memory": 8 * GIB}) for place in range(gpus))
    facts = {"cpu.processors": processors, "memory": gib * GIB, "os": os}
    return FakeHost(name, workers, speed, capabilities=Capabilities(facts, devices, hw_class=f"class-{name}"))


def likes(key: str, operator: str, value: Any, *, weight: float = 1.0, demand: Demand = MEMORY) -> Demand:
    return demand._replace(prefer=(Preference(Requirement(key, operator, value), weight),))


def alone(count: int) -> Plan:
    """Return a plan of so many cases, each a file of its own."""
    return plan_of(*([case] for case in range(count)))


def run(plan: Plan, hosts: Sequence[FakeHost], demands: dict[int, Demand], **world: Any) -> tuple[Record, Scheduler]:
    """Let the real scheduler run *plan*; nobody may be left waiting, and no host overfilled."""
    more = {name: world.pop(name) for name in ("predicted", "predicted_on", "reliability", "memory") if name in world}
    scheduler = Scheduler(plan, seams=free_seams, demands=demands, ledgers=ledgers_of(hosts), **more)
    record = drive(scheduler, hosts, **world)
    assert [] == record.waiting
    return record, scheduler


def places(record: Record) -> dict[int, str]:
    """Return where each case ran."""
    return {one.case: one.host for one in record.ran}


def both_ways(hosts: Sequence[FakeHost]) -> list[Sequence[FakeHost]]:
    """Return the hosts in both orders: whoever asks first must not decide."""
    return [hosts, hosts[::-1]]


# special hosts


@pytest.mark.parametrize("hosts", both_ways([host("gpu", gpus=1), host("plain")]))
def test_a_gpu_host_takes_gpu_tests_before_others(hosts: Sequence[FakeHost]):
    """Four GPU tests at the end of the plan, four plain ones before them: each kind on its host, in four seconds."""
    record, _ = run(
        alone(8), hosts, dict.fromkeys(range(4, 8), GPU), seconds=1.0, predicted=dict.fromkeys(range(8), 1.0)
    )

    assert {case: "gpu" if case > 3 else "plain" for case in range(8)} == places(record)


@pytest.mark.parametrize("hosts", both_ways([host("gpu", gpus=1), host("plain")]))
def test_what_fits_both_leaves_the_gpu_host_free(hosts: Sequence[FakeHost]):
    """A test that asks for memory alone goes where there is nothing else to be had."""
    plan = plan_of([0], [1], prerequisites={1: (0,)})
    record, scheduler = run(plan, hosts, {1: MEMORY}, seconds=1.0)

    assert "plain" == places(record)[1]
    ((name, other),) = scheduler.choices[1].alternatives
    assert ("gpu", True) == (name, other.fit < scheduler.choices[1].vector.fit)


@pytest.mark.parametrize("hosts", both_ways([host("big", gib=64, processors=16), host("small", gib=8)]))
def test_the_smallest_host_that_suffices_is_taken(hosts: Sequence[FakeHost]):
    """Best fit: large hosts stay free for what needs them."""
    plan = plan_of([0], [1], prerequisites={1: (0,)})
    record, _ = run(plan, hosts, {1: MEMORY}, seconds=1.0)

    assert "small" == places(record)[1]


@pytest.mark.parametrize("hosts", both_ways([host("gpu", gpus=1), host("plain")]))
def test_a_plain_test_prefers_a_plain_host_that_has_room(hosts: Sequence[FakeHost]):
    """Both hosts are idle when it becomes ready, and a GPU test is still to come."""
    plan = plan_of([0], [1], [2], prerequisites={1: (0,), 2: (1,)})
    record, _ = run(plan, hosts, {2: GPU}, seconds=1.0)

    assert ("plain", "gpu") == (places(record)[1], places(record)[2])


@pytest.mark.parametrize("hosts", both_ways([host("gpu", gpus=1), host("plain")]))
def test_a_special_host_is_not_spared_where_that_costs_time(hosts: Sequence[FakeHost]):
    """Twenty tests that fit both take ten seconds, not twenty."""
    record, _ = run(alone(20), hosts, dict.fromkeys(range(20), MEMORY), seconds=1.0)

    assert record.makespan_s < 11.5


def test_what_few_hosts_can_run_comes_first():
    """The GPU host runs its GPU tests, though tests for either host stand before them in the plan."""
    demands = {**dict.fromkeys(range(4), MEMORY), **dict.fromkeys(range(4, 8), GPU)}
    record, _ = run(alone(8), [host("gpu", gpus=1), host("plain")], demands, seconds=1.0)

    assert record.makespan_s < 4.5
    assert {"gpu"} == {places(record)[case] for case in range(4, 8)}


# preferences


@pytest.mark.parametrize("hosts", both_ways([host("mac", os="macos"), host("box")]))
def test_a_preferred_host_is_taken_where_it_is_free(hosts: Sequence[FakeHost]):
    """Though all hosts fit alike."""
    plan = plan_of([0], [1], prerequisites={1: (0,)})
    for system, name in (("macos", "mac"), ("linux", "box")):
        record, scheduler = run(plan, hosts, {1: likes("os", "=", system)}, seconds=1.0)
        assert name == places(record)[1]
        assert 1.0 == scheduler.choices[1].vector.preference


def test_a_preference_alone_asks_for_no_grant():
    """It says where a test would rather run, and takes nothing: quick ones travel together."""
    hosts = [host("mac", os="macos"), host("box")]
    likings = dict.fromkeys(range(40), likes("os", "=", "macos", demand=Demand()))
    record, _ = run(plan_of(range(40)), hosts, likings, seconds=0.001)

    assert {"mac"} == {*places(record).values()}
    assert all(not batch.grants for batch in record.batches)
    assert len(record.batches) < 20


def test_nobody_waits_long_for_a_preferred_host():
    """Twenty tests would all rather run on one of two equal hosts: both are used."""
    hosts = [host("mac", os="macos"), host("box")]
    likings = dict.fromkeys(range(20), likes("os", "=", "macos"))
    record, _ = run(alone(20), hosts, likings, seconds=1.0, predicted=dict.fromkeys(range(20), 1.0))

    assert record.makespan_s < 12.0


def test_more_is_better_where_a_test_would_have_the_most():
    """``max`` gives a part of its weight, in proportion."""
    hosts = [host("small", gib=8), host("middle", gib=16), host("large", gib=32)]
    plan = plan_of([0], [1], prerequisites={1: (0,)})
    record, scheduler = run(plan, hosts, {1: likes("memory", "max", 0)}, seconds=1.0)

    found = dict(scheduler.choices[1].alternatives)
    assert "large" == places(record)[1]
    assert (0.0, pytest.approx(1 / 3)) == (found["small"].preference, found["middle"].preference)


# time


def test_a_fast_host_is_waited_for_where_that_ends_earlier():
    """On the slow one the test takes ten seconds, on the other one, which is busy for one: it ends after two."""
    hosts = [host("fast", gpus=1), host("slow", gpus=1, speed=0.1)]
    demands = {0: GPU, 1: GPU}
    on = {(case, f"class-{name}"): s for case in demands for name, s in (("fast", 1.0), ("slow", 10.0))}
    record, _ = run(alone(2), hosts, demands, seconds=1.0, predicted_on=on)

    assert {0: "fast", 1: "fast"} == places(record)
    assert record.makespan_s == pytest.approx(2.0, abs=0.1)


def test_patience_ends_when_what_was_waited_for_is_overdue():
    """The fast host was to be free after a second, and is not: the slow one goes ahead."""
    hosts = [host("fast", gpus=1), host("slow", gpus=1, speed=0.25)]
    demands = {0: GPU, 1: GPU}
    on = {(case, f"class-{name}"): s for case in demands for name, s in (("fast", 1.0), ("slow", 4.0))}
    record, _ = run(alone(2), hosts, demands, seconds={0: 100.0, 1: 1.0}, predicted_on=on)

    assert {0: "fast", 1: "slow"} == places(record)
    (late,) = [one for one in record.ran if one.case == 1]
    assert late.started_s < 10.0


def test_a_class_of_machines_is_as_fast_as_it_proves_to_be():
    """One host takes four times as long as history says, whatever the test: it gets fewer of them."""
    hosts = [host("fast", gpus=1), host("slow", gpus=1, speed=0.25)]
    record, _ = run(
        alone(30), hosts, dict.fromkeys(range(30), GPU), seconds=1.0, predicted=dict.fromkeys(range(30), 1.0)
    )

    assert record.makespan_s < 28.0
    assert list(places(record).values()).count("slow") < 8


# reliability, warmth, and what is kept


@pytest.mark.parametrize("hosts", both_ways([host("steady", gpus=1), host("flaky", gpus=1)]))
def test_of_equal_hosts_the_reliable_one_is_taken(hosts: Sequence[FakeHost]):
    """As long as it is free."""
    plan = plan_of([0], [1], prerequisites={1: (0,)})
    record, _ = run(plan, hosts, {1: GPU}, seconds=1.0, reliability={"flaky": 0.5, "steady": 0.99})

    assert "steady" == places(record)[1]


def test_a_class_goes_on_where_its_fixtures_stand():
    """Two GPU hosts, two classes of quick GPU tests: each class stays on its host."""
    hosts = [host("a", gpus=1), host("b", gpus=1)]
    record, _ = run(plan_of(range(6), range(6, 12)), hosts, dict.fromkeys(range(12), GPU), seconds=0.02)

    assert (1, 1) == tuple(len(record.workers_of(*cases)) for cases in (range(6), range(6, 12)))


def test_learned_memory_keeps_tests_apart():
    """Two tests that are known to take 10 of 16 GiB never run together, though they declare none."""
    plan = alone(4)
    record, _ = run(
        plan, [host("gpu", gpus=4, workers=4)], dict.fromkeys(range(4), GPU), seconds=1.0,
        memory=dict.fromkeys(range(4), 10 * GIB),
    )  # fmt: skip

    assert record.makespan_s == pytest.approx(4.0, abs=0.2)


def test_every_choice_is_kept_with_what_else_there_was():
    """Only of cases that ask for something, with the weights of that moment."""
    hosts = [host("a", gpus=1), host("b", gpus=1)]
    _, scheduler = run(alone(6), hosts, {2: GPU, 5: GPU}, seconds=1.0)

    assert {2, 5} == scheduler.choices.keys()
    for case, choice in scheduler.choices.items():
        assert case == choice.case
        assert {"a", "b"} == {choice.host, *(name for name, _ in choice.alternatives)}


def test_choices_do_not_pile_up():
    """The latest ten thousand are kept."""
    count = MOST_CHOICES + 50
    record, scheduler = run(plan_of(range(count)), [host("a", gpus=1)], dict.fromkeys(range(count), GPU), seconds=0.001)

    assert (count, MOST_CHOICES) == (len(record.ran), len(scheduler.choices))
    assert 0 not in scheduler.choices


def test_weights_move_with_what_choices_cost():
    """A preferred host that keeps taking longer than promised costs preference some of its weight, within bounds."""
    hosts = [host("mac", os="macos", speed=0.5), host("box")]
    likings = dict.fromkeys(range(30), likes("os", "=", "macos"))
    on = {(case, f"class-{name}"): 1.0 for case in likings for name in ("mac", "box")}
    _, scheduler = run(alone(30), hosts, likings, seconds=1.0, predicted_on=on)

    assert scheduler.weights is not None
    assert 4.0 <= scheduler.weights.preference < 8.0
