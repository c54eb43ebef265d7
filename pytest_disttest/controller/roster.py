"""Who takes part: every worker of the run, from a warm process to a pytest session."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller import neighbours
from pytest_disttest.controller.hosts import HASH_SEED, HostLink
from pytest_disttest.controller.node import Spec, WorkerNode
from pytest_disttest.controller.orders import order_for


class Roster:
    """Every worker of the run, by id and by (host, slot)."""

    def __init__(self, config: pytest.Config, *, run_uid: str, sys_path: Sequence[str], hash_seed: str = "") -> None:
        self._config = config
        self.run_uid = run_uid
        self._sys_path = list(sys_path)
        self._hash_seed = hash_seed
        self._numbers = itertools.count()
        self._by_slot: dict[tuple[str, str], WorkerNode] = {}
        self.nodes: list[WorkerNode] = []
        self.count = 0

    def at(self, host: str, slot: str) -> WorkerNode:
        """Return the worker in a slot of a host."""
        return self._by_slot[host, slot]

    def find(self, host: str, slot: str) -> WorkerNode | None:
        """Return the worker in a slot of a host, None while the process there only warms up."""
        return self._by_slot.get((host, slot))

    def on(self, host: str) -> list[WorkerNode]:
        """Return the workers of a host that are not down."""
        return [node for node in self.nodes if node.host == host and not node.is_down]

    def named(self, worker: str) -> WorkerNode:
        """Return the worker with this id."""
        return self.nodes[int(worker.removeprefix("gw"))]

    @property
    def alive(self) -> list[WorkerNode]:
        """Return the workers that are not down."""
        return [node for node in self.nodes if not node.is_down]

    def enlist(self, link: HostLink, slot: str) -> WorkerNode:
        """Give a started process its place in the run; xdist's hooks hear of it."""
        name = f"gw{next(self._numbers)}"
        spec = spec_of(link, name)
        node = WorkerNode(self._config, spec, host=link.host.name, slot=slot, roots=[str(self._config.rootpath)])
        node.workerinput = {
            "workerid": name,
            "workercount": self.count,
            "testrunuid": self.run_uid,
            "mainargv": list(sys.argv),
            "hw_host": link.host.name,
            **_told_of(link),
        }
        node.nodemanager.testrunuid = self.run_uid
        self.nodes.append(node)
        self._by_slot[link.host.name, slot] = node
        hook = self._config.hook
        hook.pytest_xdist_newgateway(gateway=node.gateway)
        hook.pytest_configure_node(node=node)
        if not link.is_local:
            neighbours.combine_coverage_of(self._config, link.directory)
        return node

    def announce(self, links: Sequence[HostLink]) -> None:
        """Tell xdist's hook of the workers to come, one spec for each, before the first is enlisted."""
        hosts = [link for link in links for _ in range(link.workers)]
        self.count = len(hosts)
        specs = [spec_of(link, f"gw{number}") for number, link in enumerate(hosts)]
        self._config.hook.pytest_xdist_setupnodes(config=self._config, specs=specs)

    def instruct(self, link: HostLink, node: WorkerNode, *, table: bool, collects: str) -> None:
        """Send a worker process the order that makes it *node*; *collects* is a word of ``worker.session``'s."""
        node.sends_table = table
        unset = [HASH_SEED] if self._hash_seed else []
        order = order_for(
            self._config, link, node, table=table, collects=collects, sys_path=self._sys_path, unset=unset
        )
        link.send("tell", node.slot, wire.pack(["order", order]))

    def move(self, link: HostLink, node: WorkerNode, slot: str) -> None:
        """Let another process be *node* from now on; what the former one still says is not heard."""
        del self._by_slot[node.host, node.slot]
        node.slot = slot
        self._by_slot[node.host, slot] = node
        self.instruct(link, node, table=False, collects="full")

    def spawn(self, link: HostLink) -> str:
        """Start a worker process on a host; it warms up until it is instructed. Returns its slot."""
        order = link.next_worker(self._hash_seed)
        link.send(*order)
        return str(order[1])


def _told_of(link: HostLink) -> dict[str, Any]:
    """Return what a worker cannot find out of its host, for ``hw_requires``: mostly nothing."""
    host = link.host
    if host.simulated is not None:
        from pytest_disttest.match.profiles import write_profile

        return {"hw_profile": write_profile(link.capabilities)}
    if not (host.declared or host.tags or host.pools):
        return {}
    from pytest_disttest.match.profiles import plain_facts

    pools = {f"resource.{name}": units for name, units in host.pools}
    return {"hw_owned": plain_facts({**dict(host.declared), **pools, "tag": host.tags})}


def spec_of(link: HostLink, name: str) -> Spec:
    """Return what plugins read of the worker *name* on a host."""
    return Spec(
        id=name,
        popen=link.is_local,
        ssh=None if link.is_local else link.host.address,
        chdir=None if link.is_local else link.directory,
        python=link.host.python or None,
    )
