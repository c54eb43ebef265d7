"""What the scarcest hosts alone can run goes first there, then by rank, each where it ends first.

The scarcest hosts are those whose own tests would keep them busy longest (the strongest bound of capacity).
"""

from __future__ import annotations

from statistics import median

from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.ranks import upward_ranks
from pytest_disttest.plan.work import PlannedHost, Work
from pytest_disttest.schedule.guidance import Briefing, Guidance, Times
from pytest_disttest.schedule.strategies import max_parallel
from pytest_disttest.schedule.urgency import moments


def guide(briefing: Briefing) -> Guidance:
    """Go by the bottleneck; by the number of hosts that fit, where no duration is known."""
    times = briefing.times("best")
    if not times.everywhere:
        return max_parallel.guide(briefing)
    work = _work(briefing, times)
    scarce = next((frozenset(bound.hosts) for bound in bounds(work) if bound.kind == "capacity"), frozenset[str]())
    if scarce >= frozenset(briefing.workers):  # all are: then it is the ranks that count
        return Guidance(times, hastened=moments(briefing, times))
    usual_s = median(times.everywhere.values())
    seconds = {case: times.everywhere.get(case, usual_s) for case in briefing.cases}
    ranks = upward_ranks(seconds, briefing.plan.prerequisites)
    longest_s = max(ranks.values(), default=0.0)
    eligible = briefing.plan.eligible
    urgency = {case: rank + longest_s * (eligible.get(case, _ANYWHERE) <= scarce) for case, rank in ranks.items()}
    return Guidance(times, urgency, hastened=moments(briefing, times))


_ANYWHERE = frozenset({""})
"""The hosts of a case that fits all: none of a scarce group's."""


def _work(briefing: Briefing, times: Times) -> Work:
    usual_s = median(times.everywhere.values())
    hosts = [PlannedHost(name, briefing.classes.get(name, ""), count) for name, count in briefing.workers.items()]
    seconds = {
        name: {case: times.on_class.get((case, name), times.everywhere.get(case, usual_s)) for case in briefing.cases}
        for name in {host.hw_class for host in hosts}
    }
    known = frozenset(briefing.workers)
    eligible = {case: fits & known for case, fits in briefing.plan.eligible.items() if fits & known}
    return Work(briefing.cases, hosts, seconds, briefing.plan.prerequisites, eligible)
