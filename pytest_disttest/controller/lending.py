"""What tests may use of their host, told to their workers; and what becomes of a test that cannot have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Grant

WAIT_S = 0.5
"""How long a worker tries to have a lease before it says so, and is told to try again: in between it hears us."""


class Lending:
    """Tells workers what they may use. *tell* sends a worker a message."""

    def __init__(self, run: Run, tell: Callable[..., None]) -> None:
        self._run = run
        self._tell = tell
        self._agreed: set[tuple[str, str]] = set()
        self._denied: set[tuple[int, bool]] = set()

    def grant(self, node: WorkerNode, pairs: Iterable[tuple[int, Grant]]) -> None:
        """Tell a worker what cases may use, before it is told to run them."""
        from pytest_disttest.match.grants import grant_as_plain

        for case, grant in pairs:
            self._run.grants[case] = grant
            if grant.devices:
                self._agree(node)
            self._tell(node, "grant", node.items[case], grant_as_plain(grant))

    def denied(self, case: int, node: WorkerNode, why: str, *, waits: bool) -> None:
        """Say once of a case that others have what it was granted, and whether it waits for that."""
        if (case, waits) not in self._denied:
            self._denied.add((case, waits))
            nodeid = self._run.nodeid(case)
            what = "waits on" if waits else "moves on from"
            self._run.screen.note(f"{nodeid} {what} host {node.host}: {why}")
            self._run.journal.note("lease-busy", f"{nodeid}: {why}", host=node.host, worker=node.id)

    def _agree(self, node: WorkerNode) -> None:
        """Tell a worker once in whose name it takes leases; a simulated device is none that others could use."""
        link = self._run.fleet.links[node.host]
        if (node.host, node.slot) in self._agreed or link.host.simulated is not None:
            return
        self._agreed.add((node.host, node.slot))
        terms = {
            "controller": self._run.controller,
            "run": self._run.journal.path.stem,
            "wait_s": WAIT_S,
            "life_s": 4 * self._run.settings.heartbeat_s,
            "steal": self._run.settings.steal,
        }
        self._tell(node, "terms", terms)
