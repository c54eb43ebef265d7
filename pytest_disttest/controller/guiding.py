"""The strategy of a run, found by its name."""

from __future__ import annotations

import pytest

from pytest_disttest.errors import UsageFault
from pytest_disttest.registry import Registry
from pytest_disttest.schedule.guidance import Strategy
from pytest_disttest.schedule.strategies import STRATEGIES


def strategies(config: pytest.Config) -> Registry:
    """Return all strategies, those of plugins and conftest files too."""
    found = STRATEGIES
    for rows in config.hook.pytest_disttest_strategies(config=config):
        found = found.extended(rows, by="pytest_disttest_strategies")
    return found


def strategy_of(config: pytest.Config, name: str) -> Strategy:
    """Return the strategy called *name*; UsageFault with the nearest names where there is none."""
    found: Strategy = strategies(config).load(name, place="--hw-strategy")
    if not callable(found):
        raise UsageFault(f"strategy {name!r} is no function", place="--hw-strategy", hint="see schedule.guidance")
    return found
