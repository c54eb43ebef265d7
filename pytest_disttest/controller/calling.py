"""Hosts that could not be reached as the run began are called again while tests run, and join when they answer.

A board that boots, a laptop that wakes up, a network that is not there yet: nobody waits for them, and the run ends
when its work does. What a second call cannot mend (a key that is not known, no login, no Python) is not called again.
"""

from __future__ import annotations

import random
from typing import Final

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import DisttestError, HostUnusable
from pytest_disttest.recovery.backoff import Dice, full_jitter_s

FIRST_S: Final = 4.0
"""The first call comes within so many seconds, the second within twice that."""
MOST_S: Final = 60.0
PASSES: Final = frozenset({"unreachable", "timeout"})
"""The reasons for which a host may be there later."""


class Calling:
    """Knows which hosts are to be called again, and when."""

    def __init__(self, run: Run, dice: Dice = random.random) -> None:
        self._run = run
        self._dice = dice
        self._due: dict[str, float] = {}
        self._called: set[str] = set()

    def missed(self, link: HostLink, error: DisttestError, now: float) -> bool:
        """A host could not be opened; return whether that is known: a call of ours, which ended like the one before."""
        name = link.host.name
        is_ours = name in self._called
        self._called.discard(name)
        if link.is_local or not (isinstance(error, HostUnusable) and error.reason in PASSES):
            return False
        self._due[name] = now + full_jitter_s(link.tries + 1, self._dice, first_s=FIRST_S, most_s=MOST_S)
        return is_ours

    def look(self, now: float) -> None:
        """Call the hosts whose time has come, while tests are left that they may run."""
        run = self._run
        if not self._due or run.scheduler is None or not run.remaining or run.stopping:
            return
        for name in [name for name, due in self._due.items() if now >= due]:
            del self._due[name]
            link = run.fleet.links[name]
            if link.state == "unusable":  # else somebody else has opened it meanwhile
                link.tries += 1
                link.late = True
                self._called.add(name)
                run.fleet.reopen(link)

    def joined(self, link: HostLink) -> None:
        """A host that was called answers."""
        self._called.discard(link.host.name)
        link.tries = 0

    @property
    def names(self) -> list[str]:
        """The hosts that are to be called again."""
        return sorted(self._due)
