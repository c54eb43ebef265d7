"""Earliest deadline first, the deadline of a case being also that of all that it waits for.

Where not all deadlines can be met, as many as possible are: the longest of those that stand in the way go after the
others. A test without a deadline, on which none hangs either, goes by its rank, after all that have one.
"""

from __future__ import annotations

from pytest_disttest.plan.deadlines import hopeless, misses
from pytest_disttest.plan.ranks import upward_ranks
from pytest_disttest.schedule.guidance import FIRST_OF_ALL, Briefing, Guidance
from pytest_disttest.schedule.urgency import cautious_s, ends


def guide(briefing: Briefing) -> Guidance:
    """Go by deadlines; where no test has one, as the default does."""
    times = briefing.times("best")
    if not briefing.deadlines:
        return Guidance(times)
    plan, cautious = briefing.plan, cautious_s(briefing, times)
    urgency = upward_ranks(cautious, plan.prerequisites)
    late = ends(briefing, cautious)
    lost = {miss.case for miss in misses(briefing.deadlines, cautious, plan.prerequisites, briefing.now)}
    awaited = {before for needed in plan.prerequisites.values() for before in needed}
    sinks = [case for case in late if case not in awaited and case not in lost]
    everybody = sum(briefing.workers.values())
    expected = {case: times.everywhere.get(case, cautious[case]) for case in cautious}
    lost |= hopeless({c: late[c] for c in late if c not in lost}, expected, everybody, sinks, briefing.now)
    urgency |= {case: FIRST_OF_ALL - (end - briefing.now) for case, end in late.items() if case not in lost}
    return Guidance(times, urgency)
