"""What each strategy says of a run, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import pytest
from bench.scheduling import missed
from bench.worlds import World, chains, due, independent, small

from pytest_disttest.errors import UsageFault
from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Capabilities, Demand, Plan
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.guidance import Briefing, Guidance, Times
from pytest_disttest.schedule.strategies import DEFAULT, STRATEGIES
from pytest_disttest.testing import FakeHost, Record, drive, free_seams, plan_of

NAMES = STRATEGIES.names()
UNKNOWN = Times()


def guided(name: str, plan: Plan, hosts: Mapping[str, int], times: Times = UNKNOWN, **more: object) -> Guidance:
    """Return what a strategy says of a plan on hosts of equal machines."""
    briefing = Briefing(plan, hosts, times=lambda _: times, **more)  # type: ignore[arg-type]
    found: Guidance = STRATEGIES.load(name)(briefing)
    return found


def ran(name: str, plan: Plan, times: Times = UNKNOWN, *, workers: int = 1, **more: object) -> Record:
    """Return what becomes of a plan on one host, tests taking what is expected, or 0.5 s."""
    guidance = guided(name, plan, {"box": workers}, times, **more)
    scheduler = Scheduler(plan, seams=free_seams, predicted=guidance.times.everywhere, guidance=guidance)
    return drive(scheduler, [FakeHost("box", workers=workers)], seconds=lambda case: times.everywhere.get(case, 0.5))


def order(record: Record) -> list[int]:
    """Return the cases in the order of their beginnings."""
    return [one.case for one in sorted(record.ran, key=lambda one: (one.started_s, one.worker))]


def test_the_default_is_one_of_them():
    """And all names can be loaded."""
    assert DEFAULT in NAMES
    assert all(callable(STRATEGIES.load(name)) for name in NAMES)


def test_an_unknown_name_is_refused_with_the_nearest():
    """A slip is a usage error."""
    with pytest.raises(UsageFault) as refused:
        STRATEGIES.load("adaptiv", place="--hw-strategy")

    assert (4, "did you mean 'adaptive'?") == (refused.value.exit_code, refused.value.hint)


@pytest.mark.parametrize("make", [small, independent, chains])
@pytest.mark.parametrize("name", NAMES)
def test_every_strategy_runs_every_test_once(name: str, make: type[World]):
    """In the worlds of the benchmark, which check the order of dependencies too."""
    for seed in range(2):
        world = make(seed)
        assert world.play(world.scheduler(name)).makespan_s >= world.bound_s - 1e-6


@pytest.mark.parametrize("make", [small, independent, chains])
def test_the_default_decides_as_the_scheduler_does_by_itself(make: type[World]):
    """As long as predictions are no wilder than usual, there is nothing to think twice about."""
    for seed in range(3):
        world = make(seed)
        assert world.play(world.scheduler(DEFAULT)).ran == world.play(world.scheduler()).ran


def test_simple_goes_in_the_order_of_the_files():
    """Whatever earlier runs took."""
    plan = plan_of([0, 1, 2], [3])

    assert [0, 1, 2, 3] == order(ran("simple", plan, Times({0: 0.1, 1: 0.2, 2: 0.3, 3: 9.0})))


def test_historical_begins_with_what_took_long():
    """The same suite: on two workers the long test goes first."""
    plan = plan_of([0, 1, 2], [3])

    assert 3 in order(ran("historical", plan, Times({0: 0.1, 1: 0.2, 2: 0.3, 3: 9.0}), workers=2))[:2]


def test_max_parallel_begins_with_what_few_hosts_can_run_and_others_wait_for():
    """Two hosts: test 3 fits one of them only, and a chain hangs on test 2."""
    plan = plan_of([0, 1, 2, 3, 4], prerequisites={4: (2,)}, eligible={3: frozenset({"a"})})
    urgency = guided("max-parallel", plan, {"a": 1, "b": 1}).urgency

    assert urgency is not None
    assert [3, 2, 0, 1, 4] == sorted(urgency, key=lambda case: (-urgency[case], case))


def test_max_parallel_knows_what_to_begin_without_any_history():
    """The head of a chain goes before the rest of its file."""
    plan = plan_of([0, 1, 2], [3], [4], prerequisites={3: (2,), 4: (3,)})

    assert 2 == order(ran("max-parallel", plan))[0]


def test_resource_aware_puts_the_scarcest_hosts_tests_first():
    """The tests that only one host of two can run take longest, and none of the others is more urgent."""
    plan = plan_of([0, 1, 2, 3], eligible={2: frozenset({"a"}), 3: frozenset({"a"})})
    urgency = guided("resource-aware", plan, {"a": 1, "b": 1}, Times({0: 3.0, 1: 1.0, 2: 2.0, 3: 4.0})).urgency

    assert urgency is not None
    assert [3, 2, 0, 1] == sorted(urgency, key=lambda case: -urgency[case])


def test_deadline_begins_with_what_ends_first():
    """On a single worker too, and a test inherits the deadline of the one that waits for it."""
    plan = plan_of([0, 1, 2, 3], prerequisites={3: (2,)})
    times = Times(dict.fromkeys(range(4), 1.0))

    assert [2, 3, 1, 0] == order(ran("deadline", plan, times, deadlines={1: 30.0, 3: 10.0}))


def test_deadline_gives_up_the_longest_where_not_all_can_be_in_time():
    """Three tests in 4 s on one worker: the two short ones are in time, and the long one comes last."""
    plan = plan_of([0], [1], [2])
    times = Times({0: 3.9, 1: 1.0, 2: 1.0}, cautious={0: 3.9, 1: 1.0, 2: 1.0})

    assert 0 == order(ran("deadline", plan, times, deadlines=dict.fromkeys(range(3), 4.0)))[-1]


def test_a_deadline_that_nears_goes_before_all_others_by_default():
    """Ten long tests, and a short one at the end of the file that must have ended after 4 s."""
    plan = plan_of(*([case] for case in range(11)))
    times = Times(dict.fromkeys(range(10), 1.0) | {10: 0.2})
    record = ran(DEFAULT, plan, times, workers=2, deadlines={10: 4.0})

    assert next(one.ended_s for one in record.ran if one.case == 10) <= 4.0
    assert 10 in order(ran(DEFAULT, plan, times, workers=2))[-2:], "without a deadline it comes last"


def test_most_deadlines_are_met_under_load():
    """Some seeds of the benchmark's family: four tests in five of what could be done have deadlines."""
    for name in ("deadline", DEFAULT):
        assert fmean(missed(due(seed), name) for seed in range(4)) <= 0.04


