"""The reports of a plain pass, made by hand: pytest's own in every respect."""

from __future__ import annotations

import pickle

import pytest

from pytest_disttest.controller import passes
from pytest_disttest.controller.passes import plain_reports

NODEIDS = ("a.py::test_b", "d/a.py::A::test_b[x::y]", "a.yaml", "a[1].py::test_c[é]")
PASSED = (7, 1, 100.0, 1.0, 2.0, 4.0)


def reports(nodeid: str) -> passes.Reports:
    return plain_reports(nodeid, ("a.py", 1, "test_b"), {"test_b": 1, "slow": 1}, PASSED)


@pytest.mark.parametrize("nodeid", NODEIDS)
def test_they_are_what_the_constructor_makes(nodeid: str):
    """Class, attributes, their order and their types."""
    times = {"setup": (100.0, 1.0), "call": (101.0, 2.0), "teardown": (103.0, 4.0)}
    for report in reports(nodeid):
        start, duration = times[report.when]
        like = pytest.TestReport(
            nodeid, ("a.py", 1, "test_b"), {"test_b": 1, "slow": 1}, "passed", None, report.when, (),
            duration, start, start + duration,
        )  # fmt: skip

        assert type(report) is pytest.TestReport
        assert list(vars(like).items()) == list(vars(report).items())
        assert (nodeid, True) == (report.nodeid, report.passed)
        assert vars(like) == vars(pickle.loads(pickle.dumps(report)))


def test_this_pytest_is_known():
    """A pytest whose reports hold something new gets its constructor back: slower, and a reason to look here."""
    assert passes._make is passes._by_hand


def test_nothing_that_plugins_write_into_is_shared_between_phases():
    """Sections and user properties belong to one report."""
    setup, call, teardown = reports("a.py::test_b")
    call.sections.append(("log", "x"))
    call.user_properties.append(("a", 1))

    assert ([], [], [], []) == (setup.sections, setup.user_properties, teardown.sections, teardown.user_properties)
