"""Garbage is looked for rarely while a run lasts, and as before when it is over."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable
from typing import Any

import pytest

from pytest_disttest.controller.garbage import THRESHOLDS, collect_rarely, end_quickly, set_aside, set_aside_more


class Config:
    def __init__(self) -> None:
        self.cleanups: list[Callable[[], Any]] = []

    def add_cleanup(self, cleanup: Callable[[], Any]) -> None:
        self.cleanups.append(cleanup)


@pytest.fixture
def usual():
    """Python's own settings, whatever this run's are."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    if frozen:
        pytest.skip("this very process runs with frozen objects")
    gc.set_threshold(700, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


@pytest.mark.usefixtures("usual")
def test_what_was_is_restored():
    """A process that runs pytest as a part of its work finds it as it was."""
    config: Any = Config()
    collect_rarely(config)
    set_aside(config)
    set_aside_more()
    assert (THRESHOLDS, True) == (gc.get_threshold(), gc.get_freeze_count() > 0)

    for cleanup in reversed(config.cleanups):
        cleanup()

    assert ((700, 10, 10), 0) == (gc.get_threshold(), gc.get_freeze_count())


@pytest.mark.usefixtures("usual")
@pytest.mark.parametrize("act", [gc.disable, lambda: gc.set_threshold(0), lambda: gc.set_threshold(50_000)])
def test_who_knows_better_is_left_alone(act: Callable[[], Any]):
    """Somebody has switched it off, or made it rarer still."""
    config: Any = Config()
    act()
    before = gc.get_threshold()
    collect_rarely(config)

    assert (before, []) == (gc.get_threshold(), config.cleanups)


@pytest.mark.parametrize(
    ("program", "is_pytest"),
    [
        ("/opt/bin/pytest", True),
        ("/x/site-packages/pytest/__main__.py", True),
        ("manage.py", False),
        ("-c", False),
    ],
)
def test_only_the_end_of_a_pytest_process_is_cut_short(program: str, is_pytest: bool, monkeypatch: pytest.MonkeyPatch):
    """Whoever runs pytest as a part of its work may count on the last search."""
    registered: list[object] = []
    monkeypatch.setattr(atexit, "register", registered.append)

    end_quickly(program)

    assert registered == ([gc.freeze] if is_pytest else [])
