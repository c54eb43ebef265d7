"""Second attempts beside slow ones: told to workers, shown, and ended when the first result is there.

A worker that is given up is interrupted as by Ctrl-C, so that its fixtures are torn down and its plugins bring home
what they have; where that takes too long it is killed.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run

GRACE_S = 5.0
"""How long a worker that is given up may take to end by itself."""
HEARD = ("finished", "warning", "suite-property")
"""What it may still tell."""


class Copies:
    """Knows the workers that are given up. *send_signal* sends a signal to a worker."""

    def __init__(self, run: Run, cases: CaseWork, send_signal: Callable[[WorkerNode, int], None]) -> None:
        self._run = run
        self._cases = cases
        self._send_signal = send_signal
        self._ending: list[tuple[float, WorkerNode]] = []

    def begin(self, case: int, node: WorkerNode, other: WorkerNode) -> None:
        """Say that *node* runs a copy of what *other* does."""
        nodeid = self._run.nodeid(case)
        text = f"{nodeid} takes longer than ever on {other.host}: {node.host} tries it too (--hw-hedge)"
        self._run.screen.note(text)
        self._run.journal.note("hedge", text, host=node.host, worker=node.id)

    def give_up(self, case: int, node: WorkerNode) -> None:
        """*node* runs what has its result: end it."""
        text = f"{self._run.nodeid(case)} has its result, and the other attempt, on {node.host}, is stopped"
        self._run.journal.note("hedge", text, host=node.host, worker=node.id)
        node.is_given_up = True
        self._cases.forget(node)
        self._send_signal(node, int(signal.SIGINT))
        self._ending.append((time.monotonic() + GRACE_S, node))

    def heard(self, messages: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
        """Return what of *messages* is to be heard of a worker that is given up: nothing of cases."""
        return [message for message in messages if message[0] in HEARD]

    def look(self, now: float) -> None:
        """Kill those that have had time enough to end."""
        for kill_at, node in self._ending:
            if kill_at <= now and not node.is_down:
                self._send_signal(node, int(signal.SIGKILL))
        self._ending = [(kill_at, node) for kill_at, node in self._ending if kill_at > now and not node.is_down]