def test_workload_bounds_a_kind():
    """Of six tests that need memory, two run at a time on a host of four workers."""
    plan = plan_of(range(6))
    demands = dict.fromkeys(range(6), Demand(workload="memory"))
    guidance = guided("workload", plan, {"box": 4}, demands=demands)
    facts = {"cpu.processors": 4, **{f"resource.{name}": n for name, n in guidance.pools["box"].items()}}
    host = FakeHost("box", workers=4, capabilities=Capabilities(facts))
    ledgers = {"box": Ledger("box", Capabilities(facts), workers=4)}
    scheduler = Scheduler(plan, seams=free_seams, demands=guidance.demands, ledgers=ledgers, guidance=guidance)
    record = drive(scheduler, [host], seconds=1.0)

    at_once = [sum(two.started_s <= one.started_s < two.ended_s for two in record.ran) for one in record.ran]
    assert (6, 2) == (len(record.ran), max(at_once))


def test_workload_prefers_hosts_that_suit_the_kind():
    """A test that computes goes to the host with more processors, and one that says nothing anywhere."""
    plan = plan_of([0])
    guidance = guided("workload", plan, {"big": 1, "small": 1}, demands={0: Demand(workload="compute")})
    capabilities = {name: Capabilities({"cpu.processors": n}) for name, n in (("big", 8), ("small", 2))}
    hosts = [FakeHost(name, capabilities=capabilities[name]) for name in ("small", "big")]
    ledgers = {name: Ledger(name, capabilities[name]) for name in capabilities}
    scheduler = Scheduler(plan, seams=free_seams, demands=guidance.demands, ledgers=ledgers, guidance=guidance)

    assert ["big"] == [one.host for one in drive(scheduler, hosts, seconds=1.0).ran]


def test_what_a_strategy_of_others_says_is_done():
    """Any function of a briefing will do: here the last test first, one by one."""

    def backwards(briefing: Briefing) -> Guidance:
        return Guidance(urgency={case: float(case + 1) for case in briefing.cases}, urgent_from=1.0, lays_out=False)

    plan = plan_of([0, 1, 2])
    guidance = backwards(Briefing(plan, {"box": 1}))
    record = drive(Scheduler(plan, seams=free_seams, guidance=guidance), [FakeHost("box")], seconds=0.5)

    assert [2, 1, 0] == order(record)
