"""What is said of a worker that died, and of the test it died of."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from pytest_disttest.worker.outbox import CUT_OFF, OUT_OF_MEMORY

SHOWN_CHARACTERS = 10_000


class CrashScheduling:
    """What plugins use of xdist's scheduler in ``pytest_handlecrashitem``: they may ask for the case once more."""

    def __init__(self, config: pytest.Config, crashitem: str) -> None:
        self.config = config
        self.again = False
        self._crashitem = crashitem

    def mark_test_pending(self, item: str) -> None:
        """Run the crashed case again, on another worker. Raises ValueError for any other case."""
        if item != self._crashitem:
            raise ValueError(f"only the crashed test {self._crashitem!r} can be run again here, not {item!r}")
        self.again = True


def cause_of_death(code: int | None) -> str:
    """Return how a process ended, in words: its signal by name, or its exit code."""
    if code is None:
        return "lost with its host"
    if code < 0:
        return f"killed by {_signal_name(-code)}"
    if code == CUT_OFF:
        return f"exit code {code} (its line to the agent was closed: did the test close descriptors?)"
    if code == OUT_OF_MEMORY:
        return f"exit code {code} (MemoryError outside of the test's own code: nothing was left)"
    if code > 128:
        return f"exit code {code} ({_signal_name(code - 128)}?)"
    return f"exit code {code}"


def crash_report(
    nodeid: str,
    location: tuple[str, int | None, str],
    *,
    keywords: Mapping[str, Any],
    worker: str,
    host: str,
    cause: str,
    words: Mapping[str, str],
    limit_s: float = 0.0,
) -> pytest.TestReport:
    """Return the failed report of the test that *worker* died of, with what it wrote last.

    With a *limit_s* it was killed since the test took longer than that; its stacks are among its last words.
    """
    where = f"worker {worker!r}" + ("" if host == "local" else f" on host {host!r}")
    headline = (
        f"took longer than {limit_s:g} s (--hw-timeout); {where} was killed, and told its stacks before"
        if limit_s
        else f"{where} crashed while running {nodeid!r}: {cause}"
    )
    sections = [
        (f"Captured std{stream} of the crashed worker", text[-SHOWN_CHARACTERS:])
        for stream in ("out", "err")
        if (text := words.get(stream, "").strip("\n"))
    ]
    report = pytest.TestReport(nodeid, location, dict(keywords), "failed", headline, "call", sections)
    report.hw_crashed = not limit_s  # type: ignore[attr-defined]
    return report


def outlasts_crash(report: Any) -> bool:
    """Whether a report of an attempt stands beside that of its crash: one result, whatever its phases had said before.

    A set-up that passed does, and what is no phase's (a subtest's).
    """
    return type(report) is not pytest.TestReport or (report.when == "setup" and report.passed)


def tell_of_phases(crash: pytest.TestReport, reports: Sequence[Any]) -> None:
    """Say in the report of a *crash* what phases before it had ended with, since theirs do not stand beside it."""
    for report in reports:
        if not (outlasts_crash(report) or report.passed):
            crash.sections.append((f"Before that, its {report.when} {_ended(report)}", report.longreprtext))


def _ended(report: pytest.TestReport) -> str:
    return "was skipped" if report.skipped else "failed"


def after_crash(report: pytest.TestReport) -> pytest.TestReport:
    """Return the teardown that never was: pytest-html, for one, shows a test only once that is reported."""
    return pytest.TestReport(report.nodeid, report.location, report.keywords, "passed", None, "teardown")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
