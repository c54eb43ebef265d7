"""Devices that tests have lost are reset, where their host's owner said how, and looked at again afterwards.

The device is given to nobody meanwhile. Its host runs the command with the device's lease in hand, so that no other run
uses it; then the device is probed, and what that finds decides. Nobody waits for a reset but who can run nowhere else.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.recovering import RESET
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import HostUnusable
from pytest_disttest.model import Device
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.resets import NoReset, reset_words
from pytest_disttest.recovery.steps import Step

MOST: Final = 2
"""How often a device is reset in one run."""
LONGEST_S: Final = 120.0
LEAST_S: Final = 10.0
WAIT_S: Final = 5.0
"""How long a reset waits for those who use the device to be through."""
GRACE_S: Final = 15.0
"""How much longer than all that, and than the probe, its host may need to answer."""

Key = tuple[str, str, str]
"""A device: its host, kind and id."""


class Resetting:
    """Knows which devices are being reset. *probe* lets one be looked at; *failed* hears of one in vain, and why."""

    def __init__(self, run: Run, probe: Callable[[Key], None], failed: Callable[[Key, str], None]) -> None:
        self._run = run
        self._probe = probe
        self._failed = failed
        self._latest: dict[Key, float] = {}
        self._looked_at: set[Key] = set()
        self._tries: Counter[Key] = Counter()

    def __contains__(self, key: Key) -> bool:
        """Whether a device is being reset, or looked at afterwards."""
        return key in self._latest

    def is_looked_at(self, key: Key) -> bool:
        """Whether a device has been reset, and its host looks what came of it."""
        return key in self._looked_at

    def begin(self, key: Key) -> bool:
        """Let a device be reset; return whether it is. Why it is not is said where the owner asked for it."""
        host, kind, device = key
        link = self._run.fleet.links[host]
        if not link.host.reset or link.host.simulated is not None or link.state != "ready" or self._tries[key] >= MOST:
            return False
        try:
            words = reset_words(link.host.reset, _found(link, kind, device))
        except NoReset as reason:
            self._tries[key] = MOST
            self._run.screen.note(f"host {host}: {kind} {device} cannot be reset: {reason}")
            return False
        limit_s = self._run.recoveries.limit_s(Step.RESET_DEVICE, FailureClass.DEVICE, host, LONGEST_S, LEAST_S)
        order = {"words": words, "limit_s": limit_s, "directory": link.directory, "terms": self._terms()}
        try:
            link.send("reset", kind, device, {**order, "environment": dict(link.host.environment)})
        except HostUnusable:  # that it is lost is noticed elsewhere
            return False
        self._tries[key] += 1
        probe_s = self._run.settings.probe_timeout_s
        self._latest[key] = time.monotonic() + WAIT_S + limit_s + probe_s + GRACE_S
        self._run.recoveries.began((RESET, key), Step.RESET_DEVICE, FailureClass.DEVICE, host)
        return True

    def is_promising(self, host: str) -> bool:
        """Whether tests are to wait for a reset: not where hardly any helped so far."""
        return self._run.recoveries.is_promising(Step.RESET_DEVICE, FailureClass.DEVICE, host)

    def heard(self, link: HostLink, told: Mapping[str, Any]) -> None:
        """A host tells what became of a reset."""
        key = link.host.name, str(told["kind"]), str(told["id"])
        if key not in self._latest:
            return
        if told["state"] == "done":
            self._looked_at.add(key)
            self._probe(key)
        else:
            self.over(key, str(told["why"]), says_something=told["state"] == "failed")

    def look(self, now: float) -> None:
        """Give up what nobody answers any more, at *now* of the steady clock."""
        for key, latest in list(self._latest.items()):
            if self._run.fleet.links[key[0]].state != "ready":
                self.over(key, "its host is gone", says_something=False)
            elif now > latest:
                self.over(key, "its host did not answer in time")

    def over(self, key: Key, trouble: str, *, says_something: bool = True) -> None:
        """A reset has come to its end; *trouble* is what is wrong still, "" for nothing.

        Where the device was never reset that *says something* about resets is not true.
        """
        del self._latest[key]
        self._looked_at.discard(key)
        if says_something:
            self._run.recoveries.ended((RESET, key), succeeded=not trouble)
        else:
            self._run.recoveries.dropped((RESET, key))
        if trouble:
            self._failed(key, trouble)

    def _terms(self) -> dict[str, Any]:
        return {
            "controller": self._run.controller,
            "run": self._run.journal.path.stem,
            "wait_s": WAIT_S,
            "life_s": 4 * self._run.settings.heartbeat_s,
        }


def _found(link: HostLink, kind: str, device: str) -> Device:
    """Return a device as it was when its host was asked."""
    known = {(each.kind, each.id): each for each in link.capabilities.devices}
    return known.get((kind, device), Device(kind, device))
