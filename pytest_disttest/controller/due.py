"""Deadlines of tests and of the run: what cannot be in time is told beforehand, what was late afterwards.

Made, and imported, where there is a deadline. The deadline of the run ends it: nothing more begins, what runs is
interrupted as Ctrl-C would, and what has no outcome is reported as not run. The run has failed then, for nobody knows
whether all tests pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from _pytest.main import Failed

from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.experience import Expected
from pytest_disttest.controller.prospect import prospect_of
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Outcome, Plan
from pytest_disttest.plan.bottleneck import bottleneck, duration
from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.deadlines import Crowd, Miss, crowd, misses
from pytest_disttest.plan.ranks import latest_ends

SHOWN = 10
PATH_SHOWN = 4


class RunExpired(Failed):
    """The deadline of the run has passed."""


def late_beforehand(plan: Plan, run: Run, expected: Expected, classes: Mapping[str, str]) -> Iterator[str]:
    """Yield which deadlines cannot be met, and why: proofs, as far as the expected durations hold."""
    least = least_s(plan, run, expected, classes)
    if not expected.everywhere or not least:
        return
    names = {case: run.nodeid(case) for case in least}
    deadlines = {case: s for case, s in run.collected.deadlines.items() if case in least}
    late = misses(deadlines, least, plan.prerequisites, run.elapsed_s)
    yield from _shortened([late_line(miss, names) for miss in late])
    lost = {miss.case for miss in late}
    rest = {case: s for case, s in deadlines.items() if case not in lost}
    workers = sum(link.workers for link in run.ready_links)
    found = crowd(latest_ends(rest, least, plan.prerequisites), least, workers, run.elapsed_s)
    if found is not None:
        yield crowd_line(found)
    if run.settings.deadline_s:
        yield from _late_run(plan, run, expected, classes, names)


def _late_run(
    plan: Plan, run: Run, expected: Expected, classes: Mapping[str, str], names: Mapping[int, str]
) -> Iterator[str]:
    work = prospect_of(run, plan, expected, classes).work
    found = bounds(work)
    limit_s = run.settings.deadline_s
    if found and run.elapsed_s + found[0].seconds > limit_s:
        why = bottleneck(work, found[0].seconds, names)
        yield f"the run cannot be over in {duration(limit_s)} (--hw-deadline): {why}"


def least_s(plan: Plan, run: Run, expected: Expected, classes: Mapping[str, str]) -> dict[int, float]:
    """Return the seconds of each case on the fastest host that fits it; 0.0 where nobody knows."""
    ready = [link.host.name for link in run.ready_links]
    found = {}
    for unit in plan.units:
        for case in unit.cases:
            fits = plan.eligible.get(case, ready)
            there = [expected.on_class.get((case, classes.get(host, ""))) for host in ready if host in fits]
            known = [seconds for seconds in there if seconds is not None]
            found[case] = min(known) if known else expected.everywhere.get(case, 0.0)
    return found


def late_line(miss: Miss, names: Mapping[int, str]) -> str:
    """Return why a deadline cannot be met, in a sentence."""
    line = (
        f"{names[miss.case]} cannot end in {duration(miss.deadline_s)} (its deadline): "
        f"it takes {duration(miss.earliest_s)} at least"
    )
    before = [names[case] for case in miss.path[:-1]]
    if not before:
        return line
    shown = before if len(before) <= PATH_SHOWN else [*before[: PATH_SHOWN - 1], "...", before[-1]]
    return f"{line}, after {' -> '.join(shown)}"


def crowd_line(found: Crowd) -> str:
    """Return which deadlines cannot be met together, in a sentence."""
    return (
        f"not all deadlines up to {duration(found.deadline_s)} can be met: {found.cases} tests must end by then, "
        f"which takes {found.workers} workers {duration(found.needed_s)}"
    )


def late_afterwards(
    deadlines: Mapping[int, float], ended_s: Mapping[int, float], names: Mapping[int, str]
) -> list[str]:
    """Return which tests were late, in lines for the end of the run; all times count from its start."""
    late = sorted(case for case, limit_s in deadlines.items() if ended_s.get(case, float("inf")) > limit_s)
    if not late:
        return []
    lines = [
        f"  {names[case]}: ended after {duration(ended_s[case])}, its deadline was {duration(deadlines[case])}"
        if case in ended_s
        else f"  {names[case]}: did not end; its deadline was {duration(deadlines[case])}"
        for case in late
    ]
    return [f"{len(late)} of {len(deadlines)} deadlines were missed:", *_shortened(lines)]


def _shortened(lines: Sequence[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"  ... and {more} more"] if more > 0 else list(lines)


def tell(lines: Iterator[str], run: Run) -> None:
    """Show what cannot be in time, and keep it."""
    for line in lines:
        run.screen.note(line)
        run.journal.note("deadline", line.strip())


def summary(run: Run, plan: Plan) -> list[str]:
    """Return what is to be said at the end of the run."""
    planned = {case for unit in plan.units for case in unit.cases}
    deadlines = {case: seconds for case, seconds in run.collected.deadlines.items() if case in planned}
    ended_s = {case: moment - run.began_at for case, moment in run.ended_at.items()}
    lines = late_afterwards(deadlines, ended_s, {case: run.nodeid(case) for case in deadlines})
    for line in lines:
        run.journal.note("deadline", line.strip())
    return lines


def expire(run: Run) -> None:
    """End the run if its deadline has passed."""
    limit_s = run.settings.deadline_s
    if run.elapsed_s < limit_s or run.stopping or run.ending is not None:
        return
    what = f"{run.remaining} tests have no result" if run.scheduler is not None else "no test has begun"
    message = f"the run's deadline has passed ({duration(limit_s)}, --hw-deadline): {what}"
    run.journal.note("deadline", message)
    run.end_early(RunExpired(message))
    run.session.shouldfail = message


def report_not_run(run: Run, cases: CaseWork) -> None:
    """Report what has no outcome as not run: the deadline of the run has passed."""
    for case in run.scheduler.open_cases if run.scheduler is not None else ():
        cases.not_run(case, Outcome.CANCELLED, f"the run's deadline has passed ({duration(run.settings.deadline_s)})")
