"""Hosts that begin with few workers get more when there is work for them: two tests never start eight."""

from __future__ import annotations

from collections.abc import Callable

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Plan
from pytest_disttest.schedule import useful_workers

GROW_AFTER_S = 0.1
"""How long the tests must have run before more workers start: as long as a worker needs to be of use."""


class Growth:
    """Starts what a host may have beyond its first workers. *start* starts one, *collects* says how it is to begin."""

    def __init__(self, run: Run, start: Callable[[HostLink], str], collects: Callable[[str], str]) -> None:
        self._run = run
        self._start = start
        self._collects = collects
        self._plan: Plan | None = None
        self._grow_at = 0.0

    def files_seen(self, node: WorkerNode, count: int) -> None:
        """While workers share the files of a host, one for each few files is of use."""
        link = self._run.fleet.links[node.host]
        self._grow(link, count // 2)

    def planned(self, plan: Plan, now: float) -> None:
        """The tests begin."""
        self._plan, self._grow_at = plan, now + GROW_AFTER_S

    def look(self, now: float) -> None:
        """Once it shows that the run lasts, start as many as can run something."""
        if self._plan is None or now < self._grow_at or self._run.stopping:
            return
        plan, self._plan = self._plan, None
        for link in self._run.ready_links:
            if link.forks:
                self._grow(link, min(self._run.remaining, useful_workers(plan, link.host.name)))

    def _grow(self, link: HostLink, useful: int) -> None:
        if not link.forks:
            return
        # those that went home for want of work count too
        most = self._run.settings.max_in_flight or useful
        missing = min(link.workers, useful, most) - link.count(self._run.tallies[link.host.name].restarts)
        for _ in range(missing):
            node = self._run.roster.enlist(link, self._start(link))
            self._run.roster.instruct(link, node, table=False, collects=self._collects(link.host.name))
