"""A row per worker, as dark as it is busy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.reports.gantt import MOST_ROWS, SHADES, Bar, gantt


def test_a_row_shows_when_a_worker_is_busy():
    """Rows stand by host and worker; half a column of work is half as dark."""
    bars = [Bar("gw1", "b", 2.0, 4.0), Bar("gw0", "a", 0.0, 1.5), Bar("gw0", "a", 1.5, 2.5)]

    assert ["  a gw0  ██▒", "  b gw1    ██"] == gantt(bars, width=4)


def test_nothing_has_no_chart():
    """Nor has what took no time."""
    assert [] == gantt([]) == gantt([Bar("gw0", "a", 0.0, 0.0)])


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 100), st.floats(0, 100)), max_size=50))
def test_a_chart_has_its_size_whatever_happened(spans):
    """No row is wider than it may be, and of very many workers some are told by number."""
    bars = [Bar(f"gw{n}", "h", min(a, b), max(a, b)) for n, a, b in spans]
    lines = gantt(bars, width=20)
    rows = [line for line in lines if "more workers" not in line]

    assert len(rows) <= MOST_ROWS
    assert all(len(row) <= 2 + len("h gw40") + 2 + 20 for row in rows)
    assert all(set(row[10:]) <= {*SHADES} for row in rows)
