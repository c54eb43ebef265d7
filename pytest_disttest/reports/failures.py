"""What the failures of a run have in common, and which tests were flaky, in lines for its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_disttest.recovery.causes import Group
from pytest_disttest.recovery.verdicts import Verdict
from pytest_disttest.reports.wording import first_line, plural, printable

MOST_LINES = 20
MOST_NAMED = 3


class Unsteady(NamedTuple):
    """A test that passed after it had not: how often it was tried, where, and what its first failure was."""

    nodeid: str
    verdict: Verdict
    attempts: int
    passed_on: str
    failed_on: tuple[str, ...]
    failure: str
    message: str


def unsteady_lines(tests: Sequence[Unsteady]) -> list[str]:
    """Return a line for each of the first twenty, and how many there are beyond."""
    lines = [_unsteady_line(test) for test in tests[:MOST_LINES]]
    beyond = len(tests) - len(lines)
    return [*lines, f"and {plural(beyond, 'flaky test')} more"] if beyond > 0 else lines


def _unsteady_line(test: Unsteady) -> str:
    hosts = (
        ""
        if (test.passed_on, *test.failed_on) == (test.passed_on,) * (1 + len(test.failed_on))
        else (f" on {test.passed_on}, not on {', '.join(test.failed_on)}")
    )
    reason = printable(first_line(test.message))
    return (
        f"{test.verdict.value.upper()} {printable(test.nodeid)}: passed on attempt {test.attempts}{hosts}; "
        f"{test.failure}: {reason}"
    )


def cause_lines(groups: Sequence[Group]) -> list[str]:
    """Return a line for each cause that several tests have, and which tests these are."""
    lines: list[str] = []
    for group in groups[:MOST_LINES]:
        place = f" at {group.place}" if group.place else ""
        hosts = f" on {', '.join(group.hosts)}" if group.hosts else ""
        lines.append(f"{plural(len(group.tests), 'test')} failed alike{place}{hosts}: {printable(group.message)}")
        named = ", ".join(map(printable, group.tests[:MOST_NAMED]))
        beyond = len(group.tests) - MOST_NAMED
        lines.append(f"  {named}" + (f" and {beyond} more" if beyond > 0 else ""))
    return lines
