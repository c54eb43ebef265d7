"""What an agent finds out for its controller, each in a thread of its own: its workers are heard meanwhile."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

LEASED: Final = frozenset({"gpu", "accel"})
"""Families of devices that somebody may hold: who does is told with what there is."""


class Inquiries:
    """Looks at this host and tells what it found. *say* sends the controller a message."""

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._probed = False

    def probe(
        self, families: Sequence[str], limit_s: float, fresh: bool, more: Mapping[str, Any] | None = None
    ) -> None:
        """Tell what this host has of *families* within about *limit_s* seconds, *fresh* where memory will not do.

        *more* is what its owner says of it that matters to `probing.probe_host`: its name, where the suite lies, the
        environment (which names browsers).
        """
        self._probed = True
        self._ask("probed", lambda: _profile(families, limit_s, fresh, more or {}))

    def reset(self, kind: str, device: str, order: Mapping[str, Any]) -> None:
        """Reset a device in a process of its own, and tell what became of it; *order* is that of `resetting`."""
        self._ask("reset", lambda: {"kind": kind, "id": device, **_reset({"kind": kind, "id": device, **order})})

    def leases(self) -> None:
        """Tell who holds this host's devices."""
        self._ask("leases", _leases)

    def keep_leases(self, pids: Callable[[], list[int]]) -> None:
        """Renew what the workers *pids* hold: their controller lives. Only a probed host has devices to lend."""
        if self._probed:
            from pytest_disttest.worker.leases import renew

            renew(pids())

    def _ask(self, kind: str, find_out: Callable[[], Any]) -> None:
        def answer() -> None:
            self._say(kind, find_out())

        threading.Thread(target=answer, name=f"disttest-{kind}", daemon=True).start()


def _profile(families: Sequence[str], limit_s: float, fresh: bool, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the probes found; a fault of ours is an answer, too: nothing is known then."""
    try:
        from pytest_disttest.worker.probing import probe_host

        found = probe_host(tuple(families), limit_s=limit_s, fresh=fresh, **more)
        return {**found, "leases": _leases()} if LEASED & {*families} else found
    except Exception as fault:  # whatever it is, the controller waits for an answer
        return {"unknown": dict.fromkeys(families, f"the probes broke: {type(fault).__name__}: {fault}")}


def _reset(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return what became of a reset; what its process ended with says it, too."""
    from pytest_disttest.worker.booting import command

    words = command("pytest_disttest.worker.resetting", json.dumps(order))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, start_new_session=True)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:] or [b"no word"]
        return {"state": "failed", "why": f"the reset broke: {last[0].decode('utf-8', 'replace')}", "seconds": 0.0}
    return told


def _leases() -> list[dict[str, Any]]:
    from pytest_disttest.worker.leases import read_leases

    return read_leases()
