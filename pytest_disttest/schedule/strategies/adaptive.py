"""The default: whatever foretold durations best so far, and a second thought where a run turns out otherwise.

Earlier runs are asked for their best guess. Where they know nothing, tests go in the order of the plan. Where whole
files, or the whole run, take so much longer or shorter than ever that the order would be another one, what is left is
ranked anew by what was seen; where that says as little, by how many others wait for a test (see `Doubts`).
"""

from __future__ import annotations

from pytest_disttest.schedule.guidance import Briefing, Guidance, Revision, Times
from pytest_disttest.schedule.urgency import moments


def guide(briefing: Briefing) -> Guidance:
    """Go by the best guess there is, as long as it holds."""
    times = briefing.times("best")
    return Guidance(times, hastened=moments(briefing, times), revise=_revision(briefing, times))


def _revision(briefing: Briefing, times: Times) -> Revision | None:
    """Return who thinks again; nobody does where hosts and tests are all the same, and an order counts for little."""
    if not times.everywhere or not (briefing.plan.prerequisites or len(set(briefing.classes.values())) > 1):
        return None
    from pytest_disttest.schedule.doubts import Doubts

    return Doubts(briefing.plan, times, briefing.classes).revise
