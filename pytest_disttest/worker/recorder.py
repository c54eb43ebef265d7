"""What a worker tells of each test: a compact form for a plain pass, every report in full otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import isfinite
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.worker.link import Link
from pytest_disttest.worker.shortening import cut, fitting, shortened
from pytest_disttest.worker.subtests import failed_subtests

PHASES = ("setup", "call", "teardown")
Extra = dict[str, Any]
NO_EXTRA: Extra = {}
_SCALARS = (type(None), bool, int, float, str)


class Recorder:
    """Gathers the reports of the running item; says ``pass`` when all three phases passed and say nothing.

    *has_failed* tells that one of them was a failure.
    """

    def __init__(self, link: Link, config: pytest.Config) -> None:
        self._link = link
        self._config = config
        self._held: list[pytest.TestReport] = []
        self._extras: list[Extra] = []
        self._compact = True
        self.has_failed = False
        self._plain_fields = frozenset(vars(_sample_report()))
        self.index = -1
        self._item: pytest.Item | None = None
        self._nodeid = ""
        self._keywords = 0
        self.afterwards: Callable[[], None] | None = None

    def start(self, index: int, item: pytest.Item) -> None:
        """The *item* number *index* of this worker begins; what the worker dies of from here on is its doing."""
        self.index, self._item, self._nodeid = index, item, item.nodeid
        self._keywords = _count_own_keywords(item)
        self._held, self._extras = [], []
        self._compact, self.has_failed = True, False
        self._link.outbox.append(wire.start_line(index))

    def report(self, report: Any) -> None:
        """Take one report, of any kind a plugin may send."""
        if self._compact and self._is_plain_pass(report) and (extra := self._extra_of(report)) is not None:
            self._held.append(report)
            self._extras.append(extra)
            return
        self.spill()
        if report.when == "call" and (count := failed_subtests(self._config, report)):
            self._link.send("subtests", self.index, count)
        self._send(report)

    def end(self) -> None:
        """The running item is through all its phases."""
        self._link.end_when_closed()
        if self._compact and len(self._held) == len(PHASES) and _count_own_keywords(self._item) == self._keywords:
            self._say_pass(*self._held)
        else:
            self.spill()
            if self.afterwards is not None:
                self.afterwards()
                self.afterwards = None
            self._link.send("end", self.index)
        self._held, self._extras = [], []
        self.index = -1
        self._link.outbox.push_if_due()

    def junit(self, method: str, name: str, value: str) -> None:
        """A fixture of the running item wrote into the JUnit report."""
        self.spill()
        self._link.send("junit", self.index, method, name, shortened(value))

    def late(self, index: int, report: Any) -> None:
        """A report on an item that ended before: a shared fixture of it was torn down only now."""
        self._link.send("late", index, self._serialized(report))

    def spill(self) -> None:
        """Tell in full what was held for the compact form."""
        held, self._held, self._compact = self._held, [], False
        for report, extra in zip(held, self._extras, strict=True):
            self._send(_as_it_was(report, extra))
        self._extras = []

    def _send(self, report: Any) -> None:
        is_renamed = self._item is None or report.nodeid != self._item.nodeid
        self.has_failed = self.has_failed or report.outcome == "failed"
        self._link.send("report", self.index, self._serialized(report), is_words(report), is_renamed)

    def _is_plain_pass(self, report: Any) -> bool:
        held = len(self._held)
        return (
            type(report) is pytest.TestReport
            and report.outcome == "passed"
            and held < len(PHASES)
            and report.when == PHASES[held]
            and not report.sections
            and not report.user_properties
            and report.longrepr is None
            and report.nodeid == self._nodeid
        )

    def _extra_of(self, report: pytest.TestReport) -> Extra | None:
        """Return what plugins have added to a report (pytest-html: an empty list), None for what is not so simple."""
        fields = report.__dict__
        if fields.keys() == self._plain_fields:
            return NO_EXTRA
        if not fields.keys() >= self._plain_fields or "wasxfail" in fields:  # the latter is another outcome
            return None
        extra = {name: fields[name] for name in fields if name not in self._plain_fields}
        if all(type(value) in _SCALARS or (type(value) is list and not value) for value in extra.values()):
            return {name: [] if type(value) is list else value for name, value in extra.items()}
        return None

    def _say_pass(self, setup: Any, call: Any, teardown: Any) -> None:
        phases = setup.duration, call.duration, teardown.duration
        path, line, domain = call.location
        has_place = type(line) is int and (path, domain) == wire.place_of(self._nodeid)
        if has_place and not any(self._extras) and isfinite(setup.start + sum(phases)):
            self._link.outbox.append(wire.pass_line(self.index, setup.start, phases, line))
            return
        rounded = (round(setup.start, 6), *(round(seconds, 7) for seconds in phases))
        extras = [wire.plain(self._extras)] if any(self._extras) else []
        self._link.send("pass", self.index, *rounded, line, path, domain, *extras)

    def _serialized(self, report: Any) -> Any:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        return fitting(wire.plain(data))


def is_words(report: Any) -> bool:
    """Whether the report's representation is an object of which only the text can travel."""
    longrepr = report.longrepr
    return hasattr(longrepr, "toterminal") and not hasattr(longrepr, "reprcrash")


def collect_report(config: pytest.Config, report: pytest.CollectReport) -> Any:
    """Return a collection report in builtins."""
    return fitting(wire.plain(config.hook.pytest_report_to_serializable(config=config, report=report)))


def warning(message: warnings.WarningMessage) -> dict[str, Any]:
    """Return a recorded warning in builtins: its text and the name of its class, never the object."""
    category = message.category or (type(message.message) if isinstance(message.message, Warning) else Warning)
    return {
        "text": cut(wire.plain(str(message.message))),
        "category": category.__name__,
        "module": category.__module__,
        "bases": [base.__name__ for base in category.__mro__ if base.__module__ == "builtins"],
        "filename": wire.plain(str(message.filename)),
        "lineno": message.lineno,
        "line": message.line,
        "source": None if message.source is None else wire.plain(repr(message.source)),
    }


def _count_own_keywords(item: pytest.Item | None) -> int:
    """Marks and keywords may be added while a test runs; those from before are known from the table of cases."""
    return len(getattr(item.keywords, "_markers", ())) + len(item.extra_keyword_matches) if item is not None else 0


def _as_it_was(report: pytest.TestReport, extra: Extra) -> pytest.TestReport:
    """Return a plain pass as it was when it was held: a plugin's logreport hook may have written into it since."""
    return pytest.TestReport(
        report.nodeid,
        report.location,
        report.keywords,
        "passed",
        None,
        report.when,
        duration=report.duration,
        start=report.start,
        stop=report.stop,
        **extra,
    )


def _sample_report() -> pytest.TestReport:
    return pytest.TestReport("", ("", None, ""), {}, "passed", None, "call")
