"""By what the very tests took lately, on hosts of that class where they ran there: medians, and no guesses."""

from __future__ import annotations

from pytest_disttest.schedule.guidance import Briefing, Guidance
from pytest_disttest.schedule.urgency import moments


def guide(briefing: Briefing) -> Guidance:
    """Go by medians; a test that never ran counts as the average of this run."""
    times = briefing.times("median")
    return Guidance(times, hastened=moments(briefing, times))
