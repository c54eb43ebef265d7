"""The other way round: which tests could run on one host, and what keeps the others from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytest_disttest.model import Demand

from .explaining import Explainer
from .explanation import Standing
from .lookup import MET


class HostCondition(NamedTuple):
    """A condition that a host fails: what it has ("" for nothing), and the *tests* that ask for it, sorted."""

    text: str
    have: str
    unknown: bool
    tests: tuple[str, ...]


class HostExplanation(NamedTuple):
    """One host: the tests that could *run* there (were it ready and idle), and those that could not, by condition.

    *elsewhere* is the number of tests that could not. *conditions* come with the one that most tests fail on first; a
    test counts for each condition that it would take to bring it here.
    """

    host: str
    state: str
    reason: str
    run: tuple[str, ...]
    elsewhere: int
    conditions: tuple[HostCondition, ...]


def explain_host(name: str, demands: Mapping[Demand, Sequence[str]], hosts: Mapping[str, Standing]) -> HostExplanation:
    """Return which tests could run on host *name*; *demands* maps each to its tests. Raises KeyError for no host.

    Where nothing is known of the host, nothing can run there and no condition is told.
    """
    # By itself, with its state aside: what it could run does not hang on what it does now.
    standing = hosts[name]
    explainer = Explainer({name: Standing("ready", "", standing.capabilities)})
    run: list[str] = []
    failing: dict[tuple[str, str, bool], list[str]] = {}
    for demand, tests in demands.items():
        explained = explainer.explain(demand)
        if explained.rows[0].status == MET:
            run += tests
            continue
        for each in explained.alternatives[0].failing:
            for lacking in each.failing:
                text = explained.alternatives[0].conditions[lacking.place].text
                failing.setdefault((text, lacking.have, lacking.unknown), []).extend(tests)
    conditions = [HostCondition(*what, tuple(sorted(tests))) for what, tests in failing.items()]
    conditions.sort(key=lambda each: (-len(each.tests), each.text, each.have))
    drained = standing.capabilities.drained if standing.capabilities is not None else ""
    return HostExplanation(
        name,
        standing.state,
        drained or standing.reason,
        tuple(sorted(run)),
        sum(map(len, demands.values())) - len(run),
        tuple(conditions),
    )
