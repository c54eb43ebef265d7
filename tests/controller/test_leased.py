"""Tests whose devices others hold: pending, not impossible, and not without a place."""

from __future__ import annotations

import time
from typing import Any

from pytest_disttest.controller.explaining import explain_cases, leased_lines, summary_lines
from pytest_disttest.match import Standing
from pytest_disttest.model import Capabilities, Case, Demand, Device, Requirement

TWO = Demand(((Requirement("gpu.count", ">=", 2),),))
ONE = Demand(((Requirement("gpu.count", ">=", 1),),))
FOUR = Demand(((Requirement("gpu.count", ">=", 4),),))
CASES = [Case(0, "test_one", demand=ONE), Case(1, "test_two", demand=TWO), Case(2, "test_four", demand=FOUR)]


def host(*gpus: str) -> Standing:
    return Standing("ready", "", Capabilities({"cpu.processors": 4}, tuple(Device("gpu", name) for name in gpus)))


def lease(name: str) -> dict[str, Any]:
    """Return a lease as agents tell of it."""
    now = time.time()
    holders = [{"pid": 7, "test": "test_long", "since": now, "share": 1.0}]
    return {"kind": "gpu", "id": name, "user": "bob", "controller": "bench:1", "holders": holders, "since": now,
            "expires": now + 60}  # fmt: skip


def verdicts(*held: str) -> list[tuple[str, tuple[str, ...]]]:
    told = explain_cases(CASES, {"box": host("a", "b"), "bare": host()}, {"box": [lease(name) for name in held]})
    return [(each.explanation.verdict, each.explanation.codes) for each in told]


def test_what_others_hold_is_waited_for():
    """One of two is enough for the first test; what no host has is impossible all the same."""
    assert ["fits", "fits", "unsatisfiable"] == [verdict for verdict, _ in verdicts()]
    assert ["fits", "pending", "unsatisfiable"] == [verdict for verdict, _ in verdicts("a")]
    assert [("pending", ("LEASED",))] * 2 == verdicts("a", "b")[:2]


def test_a_free_device_elsewhere_is_enough():
    """Then there is nothing to be said."""
    told = explain_cases(CASES[:2], {"box": host("a", "b"), "other": host("c", "d")}, {"box": [lease("a"), lease("b")]})

    assert ["fits", "fits"] == [each.explanation.verdict for each in told]
    assert [] == leased_lines(told)


def test_the_user_hears_who_holds_it():
    """At the beginning; at the end of the run such a test is not among those that had no place."""
    told = explain_cases(CASES[:2], {"box": host("a", "b")}, {"box": [lease("a")]})

    [line] = leased_lines(told)
    assert line.startswith("test_two: its devices are in use, on host box: gpu a is leased by bob bench:1 for test_l")
    assert [] == summary_lines(told)
