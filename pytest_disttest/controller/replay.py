"""What workers told, brought into pytest's own hooks as if it had happened here.

All reports of a case are replayed in one go when the case has ended, between its logstart and its
logfinish: reporter plugins then see the sequence they know from an undistributed run, whatever the
workers did side by side.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from _pytest._code.code import TerminalRepr
from _pytest._io import TerminalWriter
from _pytest.junitxml import xml_key

from pytest_disttest import wire
from pytest_disttest.controller.collection import Collected
from pytest_disttest.controller.junit import Entry, tell_of_case
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.passes import plain_reports
from pytest_disttest.model import Outcome, Pass, PhaseTime
from pytest_disttest.reports.reporter import logstart_hook
from pytest_disttest.worker.subtests import remember_failed_subtests, restore_context

Location = tuple[str, int | None, str]


@dataclass(slots=True)
class Story:
    """What is known of a case that runs: its reports so far, and what its worker says of each phase that failed.

    *lines* are the same reports as they came: the worker's messages ``["report", item, data, is_words, is_renamed]``,
    the representation having been no text at its origin, and the id being a plugin's. *limit_s* is how long it might
    take, once it has taken longer and its worker is being killed.
    """

    case: int
    started_at: float
    reports: list[Any] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    failed_subtests: int = 0
    junit: list[Entry] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    limit_s: float = 0.0

    def keep(self, stands: Callable[[Any], bool]) -> None:
        """Forget the reports that do not stand any more."""
        both = [pair for pair in zip(self.reports, self.lines, strict=True) if stands(pair[0])]
        self.reports, self.lines = [report for report, _ in both], [line for _, line in both]


@dataclass(frozen=True, slots=True)
class Told:
    """A case's end in our own words."""

    outcome: Outcome
    started_at: float
    times: PhaseTime
    message: str
    longrepr: str

    @property
    def duration_s(self) -> float:
        """Seconds of all three phases."""
        return self.times.setup_s + self.times.call_s + self.times.teardown_s


