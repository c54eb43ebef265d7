"""What a worker says of a test: two short lines where nothing is to be told, everything otherwise."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.worker.recorder import Recorder


class Line:
    """A link and its outbox, which keep what is said."""

    def __init__(self) -> None:
        self.outbox = self
        self.said = b""

    def append(self, line: bytes) -> None:
        self.said += line

    def send(self, *message: Any) -> None:
        self.append(wire.pack(list(message)))

    def push_if_due(self) -> None:
        """Nothing is due."""

    def end_when_closed(self) -> None:
        """Nobody closes it."""


class Worker:
    """Takes the part of a worker's session in a plain run."""

    def __init__(self) -> None:
        self.line: Any = Line()

    def pytest_configure(self, config: pytest.Config) -> None:
        self.recorder = Recorder(self.line, config)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.recorder.start(0, item)
        answer = yield
        self.recorder.end()
        return answer

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.recorder.report(report)


@pytest.fixture(autouse=True)
def _no_autoload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins that happen to be installed add to reports."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


class Adder:
    """A plugin that adds to the reports of calls."""

    def __init__(self, **extra: object) -> None:
        self.extra = extra

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, object]:
        report = yield
        if call.when == "call":
            vars(report).update(self.extra)
        return report


def told(pytester: pytest.Pytester, *plugins: object, **files: str) -> list[list[Any]]:
    """Run the one test in *files*, and return what a worker would say of it."""
    pytester.makepyfile(**files)
    worker = Worker()
    pytester.inline_run("-p", "no:cacheprovider", plugins=[worker, *plugins])
    return [message for message, _ in wire.unpack_lines(worker.line.said)]


def test_a_trivial_test_takes_two_lines(pytester: pytest.Pytester):
    """Its start, and that it passed: when, how long, at which line of its file."""
    start, passed = told(pytester, test_a="""
        import pytest

        class TestIt:
            @pytest.mark.parametrize("x", ["b.c"])
            def test_b(self, x):
                pass
    """)  # fmt: skip

    assert (["start", 0], ["pass", 0]) == (start, passed[:2])
    assert [float] * 4 + [int] == list(map(type, passed[2:]))
    assert passed[2] > 1e9 > passed[3] >= 0


def test_a_place_that_the_node_id_does_not_tell_travels(pytester: pytest.Pytester):
    """A method that is inherited from another file stands there."""
    pytester.syspathinsert()
    _, passed = told(
        pytester,
        base="class Base:\n    def test_b(self): pass",
        test_a="from base import Base\nclass TestIt(Base): pass",
    )

    assert [1, "base.py", "TestIt.test_b"] == passed[6:]


@pytest.mark.parametrize("body", ["print(1)", "assert 0", "record_property('a', 1)"])
def test_a_test_with_something_to_tell_is_told_in_full(pytester: pytest.Pytester, body: str):
    """Output, a failure, a property."""
    said = told(pytester, test_a=f"def test_b(record_property): {body}")

    assert ["start", "report", "report", "report", "end"] == [message[0] for message in said]


def test_small_things_that_plugins_add_travel_with_the_pass(pytester: pytest.Pytester):
    """pytest-html adds an empty list to every report; what is held is what was there when it was reported."""
    extras: list[object] = []

    class Late:
        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logfinish(self) -> None:
            extras.append("too late")

    _, passed = told(pytester, Adder(extras=extras, rank=3), Late(), test_a="def test_b(): pass")

    assert [0, "test_a.py", "test_b", [{}, {"extras": [], "rank": 3}, {}]] == wire.restore(passed[6:])


@pytest.mark.parametrize("value", [["a"], {}, object(), (1,)], ids=type)
def test_anything_else_that_plugins_add_is_told_in_full(pytester: pytest.Pytester, value: object):
    """Values that may be large, or arrive as something else."""
    said = told(pytester, Adder(extras=value), test_a="def test_b(): pass")

    assert ["start", "report", "report", "report", "end"] == [message[0] for message in said]


def test_an_unexpected_pass_is_no_plain_pass(pytester: pytest.Pytester):
    """``wasxfail`` is another outcome: counted as passed, it would be lost from the history."""
    body = "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_b(): pass"

    said = told(pytester, test_a=body)

    assert "pass" not in [message[0] for message in said]


@pytest.mark.parametrize(
    "body",
    [
        "print('x' * 30_000_000, end='THE END')",
        "raise ValueError('x' * 30_000_000 + 'THE END')",
        "raise ValueError(('x' * 99 + '\\n') * 300_000 + 'THE END')",
        "record_property('a', 'x' * 30_000_000 + 'THE END')",
        "import warnings; warnings.warn('x' * 30_000_000 + 'THE END')",
    ],
)
def test_what_is_far_too_long_is_cut(pytester: pytest.Pytester, body: str):
    """Output, a message in one line or in many, a property: its end is told, and that something is missing."""
    said = told(pytester, test_a=f"def test_b(record_property): {body}")
    lines = [wire.pack(message) for message in said]

    assert any(b"THE END" in line and b"left out" in line for line in lines)
    assert max(map(len, lines)) < 30_000_000
