"""What is kept of a plan that was played through."""

from __future__ import annotations

import math

import pytest

from pytest_disttest.controller.forecast import BEGINNING_S, MOST_SHARE, draw, forecast, pays, places_of
from pytest_disttest.controller.lessons import Lessons
from pytest_disttest.controller.prospect import Prospect, simulated
from pytest_disttest.model import Case
from pytest_disttest.plan.work import PlannedHost, Work
from pytest_disttest.predict import Observation
from pytest_disttest.schedule import Scheduler
from pytest_disttest.store.plans import RunPlanned
from pytest_disttest.testing import Ran, free_seams, plan_of

CASES = [Case(n, f"a.py::t{n}", file="a.py") for n in range(3)]
SECONDS = {0: 1.0, 1: 3.0, 2: 2.0}
WORK = Work([0, 1, 2], [PlannedHost("a", "slow"), PlannedHost("b", "slow")], {"slow": SECONDS}, {1: (0,)})


def planned(lessons: Lessons | None = None) -> RunPlanned:
    """Return what is expected of three tests on two hosts, the second waiting for the first."""
    plan = plan_of([0, 1, 2], prerequisites={1: (0,)})
    record = simulated(WORK, Scheduler(plan, seams=free_seams, predicted=SECONDS), {})
    return forecast(Prospect(WORK, 0), record, CASES, lessons, at=7.0)


def test_everything_that_was_expected_is_kept():
    """Where and when each test is to run, its rank, and what holds up the run."""
    found = planned()
    by_case = {one.case: one for one in found.cases}

    assert (7.0, 4.0, 4.0, 0, (0, 1)) == (found.at, found.planned_s, found.bound_s, found.unknown, found.path)
    assert {0: 4.0, 1: 3.0, 2: 2.0} == {case: one.rank_s for case, one in by_case.items()}
    assert {0: (1.0, 0.0), 1: (3.0, 0.0), 2: (2.0, 0.0)} == {c: (one.q50_s, one.q90_s) for c, one in by_case.items()}
    assert (1.0, 4.0) == (by_case[1].start_s, by_case[1].end_s)
    assert {"a", "b"} == {one.host for one in found.cases}
    assert "a.py::t0 -> a.py::t1" in found.bottleneck


def test_what_runs_on_several_hosts_taught_makes_it_cautious():
    """Of a test that was seen on that class of hosts; of another nothing is claimed."""
    lessons = Lessons()
    lessons.predictor.learn_run([Observation("a.py::t1", "a.py", "", "slow", 0.0, 3.0, 0.0, (), ())] * 5)
    by_case = {one.case: one for one in planned(lessons).cases}

    assert by_case[1].q90_s >= by_case[1].q50_s
    assert 0.0 == by_case[0].q90_s


def test_a_look_ahead_that_nobody_asked_for_goes_unnoticed():
    """It pays where the run is long; never where nothing is known."""
    least_s = BEGINNING_S / MOST_SHARE

    def long(seconds: float, unknown: int = 0) -> Prospect:
        return Prospect(Work([0], [PlannedHost("a")], {"": {0: seconds}}), unknown)

    assert [False, True, False] == [pays(long(least_s * 0.9)), pays(long(least_s * 1.1)), pays(long(math.inf, 1))]


def test_workers_are_counted_on_their_host():
    """By their first tests, whatever they are called."""
    ran = [Ran(0, "gw5", "a", 1.0, 2.0, None), Ran(1, "gw1", "b", 0.0, 1.0, None), Ran(2, "gw2", "a", 0.0, 3.0, None)]

    assert {"gw2": 1, "gw5": 2, "gw1": 1} == places_of(ran)


@pytest.mark.parametrize("name", ["plan.html", "plan.svg"])
def test_a_plan_is_drawn_or_says_why_not(name, tmp_path):
    """A disk that is full costs the drawing, not the run."""
    assert f"the plan is drawn in {tmp_path / name}" == draw(str(tmp_path / name), "plan", planned(), CASES)
    assert "a.py::t1" in (tmp_path / name).read_text()
    assert "cannot be drawn" in draw(str(tmp_path / "no" / name), "plan", planned(), CASES)
