"""Devices that tests have lost: they are looked at again, and given to nobody once they prove to be of no use."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.places import places_on
from pytest_disttest.controller.recovering import LEFT_OUT
from pytest_disttest.controller.run import Run
from pytest_disttest.recovery.backoff import Dice
from pytest_disttest.recovery.breakers import Breaker, State, after_error
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.steps import Step
from pytest_disttest.schedule import DeviceLost

if TYPE_CHECKING:
    from pytest_disttest.controller.reprobing import Reprobing


class Devices:
    """Knows what tests lost. *blamed* are the cases whose failures speak of their device, and not of their host."""

    def __init__(self, run: Run, dice: Dice) -> None:
        self._run = run
        self._dice = dice
        self._breakers: dict[tuple[str, str, str], Breaker] = defaultdict(Breaker)
        self._left_out: set[tuple[str, str, str]] = set()
        self.blamed: set[int] = set()

    def lost_by(self, case: int, host: str, reason: str) -> None:
        """A test lost the one device that it was granted; the third time nobody is given it any more.

        At the first it is looked at again: one that is gone is not given to two tests more.
        """
        grant = self._run.grants.get(case)
        if grant is None or len(grant.devices) != 1:
            return
        device = grant.devices[0]
        self.blamed.add(case)
        key = host, device.kind, device.id
        if key in self._left_out:
            return
        self._breakers[key] = after = after_error(self._breakers[key], reason, time.time(), self._dice)
        if after.state is State.OPEN:
            self._leave_out(*key, reason)
        else:
            self._reprobing.failed(*key)

    def heard(self, link: HostLink, profile: Mapping[str, Any]) -> bool:
        """Take what a host found that looked at devices again; false where it answers another question."""
        return self._reprobing.heard(link, profile)

    def _leave_out(self, host: str, kind: str, device: str, reason: str) -> None:
        """A device is given to nobody any more."""
        key = host, kind, device
        if key in self._left_out:
            return
        self._left_out.add(key)
        words = f"{kind} {device} is not used any more: {reason}"
        self._run.screen.note(f"host {host}: {words}")
        self._run.journal.note("quarantined", words, host=host)
        self._run.recoveries.began((LEFT_OUT, key), Step.QUARANTINE, FailureClass.DEVICE, host)
        for place in places_on(self._run, host):
            self._run.decide(DeviceLost(place, kind, device))

    @cached_property
    def _reprobing(self) -> Reprobing:
        """Who looks at devices again; made, and imported, for the first that a test has lost."""
        from pytest_disttest.controller.reprobing import Reprobing

        return Reprobing(self._run, self._leave_out)
