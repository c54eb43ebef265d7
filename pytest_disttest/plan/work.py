"""What a plan has to do, in seconds: which case takes how long where, and what may be shared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

WORKERS = "workers"
"""The resource that every case takes one of, or more."""


_NONE: Final[Mapping[str, float]] = MappingProxyType({})


class PlannedHost(NamedTuple):
    """A host as the plan sees it. *capacity* says how much it has of resources other than its workers (``gpu``: 2)."""

    name: str
    hw_class: str = ""
    workers: int = 1
    capacity: Mapping[str, float] = _NONE

    def has(self, resource: str) -> float:
        """Return how much of *resource* cases can use here at once."""
        return float(self.workers) if resource == WORKERS else float(self.capacity.get(resource, 0.0))


class Work(NamedTuple):
    """Cases, the hosts for them, and what is expected.

    *seconds* maps a class of hosts to the seconds of each case there; each class of a host must be in it, with every
    case that may run there. *prerequisites* and *eligible* are a Plan's. *uses* maps a resource to the cases that use
    it and how much of it (a quarter of a GPU: ``{"gpu": {7: 0.25}}``); of ``workers`` a case uses one unless it is
    named there.
    """

    cases: Sequence[int]
    hosts: Sequence[PlannedHost]
    seconds: Mapping[str, Mapping[int, float]]
    prerequisites: Mapping[int, tuple[int, ...]] = MappingProxyType({})
    eligible: Mapping[int, frozenset[str]] = MappingProxyType({})
    uses: Mapping[str, Mapping[int, float]] = MappingProxyType({})

    def fitting(self, names: frozenset[str] | None) -> list[PlannedHost]:
        """Return the hosts of these *names*, None meaning all, that have workers; ValueError where there is none."""
        found = [host for host in self.hosts if host.workers > 0 and (names is None or host.name in names)]
        if not found:
            raise ValueError(f"no host with workers among {sorted(names or ())}")
        return found


def with_another(work: Work, like: str) -> Work:
    """Return *work* with one more host that is as the one named *like*, and fits the same cases."""
    model = next(host for host in work.hosts if host.name == like)
    name = f"{like} again"
    widened = {names: names | {name} if like in names else names for names in set(work.eligible.values())}
    eligible = {case: widened[names] for case, names in work.eligible.items()}
    return work._replace(hosts=(*work.hosts, model._replace(name=name)), eligible=eligible)


def mean_s(work: Work) -> dict[int, float]:
    """Return the seconds that each case takes on the average worker that it may run on."""
    weights: dict[frozenset[str] | None, list[tuple[Mapping[int, float], float]]] = {}
    for names in _sets(work):
        fitting = work.fitting(names)
        workers = sum(host.workers for host in fitting)
        of_class: dict[str, int] = {}
        for host in fitting:
            of_class[host.hw_class] = of_class.get(host.hw_class, 0) + host.workers
        weights[names] = [(work.seconds[name], of_class[name] / workers) for name in sorted(of_class)]
    return {
        case: sum(column[case] * weight for column, weight in weights[work.eligible.get(case)]) for case in work.cases
    }


def least_s(work: Work) -> dict[int, float]:
    """Return the seconds that each case takes on the fastest host that it may run on."""
    columns = {
        names: [work.seconds[name] for name in sorted({host.hw_class for host in work.fitting(names)})]
        for names in _sets(work)
    }
    return {case: min(column[case] for column in columns[work.eligible.get(case)]) for case in work.cases}


def _sets(work: Work) -> Iterator[frozenset[str] | None]:
    """Yield each set of hosts that some case may run on once."""
    yield from {work.eligible.get(case): None for case in work.cases}
