"""Between collection and plan: hosts are asked what tests want to know, absent ones waited for, tests told apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from pytest_disttest.controller.demands import demands_of, families_of
from pytest_disttest.controller.guiding import strategy_of
from pytest_disttest.controller.run import Run
from pytest_disttest.match import eligibility
from pytest_disttest.model import Demand
from pytest_disttest.schedule.strategies import DEFAULT

if TYPE_CHECKING:
    from pytest_disttest.controller.loop import Loop

TRY_AGAIN_S: Final = 5.0
"""How long after a failed try a host is opened again, while it is waited for."""


def know_hosts(run: Run, loop: Loop) -> None:
    """Ask hosts for what the collected tests want to know, and for what their owners vouch for.

    Nothing happens, and nothing is imported, where no test asks for anything that an agent does not say by itself.
    """
    demands = demands_of(run.collected.cases)
    families = families_of(demands)
    if demands and run.settings.strategy != DEFAULT:
        families |= getattr(strategy_of(run.config, run.settings.strategy), "asks", frozenset[str]())
    if demands or run.settings.strategy != DEFAULT or run.settings.show_plan or run.settings.explain is not None:
        loop.await_late()
    if families or any(link.host.declared or link.host.simulated is not None for link in run.ready_links):
        loop.asking.ask_and_wait(families)
    if demands and run.settings.unmatched == "wait":
        _await_hosts(run, loop, demands, families)
    if any(demand.each for demand in demands):
        spread(run)


def spread(run: Run) -> None:
    """Make each test that runs on every fitting host one case per host; one that fits nowhere stays as it is."""
    everywhere = frozenset(link.host.name for link in run.ready_links)
    cases = [case for case in run.collected.cases if case.demand.each]
    eligible, unplaced = eligibility(cases, {link.host.name: link.capabilities for link in run.ready_links})
    for case in cases:
        if case.index not in unplaced:
            run.collected.spread_over(case.index, sorted(eligible.get(case.index, everywhere)))


def _await_hosts(run: Run, loop: Loop, demands: Collection[Demand], families: frozenset[str]) -> None:
    """Open hosts that are away again and again, while one of them may be what a test asks for."""
    from pytest_disttest.controller.explaining import is_awaited

    deadline = time.monotonic() + run.settings.wait_s
    if is_awaited(run, demands):
        run.screen.note(f"waiting up to {run.settings.wait_s:g} s for hosts that tests ask for")
    while is_awaited(run, demands) and time.monotonic() < deadline:
        again = min(deadline, time.monotonic() + TRY_AGAIN_S)
        loop.reopen([link for link in run.fleet.links.values() if link.is_away])
        loop.asking.ask_and_wait(families)
        loop.until(_passed(again) if is_awaited(run, demands) else _at_once)


def _passed(moment: float) -> Callable[[], bool]:
    return lambda: time.monotonic() >= moment


def _at_once() -> bool:
    return True
