"""What no schedule can beat, and why: proofs, not estimates, as far as the predicted durations hold.

Three kinds of proof. *path*: cases that wait for each other, each on the fastest host it may run on. *longest*: one
case. *capacity*: cases that can only run on a group of hosts, together more than these can do any sooner.

Capacity is looked at for each resource and for each set of hosts that is a union of sets of eligible hosts. Any
weights y of a resource's units prove that the run takes at least::

    sum over cases (use x min over its hosts h (seconds on h x y_h))  /  sum over hosts h (units of h x y_h)

(the dual of the linear program of restricted unrelated machines; hosts outside of the group weigh nothing). Two
choices are tried: equal weights, and the speeds of the classes of hosts, which is exact where one host is as much
faster for all cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_disttest.plan.ranks import longest_path
from pytest_disttest.plan.work import WORKERS, PlannedHost, Work, least_s

MOST_GROUPS = 256
"""Unions of sets of hosts that are looked at; the smallest come first."""


class Bound(NamedTuple):
    """A proof that the run takes at least *seconds*.

    *kind* is ``capacity``, ``path`` or ``longest``. Of a capacity, *hosts* is the group by name and *resource* what is
    scarce on it, of which the group has *units*; else *cases* are the path, or the longest case.
    """

    seconds: float
    kind: str
    hosts: tuple[str, ...] = ()
    resource: str = WORKERS
    units: float = 0.0
    cases: tuple[int, ...] = ()


def bounds(work: Work) -> tuple[Bound, ...]:
    """Return what bounds the run, the strongest first; () for no cases. ValueError where a case fits no host."""
    if not work.cases:
        return ()
    least = least_s(work)
    found = [_longest(least), *_capacities(work)]
    path = longest_path(least, work.prerequisites)
    if len(path) > 1:
        found.append(Bound(sum(least[case] for case in path), "path", cases=path))
    return tuple(
        sorted(found, key=lambda bound: (-bound.seconds, bound.kind, bound.resource, len(bound.hosts), bound.hosts))
    )


def _longest(least: Mapping[int, float]) -> Bound:
    case = min(least, key=lambda case: (-least[case], case))
    return Bound(least[case], "longest", cases=(case,))


def _capacities(work: Work) -> list[Bound]:
    found: list[Bound] = []
    uses = {**work.uses, WORKERS: {**dict.fromkeys(work.cases, 1.0), **work.uses.get(WORKERS, {})}}
    for resource in sorted(uses):
        hosts = [host for host in work.hosts if host.workers > 0 and host.has(resource) > 0]
        amounts = {case: uses[resource][case] for case in work.cases if uses[resource].get(case, 0.0) > 0}
        found += _capacities_of(work, resource, amounts, hosts)
    return found


def _capacities_of(
    work: Work, resource: str, amounts: Mapping[int, float], hosts: Sequence[PlannedHost]
) -> list[Bound]:
    """Return the bound that each group of *hosts* sets to the cases that use *amounts* of the resource."""
    by_set = _by_set(work, amounts, hosts)
    best: dict[frozenset[str], float] = {}
    groups = _unions(by_set)
    for weight in (dict.fromkeys(work.seconds, 1.0), _speeds(work, hosts)):
        loads = {names: _load(work, cases, amounts, weight, names, hosts) for names, cases in by_set.items()}
        for group in groups:
            units = math.fsum(host.has(resource) * weight[host.hw_class] for host in hosts if host.name in group)
            seconds = math.fsum(load for names, load in loads.items() if names <= group) / units
            best[group] = max(best.get(group, 0.0), seconds)
    units_of = {host.name: host.has(resource) for host in hosts}
    return [
        Bound(seconds, "capacity", tuple(sorted(group)), resource, math.fsum(units_of[name] for name in group))
        for group, seconds in best.items()
    ]


def _by_set(work: Work, amounts: Mapping[int, float], hosts: Sequence[PlannedHost]) -> dict[frozenset[str], list[int]]:
    """Return the cases by the hosts with the resource that each may run on."""
    every = frozenset(host.name for host in hosts)
    reduced: dict[frozenset[str] | None, frozenset[str]] = {None: every}
    found: dict[frozenset[str], list[int]] = {}
    for case in amounts:
        names = work.eligible.get(case)
        if names not in reduced:
            reduced[names] = every & names if names is not None else every
        if not reduced[names]:
            raise ValueError(f"no host with what it uses for case {case}")
        found.setdefault(reduced[names], []).append(case)
    return found


def _load(
    work: Work,
    cases: Sequence[int],
    amounts: Mapping[int, float],
    weight: Mapping[str, float],
    names: frozenset[str],
    hosts: Sequence[PlannedHost],
) -> float:
    """Return the weighted seconds of *cases*, each where it weighs least."""
    classes = sorted({host.hw_class for host in hosts if host.name in names})
    columns = [(work.seconds[name], weight[name]) for name in classes]
    if len(columns) == 1:
        column, factor = columns[0]
        return factor * math.fsum(amounts[case] * column[case] for case in cases)
    return math.fsum(amounts[case] * min(column[case] * factor for column, factor in columns) for case in cases)


def _speeds(work: Work, hosts: Sequence[PlannedHost]) -> dict[str, float]:
    """Return how fast each class is, compared with the first, over the cases that both are told of."""
    classes = sorted({host.hw_class for host in hosts})
    speeds = dict.fromkeys(work.seconds, 1.0)
    first = work.seconds[classes[0]] if classes else {}
    for name in classes[1:]:
        column = work.seconds[name]
        both = [case for case in work.cases if column.get(case, 0.0) > 0 and first.get(case, 0.0) > 0]
        if both:
            speeds[name] = math.exp(math.fsum(math.log(first[case] / column[case]) for case in both) / len(both))
    return speeds


def _unions(sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Return the sets and their unions, at most MOST_GROUPS, and the union of all among them."""
    given = sorted(sets, key=lambda names: (len(names), sorted(names)))
    found = dict.fromkeys(given[: MOST_GROUPS - 1])
    for one in given:
        for other in list(found):
            if len(found) >= MOST_GROUPS - 1:
                break
            found.setdefault(one | other)
    if given:
        found.setdefault(frozenset().union(*given))
    return list(found)
