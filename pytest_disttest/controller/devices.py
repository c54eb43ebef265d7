"""Devices that tests have lost: they are looked at again, and given to nobody once they prove to be of no use."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.places import places_on
from pytest_disttest.controller.recovering import LEFT_OUT
from pytest_disttest.controller.run import Run
from pytest_disttest.recovery.backoff import Dice
from pytest_disttest.recovery.breakers import ERRORS, Breaker, State, after_error, after_success, when_due
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.steps import Step
from pytest_disttest.schedule import DeviceBack, DeviceHeld, DeviceLost, Event

if TYPE_CHECKING:
    from pytest_disttest.controller.reprobing import Reprobing
    from pytest_disttest.controller.resetting import Resetting


ASK_S: Final = 5.0
"""How often at most a device is looked at whose wait is over, where the probe could not tell."""
Key = tuple[str, str, str]
"""A device: its host, kind and id."""


class Devices:
    """Knows what tests lost. *blamed* are the cases whose failures speak of their device, and not of their host.

    A device that is left out is reset, where its host's owner said how, and looked at again, at the latest once its
    breaker's wait is over. One that is well then comes back on trial: the next test that it fails opens the breaker
    again, for longer, and the next one that passes closes it.
    """

    def __init__(self, run: Run, dice: Dice) -> None:
        self._run = run
        self._dice = dice
        self._breakers: dict[Key, Breaker] = defaultdict(Breaker)
        self._asked_at: dict[Key, float] = {}
        self._resetting: Resetting | None = None
        self._held: set[Key] = set()
        self.blamed: set[int] = set()

    def lost_by(self, case: int, host: str, reason: str) -> None:
        """A test lost the one device that it was granted; the third time nobody is given it any more.

        At the first it is looked at again: one that is gone is not given to two tests more.
        """
        key = self._granted(case, host)
        if key is not None:
            self.blamed.add(case)
            if not self._fail(key, reason):
                self._reprobing.ask(*key)

    def passed(self, case: int, host: str) -> None:
        """A test has passed; where its device was on trial that is over."""
        key = self._granted(case, host) if self._breakers else None
        if key in self._breakers:
            self._breakers[key] = after_success(self._breakers[key])

    def look(self, now: float) -> None:
        """Let devices be looked at again whose wait is over, at *now* in POSIX seconds, while there is work."""
        if self._resetting is not None:
            self._resetting.look(time.monotonic())
        for key, breaker in self._breakers.items():
            is_due = breaker.state is State.OPEN and now >= max(breaker.retry_at, self._asked_at.get(key, 0.0) + ASK_S)
            if is_due and not self._is_reset(key) and self._run.remaining and not self._run.stopping:
                self._asked_at[key] = now
                self._reprobing.ask(*key)

    def heard(self, link: HostLink, profile: Mapping[str, Any]) -> bool:
        """Take what a host found that looked at devices again; false where it answers another question."""
        return self._reprobing.heard(link, profile)

    def was_reset(self, link: HostLink, told: Mapping[str, Any]) -> None:
        """Take what became of a reset."""
        self.resetting.heard(link, told)

    def _granted(self, case: int, host: str) -> Key | None:
        """Return the one device that a case was granted, None where there was none or several."""
        grant = self._run.grants.get(case)
        if grant is None or len(grant.devices) != 1:
            return None
        return host, grant.devices[0].kind, grant.devices[0].id

    def _fail(self, key: Key, reason: str, *, at_once: bool = False) -> bool:
        """Count an error of a device; return whether it is left out, *at_once* or since it was one too many."""
        before = self._breakers[key]
        if at_once and before.state is State.CLOSED:
            before = before._replace(errors=ERRORS - 1)
        self._breakers[key] = after = after_error(before, reason, time.time(), self._dice)
        if after.state is State.OPEN and before.state is not State.OPEN:
            self._leave_out(key, reason)
        return after.state is State.OPEN

    def _judge(self, host: str, kind: str, device: str, trouble: str | None) -> None:
        """A device was looked at again."""
        key, now = (host, kind, device), time.time()
        if self._is_reset(key):
            if self.resetting.is_looked_at(key):
                self.resetting.over(key, "nobody could tell whether it is well" if trouble is None else trouble)
                if trouble == "":
                    self._breakers[key] = when_due(self._breakers[key]._replace(retry_at=now), now)
                    self._bring_back(key, "was reset")
            return
        if trouble is None:
            return
        breaker = self._breakers[key]
        if not trouble:
            self._breakers[key] = after = when_due(breaker, now)
            if after.state is not breaker.state:
                self._bring_back(key, "was looked at")
        elif breaker.state is State.OPEN:  # still so: the next look comes later
            again = breaker._replace(state=State.HALF_OPEN) if now >= breaker.retry_at else breaker
            self._breakers[key] = after_error(again, trouble, now, self._dice)
            self.resetting.begin(key)
        else:
            self._fail(key, f"it was looked at again: {trouble}", at_once=True)

    def _leave_out(self, key: Key, reason: str) -> None:
        """A device is given to nobody any more, or, where a reset may mend it, to nobody until that is over."""
        host = key[0]
        if self.resetting.begin(key) and self.resetting.is_promising(host):
            self._held.add(key)
            self._tell("device-reset", f"{_named(key)} is not used until it has been reset: {reason}", DeviceHeld, key)
        else:
            self._give_up(key, reason)

    def _give_up(self, key: Key, reason: str) -> None:
        self._tell("quarantined", f"{_named(key)} is not used any more: {reason}", DeviceLost, key)
        self._run.recoveries.began((LEFT_OUT, key), Step.QUARANTINE, FailureClass.DEVICE, key[0])

    def _reset_failed(self, key: Key, trouble: str) -> None:
        if key in self._held:
            self._held.discard(key)
            self._give_up(key, f"a reset did not help: {trouble}")
        else:
            self._run.screen.note(f"host {key[0]}: {_named(key)} was reset in vain: {trouble}")

    def _bring_back(self, key: Key, why: str) -> None:
        self._held.discard(key)
        self._tell("device-back", f"{_named(key)} is used again, on trial: it {why}, and is well", DeviceBack, key)

    def _tell(self, word: str, words: str, event: Callable[[str, str, str], Event], key: Key) -> None:
        """Say what becomes of a device, and let the scheduler know wherever workers of its host stand."""
        host, kind, device = key
        self._run.screen.note(f"host {host}: {words}")
        self._run.journal.note(word, words, host=host)
        for place in places_on(self._run, host):
            self._run.decide(event(place, kind, device))

    def _is_reset(self, key: Key) -> bool:
        return self._resetting is not None and key in self._resetting

    @property
    def resetting(self) -> Resetting:
        """Who resets devices; made, and imported, for the first that is left out."""
        if self._resetting is None:
            from pytest_disttest.controller.resetting import Resetting

            ask = self._reprobing.ask
            self._resetting = Resetting(self._run, lambda key: ask(*key, anew=True), self._reset_failed)
        return self._resetting

    @cached_property
    def _reprobing(self) -> Reprobing:
        """Who looks at devices again; made, and imported, for the first that a test has lost."""
        from pytest_disttest.controller.reprobing import Reprobing

        return Reprobing(self._run, self._judge)


def _named(key: Key) -> str:
    return f"{key[1]} {key[2]}"
