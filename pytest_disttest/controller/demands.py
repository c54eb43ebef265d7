"""What the tests of a run ask for, each demand once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pytest_disttest.model import NOTHING, Case, Demand


def demands_of(cases: Iterable[Case]) -> dict[Demand, list[Case]]:
    """Return the distinct demands of *cases*, each with the cases that have it; those that ask for nothing apart."""
    found: dict[Demand, list[Case]] = {}
    for case in cases:
        if case.demand is not NOTHING and case.demand:
            found.setdefault(case.demand, []).append(case)
    return found


def families_of(demands: Collection[Demand]) -> frozenset[str]:
    """Return the families of facts that *demands* speak of, beyond what every agent says by itself."""
    if not demands:
        return frozenset()
    from pytest_disttest.needs import families_asked

    return frozenset[str]().union(*map(families_asked, demands))
