"""By the linear model of durations alone: a test that never ran is guessed from what is around it."""

from __future__ import annotations

from pytest_disttest.schedule.guidance import Briefing, Guidance
from pytest_disttest.schedule.urgency import moments


def guide(briefing: Briefing) -> Guidance:
    """Go by the model, also of tests for which medians erred less so far."""
    times = briefing.times("model")
    return Guidance(times, hastened=moments(briefing, times))
