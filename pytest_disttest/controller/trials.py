"""Hosts that come back, after they were lost or left out, are on trial: one worker first, the others once that pays."""

from __future__ import annotations

from collections.abc import Callable

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Outcome


class Trials:
    """Knows which hosts are on trial. *enlist* starts a worker on a host while others run already."""

    def __init__(self, run: Run, enlist: Callable[[HostLink], object]) -> None:
        self._run = run
        self._enlist = enlist
        self._ended_before: dict[str, int] = {}

    def begin(self, link: HostLink) -> None:
        """A host is back, and gets its first worker."""
        self._ended_before[link.host.name] = self._ended(link.host.name)
        self._enlist(link)

    def drop(self, host: str) -> None:
        """A host is not there any more. Harmless for one that was not on trial."""
        self._ended_before.pop(host, None)

    def look(self) -> None:
        """Give those that have stood their trial all their workers."""
        for name, before in list(self._ended_before.items()):
            if self._ended(name) > before:
                del self._ended_before[name]
                link = self._run.fleet.links[name]
                there = link.count(self._run.tallies[name].restarts)
                for _ in range(min(link.workers, self._run.remaining) - there):
                    self._enlist(link)

    def _ended(self, host: str) -> int:
        """Return how many tests have come to an end there; one that crashed speaks for nobody."""
        outcomes = self._run.tallies[host].outcomes
        return sum(outcomes.values()) - outcomes[Outcome.CRASHED]


def start_over(run: Run, link: HostLink) -> None:
    """Whoever comes to a host after this is the first again, and no fork of a process that is gone."""
    link.replaced = link.slots_used - run.tallies[link.host.name].restarts
    run.forked_hosts.discard(link.host.name)
