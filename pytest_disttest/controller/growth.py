"""Hosts that begin with few workers get more when there is work for them: two tests never start eight.

Beyond one worker for each processor, more start only once processors have time to spare: where tests sleep or wait,
they help; where tests compute, each would collect and import once more, and take its time from the others.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_disttest.controller import saturation
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Plan
from pytest_disttest.schedule import useful_workers

GROW_AFTER_S = 0.1
"""How long the tests must have run before more workers start: as long as a worker needs to be of use."""
LOOK_EVERY_S = 0.25
"""How often is looked whether processors have time to spare, after that."""


class Growth:
    """Starts what a host may have beyond its first workers. *start* starts one, *collects* says how it is to begin."""

    def __init__(self, run: Run, start: Callable[[HostLink], str], collects: Callable[[str], str]) -> None:
        self._run = run
        self._start = start
        self._collects = collects
        self._plan: Plan | None = None
        self._grow_at = 0.0
        self._useful: dict[str, int] = {}
        self._saturation: saturation.Saturation | None = None

    def files_seen(self, node: WorkerNode, count: int) -> None:
        """While workers share the files of a host, one for each few files is of use, up to one for each processor."""
        link = self._run.fleet.links[node.host]
        self._grow(link, min(count // 2, _processors(link)))

    def planned(self, plan: Plan, now: float) -> None:
        """The tests begin."""
        if not any(link.forks for link in self._run.ready_links):
            return
        self._plan, self._grow_at = plan, now + GROW_AFTER_S
        if any(link.workers > _processors(link) for link in self._run.ready_links if link.forks):
            self._saturation = saturation.of_this_process()

    def look(self, now: float) -> None:
        """Once it shows that the run lasts, start as many as can run something."""
        if self._plan is None or now < self._grow_at or self._run.stopping:
            return
        found = self._saturation.look(now, self._pids()) if self._saturation is not None else False
        busy = found is not False  # the first look tells nothing yet
        self._grow_at = now + (GROW_AFTER_S if found is None else LOOK_EVERY_S)
        for link in self._run.ready_links:
            if link.forks:
                name = link.host.name
                if name not in self._useful:
                    self._useful[name] = useful_workers(self._plan, name)
                useful = min(self._run.remaining, self._useful[name])
                self._grow(link, min(useful, _processors(link)) if busy else useful)
        if not busy:
            self._plan = None

    def _pids(self) -> list[int]:
        """Return the processes of workers on this machine."""
        links = self._run.fleet.links
        return [node.pid for node in self._run.roster.alive if node.pid and links[node.host].forks]

    def _grow(self, link: HostLink, useful: int) -> None:
        if not link.forks:
            return
        # those that went home for want of work count too
        most = self._run.settings.max_in_flight or useful
        missing = min(link.workers, useful, most) - link.count(self._run.tallies[link.host.name].restarts)
        for _ in range(missing):
            node = self._run.roster.enlist(link, self._start(link))
            self._run.roster.instruct(link, node, table=False, collects=self._collects(link.host.name))


def _processors(link: HostLink) -> int:
    return int(link.facts["cpu.processors"])
