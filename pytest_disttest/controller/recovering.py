"""Recovery steps of a run: each is timed and recorded, and the record of earlier runs tells what to try first.

Made, and imported, when something fails for the first time; the record is read when it is first asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.record import HOPELESS, Record, Waits, limit_s, waits
from pytest_disttest.recovery.steps import Step, escalated
from pytest_disttest.store.journal import Journal
from pytest_disttest.store.known_hosts import known_hosts
from pytest_disttest.store.recoveries import RecoveryTried, add_recoveries, read_recoveries

CASE, WORKER, HOST, LEFT_OUT, REPROBE, RESET = "case", "worker", "host", "left out", "reprobe", "reset"
"""Whose recovery a step is: the first part of its key."""
LEAST_OPENING_S = 30.0
Key = tuple[str, object]


class Under(NamedTuple):
    """A step under way: for which *failure*, of a *host*; begun *at* POSIX seconds, *since* by the steady clock."""

    step: Step
    failure: FailureClass
    host: str
    at: float
    since: float


class Recovering:
    """Knows the steps that are under way by their keys. *hw_class* tells the class of a host, "" where it cannot."""

    def __init__(self, journal: Journal, hw_class: Callable[[str], str]) -> None:
        self._journal = journal
        self._hw_class = hw_class
        self._under: dict[Key, Under] = {}
        self._tried: list[RecoveryTried] = []

    # what happens

    def began(self, key: Key, step: Step, failure: FailureClass, host: str) -> None:
        """A step begins, in place of what was under way for the same *key*."""
        self._under[key] = Under(step, failure, host, time.time(), time.monotonic())

    def ended(self, key: Key, *, succeeded: bool, step: Step | None = None) -> None:
        """A step came to its end; *step* is what it turned out to be. Harmless where none is under way."""
        under = self._under.pop(key, None)
        if under is not None:
            self._tell(under._replace(step=step or under.step), time.monotonic() - under.since, succeeded=succeeded)

    def dropped(self, key: Key) -> None:
        """A step was not tried to its end, and says nothing."""
        self._under.pop(key, None)

    def stays(self, host: str) -> None:
        """A host that was to be left out is not."""
        self.dropped((LEFT_OUT, host))

    def took(self, step: Step, failure: FailureClass, host: str, seconds: float) -> None:
        """A step has succeeded that somebody else timed."""
        self._tell(Under(step, failure, host, time.time() - seconds, 0.0), seconds, succeeded=True)

    def case_ended(self, case: int, host: str, worker: str, *, recovered: bool) -> None:
        """An attempt ended on *worker* of *host*; it has *recovered* where its end is not the machine's fault.

        Where another step was taken in the end than was meant, that one is recorded. A test that was to move and stayed
        says nothing: nobody else was there to run it.
        """
        if not self._under:
            return
        self.ended((WORKER, worker), succeeded=recovered)
        key = CASE, case
        under = self._under.get(key)
        if under is not None and under.host != host:
            self.ended(key, succeeded=recovered, step=Step.MOVE)
        elif under is not None and under.step is Step.MOVE:
            self.dropped(key)
        else:
            self.ended(key, succeeded=recovered)
        for each, left_out in [(key, under) for key, under in self._under.items() if key[0] == LEFT_OUT]:
            if left_out.host != host or left_out.failure is FailureClass.DEVICE:
                self.ended(each, succeeded=recovered)

    def _tell(self, under: Under, seconds: float, *, succeeded: bool) -> None:
        words = under.step.value, under.failure.value, under.host, self._class_of(under.host)
        self._tried.append(tried := RecoveryTried(*words, under.at, round(seconds, 6), succeeded))
        self._journal.recovery(tried)

    def remember(self) -> None:
        """Let the next run know what was tried in this one."""
        if self._tried:
            add_recoveries(self._store, self._tried)

    # what to do

    def order(self, failure: FailureClass, host: str, tried: Iterable[Step] = ()) -> tuple[Step, ...]:
        """Return the steps for a *failure* of *host*, the best first; see `escalated` for those that were *tried*."""
        return escalated(self._record.order(failure, self._class_of(host)), frozenset(tried))

    def waits(self, step: Step, host: str, usual: Waits) -> Waits:
        """Return how to call a host that was lost."""
        known = self._record.known(step, FailureClass.HOST_LOST, self._class_of(host))
        return waits(known, usual, least_s=LEAST_OPENING_S)

    def limit_s(self, step: Step, failure: FailureClass, host: str, usual_s: float, least_s: float) -> float:
        """Return how long a step may take, by how long it took where it helped."""
        known = self._record.known(step, failure, self._class_of(host))
        return limit_s(known, usual_s=usual_s, least_s=least_s)

    def is_promising(self, step: Step, failure: FailureClass, host: str) -> bool:
        """Whether a step is worth waiting for: it is until the record speaks against it."""
        known = self._record.known(step, failure, self._class_of(host))
        return known is None or known.rate >= HOPELESS

    @cached_property
    def _record(self) -> Record:
        return Record(read_recoveries(self._store))

    def _class_of(self, host: str) -> str:
        """Return the class of a host; one that nobody probed is a class of its own."""
        return self._hw_class(host) or self._classes_seen.get(host) or host

    @cached_property
    def _classes_seen(self) -> dict[str, str]:
        """What earlier runs know of hosts that this one did not probe."""
        return {name: str(host.profile.get("hw_class") or "") for name, host in known_hosts(self._store).items()}

    @property
    def _store(self) -> Path:
        return self._journal.path.parents[1]
