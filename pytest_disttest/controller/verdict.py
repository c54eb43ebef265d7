"""What a run came to, beside what was expected of it and what it needed at least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_disttest.controller.run import Run
from pytest_disttest.plan.bottleneck import duration
from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.work import Work
from pytest_disttest.store.plans import RunJudged

WORTH_JUDGING_S: Final = 10.0
"""Of a shorter run, where starting counts for most, nothing is said unless somebody asks."""
MOST_JUDGED: Final = 20_000


def judged(run: Run, work: Work, *, took_s: float, tests_s: float) -> RunJudged | None:
    """Return what a run came to that took *took_s*, *tests_s* of it for its tests; None where that tells nothing."""
    is_asked = run.settings.show_plan
    if not (is_asked or tests_s >= WORTH_JUDGING_S) or len(work.cases) > MOST_JUDGED:
        return None
    ran = {
        case: (host, sum(phases))
        for host, rows in run.journal.measured.by_worker()
        for case, *phases in rows
        if phases[0] >= 0
    }
    return RunJudged(took_s, tests_s, needed_s(work, ran))


def needed_s(work: Work, ran: Mapping[int, tuple[str, float]]) -> float:
    """Return the bound of what ran, in the seconds that it took; 0.0 where nothing did.

    *ran* has host and seconds of each case that ran. On a class where it did not run, a case is taken to differ from
    what it took as much as its expectations do.
    """
    classes = {host.name: host.hw_class for host in work.hosts}
    cases = [case for case in work.cases if case in ran and ran[case][0] in classes]
    if not cases:
        return 0.0
    seconds: dict[str, dict[int, float]] = {name: {} for name in work.seconds}
    for case in cases:
        host, took_s = ran[case]
        expected_s = work.seconds[classes[host]][case]
        for name, column in work.seconds.items():
            seconds[name][case] = took_s * (column[case] / expected_s if expected_s > 0 else 1.0)
    return bounds(work._replace(cases=cases, seconds=seconds))[0].seconds


def verdict_line(came_to: RunJudged, planned_s: float) -> str:
    """Return a sentence: what the run took, what was predicted (0.0: nothing), its bound; "" where nothing ran."""
    took_s, tests_s, least_s = came_to
    if least_s <= 0 or tests_s <= 0:
        return ""
    predicted = f"; predicted {figure(planned_s)} for the tests" if planned_s > 0 else ""
    start = f"{figure(max(0.0, took_s - tests_s))} of it before the first test"
    above = f"{_above(took_s, least_s)} above, the tests alone {_above(tests_s, least_s)}"
    return f"took {figure(took_s)}, {start}{predicted}; bound {figure(least_s)} ({above})"


def figure(seconds: float) -> str:
    """Return *seconds* with a digit behind the point, as long as that is worth something."""
    return f"{seconds:.1f} s" if 0.95 <= seconds < 119.5 else duration(seconds)


def _above(took_s: float, least_s: float) -> str:
    return f"{100 * (took_s / least_s - 1):.0f} %"
