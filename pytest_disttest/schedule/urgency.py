"""Which cases must begin soon, lest a deadline is missed: theirs, or that of a case that waits for them."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_disttest.plan.deadlines import latest_starts
from pytest_disttest.plan.ranks import latest_ends
from pytest_disttest.schedule.guidance import NOTHING_KNOWN, Briefing, Times

CAUTION = 1.5
"""How many times longer than expected nine in ten tests take at most, where nobody counted."""
EARLY = 0.25
"""A case is hastened when this part of the time until its last moment to begin is still left."""


def cautious_s(briefing: Briefing, times: Times) -> dict[int, float]:
    """Return the seconds of each case that will hardly be exceeded; one that is not known takes as long as most."""
    from statistics import median  # it and what it imports cost a small run more than its order is worth

    usual_s = median(times.everywhere.values()) if times.everywhere else 0.0
    return {case: times.cautious.get(case, CAUTION * times.everywhere.get(case, usual_s)) for case in briefing.cases}


def ends(briefing: Briefing, cautious: Mapping[int, float]) -> dict[int, float]:
    """Return by when, on the scheduler's clock, cases must have ended for all deadlines to be met that hang on them."""
    runs = {case: moment for case, moment in briefing.deadlines.items() if case in cautious}
    return latest_ends(runs, cautious, briefing.plan.prerequisites)


def moments(briefing: Briefing, times: Times) -> Mapping[int, float]:
    """Return from when on cases are to go before all others, for the sake of deadlines; nothing where there are none.

    That is some time before the last moment at which they can begin while others with deadlines want the same workers,
    and no worker is free at once: about as long as a usual test takes.
    """
    if not briefing.deadlines:
        return NOTHING_KNOWN
    from statistics import median

    cautious = cautious_s(briefing, times)
    blocked_s = median(cautious.values()) if cautious else 0.0
    starts = latest_starts(ends(briefing, cautious), cautious, briefing.plan.eligible, briefing.workers)
    now = briefing.now
    return {case: now + (1 - EARLY) * (start - now) - blocked_s for case, start in starts.items()}