class Words(TerminalRepr):
    """A representation of which only the words could travel; pytest shows no headline of it, nor of its origin."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    def toterminal(self, tw: TerminalWriter) -> None:
        for line in self._text.splitlines():
            tw.line(line)


class Replayer:
    """Makes reports of messages and sends them through the hooks."""

    def __init__(self, config: pytest.Config, collected: Collected, run_uid: str) -> None:
        self._config = config
        self._hook = config.hook
        self._logstart = logstart_hook(config)
        self._logreport = config.hook.pytest_runtest_logreport
        self._logfinish = config.hook.pytest_runtest_logfinish
        self._collected = collected
        self._run_uid = run_uid

    def plain_pass(
        self, node: WorkerNode, passed: Pass, line: int | None, more: Sequence[Any] = (), *, is_flaky: bool = False
    ) -> None:
        """Replay a case that passed all three phases without a word, at *line* of its file.

        *more* is path and domain of its location where its node id does not say them, and then what plugins added to
        each report.
        """
        case = passed[0]
        known = self._collected.cases[case]
        path, _, domain = known.location
        if more:
            path, domain = more[:2]
        nodeid, location = known.nodeid, (path, line, domain)
        self._logstart(nodeid=nodeid, location=location)
        reports = plain_reports(nodeid, location, self._collected.keywords_of(case), passed)
        for report, extra in zip(reports, wire.restore(more[2]) if more[2:] else (), strict=False):
            vars(report).update(extra)
        if is_flaky:
            mark_flaky(reports)
        for report in reports:
            self._send(report, node, case)
        self._logfinish(nodeid=nodeid, location=location)

    def report(self, data: Any, is_words: bool = False) -> Any:
        """Return the report object of serialized *data*; *is_words*: its representation was no text at its origin."""
        restored = wire.restore(data)
        report = self._hook.pytest_report_from_serializable(config=self._config, data=restored)
        if report is None:
            report = pytest.TestReport._from_json(restored)
        restore_context(report, restored)
        if is_words and isinstance(report.longrepr, str):
            report.longrepr = Words(report.longrepr)
        return report

    def tell_own(self, story: Story, report: Any) -> None:
        """Add a report that nobody told to the story of a case."""
        data = self._hook.pytest_report_to_serializable(config=self._config, report=report)
        story.reports.append(report)
        story.lines.append(wire.pack(["report", story.case, wire.plain(data), False, False]).rstrip())

    def story(self, node: WorkerNode, story: Story) -> Told:
        """Replay a case from its reports."""
        nodeid = self._collected.cases[story.case].nodeid
        location = next((r.location for r in story.reports if getattr(r, "location", None)), (nodeid, None, nodeid))
        self._logstart(nodeid=nodeid, location=location)
        for report in story.reports:
            if story.failed_subtests and report.when == "call":
                remember_failed_subtests(self._config, report, story.failed_subtests)
            self._send(report, node, story.case)
            if report is story.reports[0]:
                tell_of_case(self._config, report, story.junit)
        self._logfinish(nodeid=nodeid, location=location)
        return told(story.reports, story.started_at)

    def rerun(self, node: WorkerNode, story: Story, number: int) -> Told:
        """Replay an attempt that is made again, the *number*-th (1 = the first), in pytest-rerunfailures' form.

        The JUnit report has one element for a test, and that is its last attempt.
        """
        log = self._config.stash.get(xml_key, None)
        logreport = self._config.pluginmanager.subset_hook_caller(
            "pytest_runtest_logreport", [] if log is None else [log]
        )
        nodeid = self._collected.cases[story.case].nodeid
        location = next((r.location for r in story.reports if getattr(r, "location", None)), (nodeid, None, nodeid))
        self._logstart(nodeid=nodeid, location=location)
        for report in map(copy.copy, story.reports):
            report.rerun = number - 1
            if report.failed:
                report.outcome = "rerun"
            self._sign(report, node, story.case)
            logreport(report=report)
        self._logfinish(nodeid=nodeid, location=location)
        return told(story.reports, story.started_at)

    def late(self, node: WorkerNode, case: int, report: Any) -> None:
        """Replay a report that came after its case had ended."""
        self._send(report, node, case)

    def not_run(self, case: int, reason: str, *, outcome: str = "skipped") -> Told:
        """Report a case that no worker ran: skipped, or failed in its setup, with *reason*."""
        nodeid = self._collected.cases[case].nodeid
        location = self.location_of(case)
        keywords = self._collected.keywords_of(case)
        line = (location[1] or 0) + 1
        longrepr: Any = (location[0], line, f"Skipped: {reason}") if outcome == "skipped" else reason
        self._logstart(nodeid=nodeid, location=location)
        reports = [
            pytest.TestReport(nodeid, location, keywords, outcome, longrepr, "setup"),  # type: ignore[arg-type]
            pytest.TestReport(nodeid, location, keywords, "passed", None, "teardown"),  # type: ignore[arg-type]
        ]
        for report in reports:
            self._logreport(report=report)
        self._logfinish(nodeid=nodeid, location=location)
        return told(reports, 0.0)

    def location_of(self, case: int) -> Location:
        """Return the location of a case that never ran."""
        return self._collected.cases[case].location

    def keywords_of(self, case: int) -> dict[str, int]:
        """Return the keywords of a case."""
        return self._collected.keywords_of(case)

    def warning(self, data: dict[str, Any], when: str, nodeid: str, location: Any) -> None:
        """Replay a warning that a worker recorded."""
        self._hook.pytest_warning_recorded.call_historic(
            kwargs={
                "warning_message": _warning_message(data),
                "when": when,
                "nodeid": nodeid,
                "location": wire.restore(location),
            }
        )

    def _send(self, report: Any, node: WorkerNode, case: int) -> None:
        self._sign(report, node, case)
        self._logreport(report=report)

    def _sign(self, report: Any, node: WorkerNode, case: int) -> None:
        report.node = node
        report.worker_id = node.id
        report.testrun_uid = self._run_uid
        report.item_index = case


def mark_flaky(reports: Sequence[Any]) -> None:
    """Let it be seen of a test that passes that an attempt before did not."""
    for report in reports:
        if report.when == "call" and report.passed:
            report.hw_flaky = True


def told(reports: Sequence[Any], started_at: float) -> Told:
    """Return the outcome of a case from its reports: the worst of its phases, the last one of equals.

    A test that passes passes, also when a subtest of it was skipped or a rerun came before.
    """
    durations = {"setup": 0.0, "call": 0.0, "teardown": 0.0}
    outcome = Outcome.PASSED
    message = longrepr = ""
    for report in reports:
        if report.when in durations:
            durations[report.when] += getattr(report, "duration", 0.0) or 0.0
        found = outcome_of(report)
        if found is not None and _RANK[found] >= _RANK[outcome]:
            outcome = found
            message, longrepr = ("", "") if found is Outcome.PASSED else _words(report)
    times = PhaseTime(durations["setup"], durations["call"], durations["teardown"])
    return Told(outcome, started_at, times, message, longrepr)


_RANK = {
    Outcome.PASSED: 1,
    Outcome.SKIPPED: 1,
    Outcome.XPASSED: 1,
    Outcome.XFAILED: 1,
    Outcome.ERROR: 2,
    Outcome.FAILED: 3,
    Outcome.CRASHED: 4,
}


def outcome_of(report: Any) -> Outcome | None:
    """Return what one report says of its case; None for a phase that says nothing."""
    if getattr(report, "hw_crashed", False):
        return Outcome.CRASHED
    if hasattr(report, "wasxfail"):
        return Outcome.XFAILED if report.skipped else Outcome.XPASSED
    if report.failed:
        return Outcome.FAILED if report.when == "call" else Outcome.ERROR
    if report.skipped:
        return Outcome.SKIPPED
    return Outcome.PASSED if report.when == "call" else None


def _words(report: Any) -> tuple[str, str]:
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):
        return str(longrepr[2]), str(longrepr[2])
    crash = getattr(longrepr, "reprcrash", None)
    text = "" if longrepr is None else str(longrepr)
    first = crash.message if crash is not None else text
    if getattr(report, "hw_crashed", False):  # it has no traceback: its last output is all there is
        text = "\n".join([text, *(f"--- {title}\n{words}" for title, words in report.sections)])
    return first.splitlines()[0] if first else "", text


def _warning_message(data: dict[str, Any]) -> warnings.WarningMessage:
    category = _category(data["category"], data["module"], data["bases"])
    return warnings.WarningMessage(
        message=_warning(category, data["text"]),
        category=category,
        filename=data["filename"],
        lineno=data["lineno"],
        line=data["line"],
        source=data["source"],
    )


def _category(name: str, module: str, bases: Sequence[str]) -> type[Warning]:
    """The class of that name if it is loaded here, else one that looks like it: a host's word imports nothing."""
    import builtins
    import sys

    # not getattr: a package that loads its parts on demand would do so
    found = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    if isinstance(found, type) and issubclass(found, Warning):
        return found
    known = (getattr(builtins, base, None) for base in bases)
    parent: type[Warning] = next((b for b in known if isinstance(b, type) and issubclass(b, Warning)), Warning)
    return type(name, (parent,), {"__module__": module})


def _warning(category: type[Warning], text: str) -> Warning:
    """A warning of that class without a call of its ``__init__``, which may want other arguments."""
    try:
        message = category.__new__(category, text)
        message.args = (text,)
        return message if str(message) == text else Warning(text)
    except Exception:  # its __new__ or __str__ counts on what __init__ would have set
        return Warning(text)
