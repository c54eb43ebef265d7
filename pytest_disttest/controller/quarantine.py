"""Hosts that are left out since too much fails there, in this run and the next ones."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from pytest_disttest.recovery.backoff import Dice
from pytest_disttest.recovery.breakers import Breaker, State, after_error, after_success, when_due
from pytest_disttest.store.quarantine import keep_quarantine, read_quarantine


class Quarantine:
    """The breakers of a run's *hosts*, as they were left in the *store*. Times are POSIX seconds.

    Where all of them are barred, all are tried: a run without hosts finds out nothing. *due* are the hosts that are to
    be left out from now on, each with the reason.
    """

    def __init__(self, store: Path, hosts: Collection[str], *, now: float, dice: Dice = random.random) -> None:
        self._store = store
        self._dice = dice
        self._seen: dict[str, int] = {}
        self.due: list[tuple[str, str]] = []
        self._breakers = {name: when_due(breaker, now) for name, breaker in read_quarantine(store).items()}
        if all(self.barred(name) for name in hosts):
            for name in hosts:
                self._breakers[name] = when_due(self._breakers[name], self._breakers[name].retry_at)

    def barred(self, host: str) -> str:
        """Return why *host* must not be used, and until when; "" where it may be."""
        breaker = self._breakers.get(host)
        if breaker is None or breaker.state is not State.OPEN:
            return ""
        until = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(breaker.retry_at))
        return f"quarantined until {until}: {breaker.reason}"

    @property
    def hint(self) -> str:
        """What to do about a host that is barred."""
        return f"it is tried again then; to use it at once, remove {self._store.name}/quarantine.json"

    def error(self, host: str, reason: str, *, passed: int, now: float) -> bool:
        """Something failed on *host* that passed elsewhere; *passed* is how many tests have passed there by now.

        Return whether the host is to be left out for that.
        """
        breaker = self._breakers.get(host, Breaker())
        if passed > self._seen.get(host, 0):  # only errors in a row count
            breaker = after_success(breaker)
        self._seen[host] = passed
        self._breakers[host] = after = after_error(breaker, reason, now, self._dice)
        opens = after.state is State.OPEN and breaker.state is not State.OPEN
        if opens:
            self.due.append((host, self.barred(host)))
        return opens

    def lets_try(self, host: str, *, now: float) -> bool:
        """Whether the wait of a host that is barred is over: then it is on trial from now on."""
        breaker = self._breakers.get(host, Breaker())
        self._breakers[host] = after = when_due(breaker, now)
        return after.state is State.HALF_OPEN and breaker.state is State.OPEN

    def remember(self, passed: Mapping[str, int]) -> None:
        """Keep for later runs who is barred; a host on trial where a test has *passed* since its last error is not."""
        for host, breaker in self._breakers.items():
            if passed.get(host, 0) > self._seen.get(host, 0):
                self._breakers[host] = after_success(breaker)
        keep_quarantine(self._store, self._breakers)
