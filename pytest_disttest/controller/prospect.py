"""How long a run should take, and what bounds it: for ``--hw-plan``, and for the judgement at the run's end.

Nothing here is imported, and nothing takes time, where neither is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_disttest.match.costs import capacity_of, costs_of
from pytest_disttest.model import Capabilities, Case, Demand, Plan
from pytest_disttest.plan.bottleneck import bottleneck, duration
from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.ranks import longest_path
from pytest_disttest.plan.work import PlannedHost, Work, mean_s
from pytest_disttest.reports.gantt import Bar, gantt
from pytest_disttest.testing import FakeHost, Record, drive

if TYPE_CHECKING:
    from pytest_disttest.controller.experience import Expected
    from pytest_disttest.controller.run import Run
    from pytest_disttest.schedule import Scheduler

MOST_SIMULATED: Final = 20_000
"""A larger suite is not played through for ``--hw-plan``: that would take longer than anybody waits for a plan."""
PATH_SHOWN: Final = 10
NOMINAL_S: Final = 0.01


class Prospect(NamedTuple):
    """What a plan has to do. *unknown* is how many cases were never timed: they count as long as the median one."""

    work: Work
    unknown: int


class Member(NamedTuple):
    """A host that takes part."""

    name: str
    workers: int
    capabilities: Capabilities


def prospect_of(run: Run, plan: Plan, expected: Expected, classes: Mapping[str, str]) -> Prospect:
    """Return what the plan has to do on the hosts that are ready, in expected seconds."""
    members = [Member(link.host.name, link.workers, link.capabilities) for link in run.ready_links]
    return prospect_on(members, plan, run.collected.cases, expected, classes)


def prospect_on(
    members: Sequence[Member], plan: Plan, collected: Sequence[Case], expected: Expected, classes: Mapping[str, str]
) -> Prospect:
    """Return what the plan has to do on *members*, *classes* being those of hosts, "" of one that is not there."""
    cases = [case for unit in plan.units for case in unit.cases]
    hosts = [
        PlannedHost(one.name, classes.get(one.name, ""), one.workers, capacities(one.capabilities, one.workers))
        for one in members
    ]
    usual_s = median(expected.everywhere.values()) if expected.everywhere else NOMINAL_S
    seconds = {
        name: {case: expected.on_class.get((case, name), expected.everywhere.get(case, usual_s)) for case in cases}
        for name in sorted({host.hw_class for host in hosts})
    }
    uses = uses_of(collected, plan, {one.name: one.capabilities for one in members})
    unknown = sum(case not in expected.everywhere for case in cases)
    return Prospect(Work(cases, hosts, seconds, plan.prerequisites, plan.eligible, uses), unknown)


def capacities(capabilities: Capabilities, workers: int) -> dict[str, float]:
    """Return how much of each resource but workers a host has: devices by kind, pools by name."""
    pools = capacity_of(capabilities, workers=workers).pools
    found = {f"resource.{name}": float(units) for name, units in pools.items()}
    for device in capabilities.devices:
        if not device.fault:
            found[device.kind] = found.get(device.kind, 0.0) + 1.0
    return found


def uses_of(cases: Sequence[Case], plan: Plan, offers: Mapping[str, Capabilities]) -> dict[str, dict[int, float]]:
    """Return which cases use how much of a resource, by what their first alternative takes of a host that fits."""
    found: dict[str, dict[int, float]] = {}
    known: dict[tuple[Demand, str], dict[str, float]] = {}
    for unit in plan.units:
        for number in unit.cases:
            demand, hosts = cases[number].demand, plan.eligible.get(number, frozenset(offers)) & offers.keys()
            if not demand or not hosts:
                continue
            host = min(hosts)
            if (demand, host) not in known:
                known[demand, host] = _taken(demand, offers[host])
            for resource, amount in known[demand, host].items():
                found.setdefault(resource, {})[number] = amount
    return found


def _taken(demand: Demand, capabilities: Capabilities) -> dict[str, float]:
    costs = costs_of(demand, capabilities, capacity_of(capabilities, workers=1))
    if not costs:
        return {}
    taken = {f"resource.{name}": float(units) for name, units in costs[0].pools}
    for device in costs[0].devices:
        if device.fitting and device.kind != "browser":
            taken[device.kind] = device.number * min(1.0, float(device.share_of(device.fitting[0])))
    return taken


def is_unknown(prospect: Prospect) -> bool:
    """Whether nothing is known of how long any test takes."""
    return prospect.unknown == len(prospect.work.cases)


def time_lines(prospect: Prospect, record: Record | None, cases: Sequence[Case]) -> list[str]:
    """Return what is to be said of a run's time beforehand; *record* is how it went when it was played through."""
    work = prospect.work
    if is_unknown(prospect):
        return ["time: nothing is known of any test yet; after a first run the plan tells how long it takes"]
    least_s = bounds(work)[0].seconds
    planned_s = record.makespan_s if record is not None else least_s
    lines = []
    if record is not None:
        lines.append(f"time: about {duration(planned_s)}; no order takes less than {duration(least_s)}")
    lines.append(bottleneck(work, planned_s, {case: cases[case].nodeid for case in work.cases}))
    if prospect.unknown:
        lines.append(f"{prospect.unknown} of {len(work.cases)} tests were never timed, and count as the median one")
    return lines


def chart_lines(prospect: Prospect, record: Record | None, cases: Sequence[Case]) -> list[str]:
    """Return the critical path, where tests wait for each other, and who is busy when."""
    if is_unknown(prospect):
        return []
    means_s = mean_s(prospect.work)
    path = longest_path(means_s, prospect.work.prerequisites)
    lines = []
    if len(path) > 1:
        lines.append("critical path:")
        lines += [f"  {duration(means_s[case]):>8}  {cases[case].nodeid}" for case in path[:PATH_SHOWN]]
        lines += [f"  ... and {len(path) - PATH_SHOWN} more"] if len(path) > PATH_SHOWN else []
    if record is not None:
        lines += gantt([Bar(ran.worker, ran.host, ran.started_s, ran.ended_s) for ran in record.ran])
    return lines


def simulated(work: Work, scheduler: Scheduler, offers: Mapping[str, Capabilities]) -> Record:
    """Return what *scheduler* makes of *work*, if everything takes as long as expected."""
    hosts = [FakeHost(host.name, host.workers, capabilities=offers.get(host.name)) for host in work.hosts]
    classes = {host.name: host.hw_class for host in work.hosts}
    return drive(scheduler, hosts, seconds_on=lambda case, host: work.seconds[classes[host]][case])
