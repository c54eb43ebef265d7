"""Workers that become forks of one that has collected, where all would have to collect everything."""

from __future__ import annotations

from collections.abc import Callable

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run


class Forks:
    """Knows who waits on each host, and whose forks they may become. *tell* sends a worker a message."""

    def __init__(self, run: Run, tell: Callable[..., None]) -> None:
        self._run = run
        self._tell = tell
        self._objections: dict[str, str] = {}
        self._parents: dict[str, str] = {}

    def waiting(self, node: WorkerNode) -> None:
        """A worker has not collected: it may be replaced by a fork of one that has."""
        node.waits = True
        self._settle(node.host)

    def collected(self, node: WorkerNode, objection: str) -> None:
        """A worker has collected everything; *objection* says why it should not be forked."""
        if node.host not in self._objections:
            self._objections[node.host] = objection
            self._parents[node.host] = node.slot
            self._settle(node.host)

    def start(self, link: HostLink) -> str:
        """Start one more worker process on a host, as a fork where one of its workers was forked; return its slot."""
        if link.host.name not in self._run.forked_hosts:
            return self._run.roster.spawn(link)
        slot = link.next_slot()
        link.send("clone", slot, self._parents[link.host.name])
        return slot

    def _settle(self, host: str) -> None:
        if host not in self._objections:
            return
        for node in [node for node in self._run.roster.on(host) if node.waits]:
            node.waits = False
            if self._objections[host]:
                self._tell(node, "whole")
            else:
                self._replace(node)

    def _replace(self, node: WorkerNode) -> None:
        """Let a fork go on in the place and under the name of a worker that waits."""
        link = self._run.fleet.links[node.host]
        if node.host not in self._run.forked_hosts:
            self._run.forked_hosts.add(node.host)
            link.send("breed", self._parents[node.host])
        self._tell(node, "retire")
        link.replaced += 1
        self._run.roster.move(link, node, self.start(link))
