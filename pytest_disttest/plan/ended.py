"""A plan without the cases that have ended already, in a run that was cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_disttest.model import Case, Outcome, Plan, Unit
from pytest_disttest.plan.blocked import waits_for


def without_ended(plan: Plan, ended: Mapping[int, Outcome], cases: Mapping[int, Case]) -> Plan:
    """Return what is left of *plan* when some cases have *ended*, each with its outcome.

    Who waits for a case that ended well waits no more; who waits for one that did not, directly or through others, is
    blocked, with the words of a run that was not cut off.
    """
    if not ended:
        return plan
    blocked = {case: why for case, why in plan.blocked.items() if case not in ended}
    cut_off = _cut_off(plan, ended, cases)
    gone = ended.keys() | cut_off.keys()
    return replace(
        plan,
        units=tuple(unit for each in plan.units if (unit := _without(each, gone)).cases),
        prerequisites={
            case: waiting
            for case, targets in plan.prerequisites.items()
            if case not in gone and (waiting := tuple(target for target in targets if target not in ended))
        },
        blocked=blocked | cut_off,
        eligible={case: hosts for case, hosts in plan.eligible.items() if case not in gone},
        unplaced={case: why for case, why in plan.unplaced.items() if case not in ended},
    )


def _without(unit: Unit, gone: set[int]) -> Unit:
    if gone.isdisjoint(unit.cases):
        return unit
    return unit._replace(cases=tuple(case for case in unit.cases if case not in gone))


def _cut_off(plan: Plan, ended: Mapping[int, Outcome], cases: Mapping[int, Case]) -> dict[int, str]:
    """Return the cases whose prerequisites did not all end well, with the reason; the plan has no circles."""
    culprits: dict[int, int | None] = {case: None for case, outcome in ended.items() if not outcome.is_success}
    frontier = set(culprits)
    while frontier:
        found = {
            case: next(target for target in targets if target in frontier)
            for case, targets in plan.prerequisites.items()
            if case not in ended and case not in culprits and not frontier.isdisjoint(targets)
        }
        culprits |= found
        frontier = set(found)
    return {
        case: waits_for(cases[case], cases[culprit])
        for case, culprit in sorted(culprits.items())
        if culprit is not None
    }
