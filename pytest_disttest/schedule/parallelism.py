"""How many workers a plan can keep busy at most."""

from __future__ import annotations

from pytest_disttest.model import Plan
from pytest_disttest.schedule.fragments import Fragment, fragments_of


def useful_workers(plan: Plan, host: str | None = None) -> int:
    """Return how many workers could run something at the same time: on *host*, or all together.

    An upper bound that asks neither for time nor for dependencies: a binding unit occupies one worker,
    any other as many as it has cases.
    """
    return sum(_width(fragment) for fragment in fragments_of(plan) if host is None or fragment.fit.admits("", host))


def _width(fragment: Fragment) -> int:
    return 1 if fragment.unit.binding else len(fragment)
