"""From collected cases to a plan, and from the plan to the scheduler."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.collection import is_partial
from pytest_disttest.controller.hostwork import capabilities
from pytest_disttest.controller.places import told_apart
from pytest_disttest.controller.run import Run
from pytest_disttest.match import eligibility
from pytest_disttest.model import Capabilities, Outcome, Plan
from pytest_disttest.plan import build_plan, render_plan, seams
from pytest_disttest.schedule import Scheduler
from pytest_disttest.store import durations


def make_plan(run: Run) -> Plan:
    """Return the plan of the run; hooks and the journal hear of it, and the screen where the user asked."""
    collected = run.collected
    run.planned = len(collected.cases)
    offers = {link.host.name: capabilities(link) for link in run.ready_links}
    eligible, unplaced = eligibility(collected.cases, offers)
    plan = build_plan(
        [*collected.cases, *collected.deselected],
        eligible=only_where_collected(eligible, run),
        unplaced=unplaced,
        ignore_unknown=run.settings.ignore_unknown_dependency,
        partial=is_partial(run.config),
    )
    run.config.hook.pytest_disttest_plan(config=run.config, plan=plan)
    run.journal.cases(collected.cases)
    if run.settings.show_plan:
        show(plan, run, offers)
    return plan


def show(plan: Plan, run: Run, offers: Mapping[str, Capabilities]) -> None:
    """Print the plan, line by line."""
    for line in render_plan(plan, run.collected.cases, offers).splitlines():
        run.screen.note(line)


def report_not_runnable(plan: Plan, run: Run, cases: CaseWork) -> None:
    """Report the cases that no host fits, and those whose prerequisite will not run."""
    as_failure = run.settings.unmatched == "fail"
    for case, reason in sorted(plan.unplaced.items()):
        cases.not_run(case, Outcome.UNPLACED, reason, as_failure=as_failure)
    for case, reason in sorted(plan.blocked.items()):
        cases.not_run(case, Outcome.BLOCKED, reason)


class Experience:
    """How long cases took in earlier runs, read in the background while hosts open: those of many take a while."""

    def __init__(self, store: Path) -> None:
        self._known: Mapping[str, float] = {}
        self._thread = threading.Thread(target=self._read, args=(store,), name="disttest-experience", daemon=True)
        self._thread.start()

    def durations(self) -> Mapping[str, float]:
        """Return the median seconds of each case by node id, once: they are not kept. Waits until they are read."""
        self._thread.join()
        known, self._known = self._known, {}
        return known

    def _read(self, store: Path) -> None:
        self._known = durations(store)


def make_scheduler(plan: Plan, run: Run, experience: Experience) -> Scheduler:
    """Return the dispatcher of the plan, which knows how long its cases took in earlier runs."""
    known = experience.durations()
    cases = run.collected.cases
    predicted = {case.index: known[case.nodeid] for case in cases if case.nodeid in known} if known else {}
    return Scheduler(told_apart(plan, run), seams=partial(seams, cases), predicted=predicted)


def only_where_collected(eligible: Mapping[int, frozenset[str]], run: Run) -> dict[int, frozenset[str]]:
    """Take from each case the hosts that did not collect it: a module may fail to import on some."""
    narrowed = dict(eligible)
    hosts = frozenset(link.host.name for link in run.ready_links)
    for host in hosts:
        maps = [run.collected.maps[node.digest] for node in run.roster.on(host) if node.digest in run.collected.maps]
        mine = set[int]().union(*maps)
        if len(mine) < len(run.collected.cases):
            missing = (case.index for case in run.collected.cases if case.index not in mine)
            narrowed |= {case: narrowed.get(case, hosts) - {host} for case in missing}
    return narrowed
