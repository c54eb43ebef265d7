"""The three reports of a test that passed without a word: pytest's own class, made by hand.

A run keeps three reports of each test, and most of them look like this. pytest's constructor parses the node id in
each, and gives each a dict of its own; by hand it is a quarter of the time and half of the memory. What is made is
compared once with what the constructor makes: a pytest whose reports hold something else gets its constructor back.
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_disttest.model import Pass

Location = tuple[str, int | None, str]
Keywords = dict[str, int]
Reports = tuple[pytest.TestReport, pytest.TestReport, pytest.TestReport]


def plain_reports(nodeid: str, location: Location, keywords: Keywords, passed: Pass) -> Reports:
    """Return the reports of setup, call and teardown; each begins where the one before ended."""
    _, _, began, setup_s, call_s, teardown_s = passed
    called, ended = began + setup_s, began + setup_s + call_s
    identity = _identity(nodeid)
    return (
        _make(identity, location, keywords, "setup", setup_s, began),
        _make(identity, location, keywords, "call", call_s, called),
        _make(identity, location, keywords, "teardown", teardown_s, ended),
    )


def _by_constructor(
    identity: Any, location: Location, keywords: Keywords, when: Any, duration: float, start: float
) -> pytest.TestReport:
    named: dict[str, Any] = keywords
    return pytest.TestReport(identity, location, named, "passed", None, when, (), duration, start, start + duration)


def _by_hand(
    identity: Any, location: Location, keywords: Keywords, when: Any, duration: float, start: float
) -> pytest.TestReport:
    report: Any = _new(pytest.TestReport)
    setattr(report, _IDENTITY, identity)
    report.location = location
    report.keywords = keywords
    report.outcome = "passed"
    report.longrepr = None
    report.when = when
    report.user_properties = []
    report.sections = []
    report.duration = duration
    report.start = start
    report.stop = start + duration
    made: pytest.TestReport = report
    return made


def _is_the_same() -> bool:
    """Whether both ways lead to the same attributes, in the same order."""
    sample = _identity("a.py::b"), ("a.py", 1, "b"), {"b": 1}, "call", 1.0, 2.0
    return list(vars(_by_hand(*sample)).items()) == list(vars(_by_constructor(*sample)).items())


_new = object.__new__
_PARSED = getattr(pytest.TestReport("a.py::b", ("", None, ""), {}, "passed", None, "call"), "_id", None)
_IDENTITY = "nodeid" if _PARSED is None else "_id"
"""pytest 9.2 keeps the node id in parts."""

_identity: Any = str if _PARSED is None else type(_PARSED).parse
_make = _by_hand if _is_the_same() else _by_constructor
