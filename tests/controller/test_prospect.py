"""What is said of a run's time before it, and after."""

from __future__ import annotations

import pytest

from pytest_disttest.controller.prospect import Prospect, capacities, chart_lines, simulated, time_lines, uses_of
from pytest_disttest.controller.verdict import needed_s, verdict_line
from pytest_disttest.model import Capabilities, Case, Demand, Device, Requirement
from pytest_disttest.plan import build_plan
from pytest_disttest.plan.work import PlannedHost, Work
from pytest_disttest.schedule import Scheduler
from pytest_disttest.store.plans import RunJudged
from pytest_disttest.testing import free_seams, plan_of

GPU = Demand(((Requirement("gpu.count", ">=", 1, "gpu = 1"),),))
HALF = GPU._replace(share=0.5)
CASES = [Case(n, f"a.py::t{n}", file="a.py") for n in range(4)]
SECONDS = {0: 1.0, 1: 3.0, 2: 2.0, 3: 2.0}


def work(**prerequisites: tuple[int, ...]) -> Work:
    """Return four cases on a host of two workers."""
    waits = {int(case.removeprefix("t")): needed for case, needed in prerequisites.items()}
    return Work([0, 1, 2, 3], [PlannedHost("a", workers=2)], {"": SECONDS}, waits)


def test_time_bound_and_critical_path_are_told():
    """With the tests that wait for each other one below the other, and who is busy when."""
    plan = plan_of([0, 1, 2, 3], prerequisites={1: (0,)})
    scheduler = Scheduler(plan, seams=free_seams, predicted=SECONDS)

    prospect = Prospect(work(t1=(0,)), 1)
    record = simulated(prospect.work, scheduler, {})
    lines = [*time_lines(prospect, record, CASES), *chart_lines(prospect, record, CASES)]

    assert [
        "time: about 4 s; no order takes less than 4 s",
        "1 host (a) is the bound: 4 s of 4 s; a second would save nothing: something else is as tight",
        "1 of 4 tests were never timed, and count as the median one",
        "critical path:",
        "       1 s  a.py::t0",
        "       3 s  a.py::t1",
    ] == lines[:6]
    assert 2 == sum("█" in line for line in lines[6:])


def test_where_nothing_is_known_nothing_is_told():
    """A first run has no time to tell."""
    (line,) = time_lines(Prospect(work(), 4), None, CASES)

    assert line.startswith("time: nothing is known")
    assert [] == chart_lines(Prospect(work(), 4), None, CASES)


def test_a_run_is_measured_against_what_its_tests_really_took():
    """Eight seconds of tests on two workers; a test that did not run does not count."""
    ran = {0: ("a", 1.0), 1: ("a", 3.0), 2: ("a", 4.0)}

    assert (4.0, 0.0) == (needed_s(work(), ran), needed_s(work(), {}))


def test_the_verdict_tells_start_prediction_and_bound():
    """And the part by which the whole run, and its tests alone, are above that; nothing of a run without tests."""
    assert (
        "took 6.0 s, 1.0 s of it before the first test; predicted 4.5 s for the tests; "
        "bound 4.0 s (50 % above, the tests alone 25 %)"
    ) == verdict_line(RunJudged(6.0, 5.0, 4.0), 4.5)
    assert "test; bound" in verdict_line(RunJudged(6.0, 5.0, 4.0), 0.0)
    assert "" == verdict_line(RunJudged(6.0, 5.0, 0.0), 4.5)


def test_elsewhere_a_test_would_have_taken_what_was_expected_in_proportion():
    """On a host that is twice as fast, half of what it took on the slow one."""
    hosts = [PlannedHost("a", "slow"), PlannedHost("b", "fast")]
    both = Work([0], hosts, {"slow": {0: 4.0}, "fast": {0: 2.0}})

    assert 3.0 == needed_s(both, {0: ("a", 6.0)})


@pytest.mark.parametrize(("demand", "amount"), [(GPU, 1.0), (HALF, 0.5)])
def test_devices_count_as_what_is_asked_of_them(demand: Demand, amount: float):
    """A GPU, or a part of one, of those that work."""
    offers = {"a": Capabilities({}, (Device("gpu", "0"), Device("gpu", "1", fault="lost")))}
    cases = [Case(0, "a.py::t0", file="a.py", demand=demand), Case(1, "a.py::t1", file="a.py")]

    assert {"gpu": {0: amount}} == uses_of(cases, build_plan(cases, eligible={0: frozenset({"a"})}), offers)
    assert {"gpu": 1.0} == capacities(offers["a"], 2)
