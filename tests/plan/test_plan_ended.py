"""A plan without what has ended: those who waited for it go on, or are blocked by it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.model import Case, Dependency, Outcome, Plan, Unit
from pytest_disttest.plan import build_plan, without_ended


def chain(*depends: tuple[int, ...]) -> dict[int, Case]:
    """Return a case for each argument, which depends on those of these numbers."""
    return {
        index: Case(
            index,
            f"a.py::t{index}",
            file="a.py",
            provides=(("module", f"t{index}"),),
            depends=tuple(Dependency(f"t{number}") for number in numbers),
        )
        for index, numbers in enumerate(depends)
    }


def test_what_ended_well_is_waited_for_no_more():
    """Its dependent may run at once, and it is in no unit."""
    cases = chain((), (0,), ())
    plan = without_ended(build_plan(list(cases.values())), {0: Outcome.PASSED}, cases)

    assert ([unit.cases for unit in plan.units], plan.prerequisites, plan.blocked) == ([(1, 2)], {}, {})


def test_what_did_not_end_well_blocks_whoever_waits_for_it_directly_or_not():
    """In the words of a run that was not cut off, each with its own culprit."""
    cases = chain((), (0,), (1,), ())
    plan = without_ended(build_plan(list(cases.values())), {0: Outcome.FAILED}, cases)

    assert [unit.cases for unit in plan.units] == [(3,)]
    assert plan.blocked == {1: "t1 depends on t0", 2: "t2 depends on t1"}


def test_what_ended_is_neither_unplaced_nor_blocked():
    """It ran on a host that this run may not have."""
    plan = Plan(units=(Unit("a", (0, 2)),), blocked={1: "why"}, unplaced={3: "why"}, eligible={0: frozenset("h")})

    assert without_ended(plan, dict.fromkeys((0, 1, 3), Outcome.PASSED), {}) == Plan(units=(Unit("a", (2,)),))


@given(st.data())
def test_every_case_is_ended_to_run_or_blocked_and_only_once(data):
    """Whatever ended how; no case that runs waits for one that does not come."""
    numbers = range(data.draw(st.integers(1, 12)))
    cases = chain(*(tuple(data.draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else () for n in numbers))
    outcomes = st.sampled_from([Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.XPASSED])
    ended = data.draw(st.dictionaries(st.sampled_from(numbers), outcomes))
    plan = without_ended(build_plan(list(cases.values())), ended, cases)
    running = [case for unit in plan.units for case in unit.cases]

    assert sorted([*ended, *running, *plan.blocked]) == list(numbers)
    assert all(set(targets) <= set(running) for targets in plan.prerequisites.values())
    for case in running:
        assert all(ended[dep].is_success for dep in _targets(cases[case]) if dep in ended)


def _targets(case: Case) -> list[int]:
    return [int(dependency.name[1:]) for dependency in case.depends]
