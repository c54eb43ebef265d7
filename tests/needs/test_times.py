"""Times as users write them."""

from __future__ import annotations

import pytest

from pytest_disttest.errors import BadMarker
from pytest_disttest.markers import deadline_of
from pytest_disttest.needs import seconds_of

READ = {
    90: 90.0,
    0.5: 0.5,
    "90": 90.0,
    "90 s": 90.0,
    "250ms": 0.25,
    "15 min": 900.0,
    "1h 30min": 5400.0,
    "1h30m": 5400.0,
    " 2 h ": 7200.0,
}
REFUSED = ["", "soon", "-3", 0, "0 s", -1.0, float("nan"), float("inf"), True, None, "3 weeks", "1h 30", "1e9"]


@pytest.mark.parametrize("written", READ)
def test_a_time_is_read(written):
    """Seconds without a unit."""
    assert READ[written] == pytest.approx(seconds_of(written))


@pytest.mark.parametrize("written", REFUSED, ids=repr)
def test_what_is_no_time_is_refused(written):
    """With words that say why."""
    with pytest.raises(ValueError, match=r"time|unit"):
        seconds_of(written)


def test_the_closest_deadline_counts():
    """A test's own before its class's."""
    marks = [("deadline", ("2 min",), {}), ("deadline", (), {"seconds": 5})]

    assert (120.0, 5.0) == (deadline_of(marks, "t"), deadline_of(marks[1:], "t"))
    assert deadline_of([("hw", (), {})], "t") is None


@pytest.mark.parametrize("mark", [((), {}), ((1, 2), {}), ((), {"minutes": 3}), (("soon",), {})], ids=repr)
def test_a_deadline_that_is_none_is_refused(mark):
    """At the test that has it."""
    with pytest.raises(BadMarker, match=r"test_a\.py::test_a: deadline\(\)"):
        deadline_of([("deadline", *mark)], "test_a.py::test_a")
