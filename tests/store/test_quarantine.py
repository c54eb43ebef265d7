"""Hosts that were left out are remembered, and let in again."""

from __future__ import annotations

import pytest

from pytest_disttest.controller.quarantine import Quarantine
from pytest_disttest.recovery.breakers import Breaker, State
from pytest_disttest.store import has_quarantine
from pytest_disttest.store.quarantine import keep_quarantine, read_quarantine

OPEN = Breaker(State.OPEN, 3, 2, 2000.0, "environment: No module named 'x'")


def test_what_is_kept_comes_back(tmp_path):
    """But for closed breakers; without any there is no file."""
    keep_quarantine(tmp_path, {"a": OPEN, "b": Breaker(errors=2)})
    assert has_quarantine(tmp_path) and {"a": OPEN} == read_quarantine(tmp_path)

    keep_quarantine(tmp_path, {"a": Breaker()})
    assert not has_quarantine(tmp_path) and {} == read_quarantine(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 3}', '{"a": {"state": "ajar"}}'])
def test_a_damaged_file_bars_nobody(tmp_path, text):
    """It is a matter of convenience, not of safety."""
    (tmp_path / "quarantine.json").write_text(text)

    assert {} == read_quarantine(tmp_path)


def test_three_errors_in_a_row_bar_a_host(tmp_path):
    """A test that passes there between them, and the count begins anew."""
    quarantine = Quarantine(tmp_path, ["a", "b"], now=0.0, dice=lambda: 0.0)
    for passed in (1, 1, 2, 2):
        quarantine.error("a", "disk full", passed=passed, now=100.0)
    assert ([], "") == (quarantine.due, quarantine.barred("a"))

    quarantine.error("a", "disk full", passed=2, now=100.0)

    ((host, reason),) = quarantine.due
    assert host == "a" and reason == quarantine.barred("a") and reason.endswith("disk full")
    quarantine.remember({"a": 2})
    assert read_quarantine(tmp_path)["a"].retry_at == 130.0


def test_a_host_on_trial_is_barred_by_its_first_error_and_free_by_its_first_success(tmp_path):
    """Half-open: once the time has come."""
    keep_quarantine(tmp_path, {"a": OPEN})
    assert Quarantine(tmp_path, ["a", "b"], now=1999.0).barred("a")

    trial = Quarantine(tmp_path, ["a", "b"], now=2000.0, dice=lambda: 0.0)
    assert not trial.barred("a")
    trial.error("a", "again", passed=0, now=2001.0)
    assert trial.barred("a") and len(trial.due) == 1
    keep_quarantine(tmp_path, {"a": OPEN})
    Quarantine(tmp_path, ["a", "b"], now=2000.0).remember({"a": 1})
    assert not has_quarantine(tmp_path)


def test_where_all_are_barred_all_are_tried(tmp_path):
    """A run without hosts would find out nothing."""
    keep_quarantine(tmp_path, {"a": OPEN, "b": OPEN})

    assert Quarantine(tmp_path, ["a", "b", "c"], now=0.0).barred("a")
    assert not Quarantine(tmp_path, ["a", "b"], now=0.0).barred("a")
