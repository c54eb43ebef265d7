"""Where a case can run, told more finely than by host: workers of one host need not collect alike.

For the scheduler a worker stands on its host. One that lacks some of the planned cases (a parameter that depends on the
worker's id, a module that does not import there) stands at a place of its own, which fits only what it collected.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Plan


def place_of(run: Run, node: WorkerNode) -> str:
    """Return the place of a worker whose collection is known."""
    return (
        node.host
        if len(_planned_cases(run, node)) == run.planned - run.collected.spread
        else f"{node.host}#{node.digest[:12]}"
    )


def places_on(run: Run, host: str) -> list[str]:
    """Return all places that workers of a host ever had, the host itself first."""
    nodes = [node for node in run.roster.nodes if node.host == host and node.digest in run.collected.maps]
    return list(dict.fromkeys([host, *(place_of(run, node) for node in nodes)]))


def told_apart(plan: Plan, run: Run) -> Plan:
    """Return *plan* with places beside the hosts that fit each case; the plan itself where all collected alike."""
    apart = {
        place: (node.host, _planned_cases(run, node))
        for node in run.roster.alive
        if node.digest in run.collected.maps and (place := place_of(run, node)) != node.host
    }
    if not apart:
        return plan
    hosts = frozenset(link.host.name for link in run.ready_links)
    eligible = {}
    for unit in plan.units:
        for case in unit.cases:
            fits = plan.eligible.get(case, hosts)
            beside = (place for place, (host, cases) in apart.items() if host in fits and case in cases)
            eligible[case] = fits.union(beside)
    return replace(plan, eligible=eligible)


def _planned_cases(run: Run, node: WorkerNode) -> set[int]:
    """Cases that only a replacement collected came after the plan, and their indexes follow the others."""
    return {case for case in run.collected.cases_on(node.host, node.digest) if case < run.planned}
