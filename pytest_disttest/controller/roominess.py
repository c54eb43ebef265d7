"""What a test asks for that ran out of memory, when it is run again: twice as much, or a host for itself."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_disttest.controller.run import Run
from pytest_disttest.model import Demand, Requirement
from pytest_disttest.needs import shown_size

_MEMORY = "memory"


def with_memory(demand: Demand, size: int) -> Demand:
    """Return *demand* with at least *size* bytes of its host's memory asked for, whatever it asked for before."""
    needs = Requirement(_MEMORY, ">=", size, f"memory >= {shown_size(size)}")
    return demand._replace(
        alternatives=tuple(
            (*(each for each in alternative if not 0 < _reserved(each) <= size), needs)
            for alternative in demand.alternatives
        )
    )


def memory_of(demand: Demand) -> int:
    """Return the bytes of memory that *demand* reserves in any case, 0 for none."""
    return min(max(map(_reserved, alternative), default=0) for alternative in demand.alternatives)


def words_of(demand: Demand) -> str:
    """Return what a test is given that is run again with *demand*, as words after "again"."""
    size = memory_of(demand)
    return f"with {shown_size(size)}" if size else "with its host for itself"


def roomier(run: Run, demand: Demand, host: str) -> Demand | None:
    """Return what a test asks for next that ran out of memory on *host* with *demand*; None where that is no more.

    Twice what it asked for, at most what the largest host has; of one that asked for nothing, twice its fair share of
    the host. Where nobody knows how much memory there is: a host for itself.
    """
    sizes = {link.host.name: _size(link.capabilities.facts.get(_MEMORY)) for link in run.ready_links}
    largest = max(sizes.values(), default=0)
    if not sizes.get(host):
        return None if demand.exclusive == "host" else alone(demand)
    workers = max(1, run.fleet.links[host].workers)
    had = memory_of(demand) or (sizes[host] if demand.exclusive == "host" else sizes[host] // workers)
    return with_memory(demand, min(2 * had, largest)) if had < largest else None


def alone(demand: Demand) -> Demand:
    """Return *demand* for a test that is to run while nothing else runs on its host."""
    return demand._replace(exclusive="host")


def remembered(run: Run, needed: Mapping[str, int]) -> dict[int, Demand]:
    """Return what cases ask for that ran out of memory in earlier runs: what they were given when they passed.

    *needed* has that by node id: bytes (at most what the largest host has is asked for), 0 for a host for itself.
    """
    largest = max((_size(link.capabilities.facts.get(_MEMORY)) for link in run.ready_links), default=0)
    found = {}
    for case in run.collected.cases if needed else ():
        size = min(needed.get(case.nodeid, -1), largest)
        if size > memory_of(case.demand):
            found[case.index] = with_memory(case.demand, size)
        elif size == 0:
            found[case.index] = alone(case.demand)
    return found


def _reserved(requirement: Requirement) -> int:
    is_lower_bound = requirement.key == _MEMORY and requirement.operator in ("=", ">=", ">")
    return _size(requirement.value) if is_lower_bound else 0


def _size(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0
