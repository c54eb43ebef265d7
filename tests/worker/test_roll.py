"""Items by number: what a worker cannot collect it refuses, each time that it is given it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest.worker import roll
from pytest_disttest.worker.roll import Roll


@pytest.fixture
def refused(monkeypatch) -> tuple[Roll, list[tuple[list[int], str]]]:
    """Return a roll with a file of three cases, two of which are not in it here, and what it refused."""
    found: Any = SimpleNamespace(nodeid="test_a.py::test_it[1]")
    monkeypatch.setattr(roll, "opened", lambda *_: ([found], ""))
    told: list[tuple[list[int], str]] = []
    shard: Any = SimpleNamespace(files=[SimpleNamespace(nodeid="test_a.py")])
    made = Roll(SimpleNamespace(), [], shard, lambda numbers, why: told.append((list(numbers), why)))  # type: ignore[arg-type]
    made.learn(0, [["test_a.py::test_it[1]", 0], ["test_a.py::test_other", 0], ["test_a.py::test_third", 0]])
    return made, told


def test_all_that_is_missing_in_a_file_is_refused_at_once(refused):
    """With the reason; what is there is an item."""
    made, told = refused

    assert "test_a.py::test_it[1]" == made.item(0).nodeid
    assert [([1, 2], "it is not in test_a.py there")] == told


def test_what_is_given_while_the_refusal_was_on_its_way_is_refused_again(refused):
    """The controller did not know yet: without another word nobody would ever run it."""
    made, told = refused
    made.item(0)

    assert made.item(2) is None
    assert [([1, 2], "it is not in test_a.py there"), ([2], "it is not in test_a.py there")] == told
    assert made.item(0) is not None and 2 == len(told)
