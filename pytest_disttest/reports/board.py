"""What is known of a run at one moment: its hosts, its workers, its counts. Pure: the time is an argument."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

FORGOTTEN_S = 5.0
"""How long an idle worker keeps its place on the screen (one that died is never told of again)."""

ENOUGH_FINISHED = 5
"""Below this number of finished tests, or two for each worker, an estimate would be a guess."""

STARTING, READY, UNUSABLE = "starting", "ready", "unusable"


class HostState(NamedTuple):
    """A host as last told; *workers* 0 until it is ready."""

    state: str
    workers: int = 0


class Place(NamedTuple):
    """What a worker does since *since*; an idle one keeps the node id of its last test."""

    host: str
    nodeid: str
    since: float
    busy: bool


class Board:
    """The state of a run, kept by a handful of dictionary operations for each event."""

    def __init__(self) -> None:
        self.hosts: dict[str, HostState] = {}
        self.places: dict[str, Place] = {}
        self.counts: Counter[str] = Counter()
        self.total: int | None = None
        self.remaining = 0
        self.opened: float | None = None
        self.first_start: float | None = None
        self._spent_s = 0.0
        self._finished = 0

    def lost(self, host: str) -> None:
        """Mark a host as unusable; its workers are gone."""
        self.hosts[host] = HostState(UNUSABLE)
        self.places = {worker: place for worker, place in self.places.items() if place.host != host}

    def collected(self, runnable: int) -> None:
        """Take the number of tests that this run is to run."""
        self.total = self.remaining = runnable

    def started(self, worker: str, host: str, nodeid: str, now: float) -> None:
        """Mark a worker as busy."""
        if self.first_start is None:
            self.first_start = now
        self.places[worker] = Place(host, nodeid, now, True)

    def finished(self, worker: str, outcome: str, duration_s: float, now: float) -> None:
        """Mark a worker as idle, and count an outcome; ``rerun`` is none, for the test is run again."""
        if outcome != "rerun":
            self.counts[outcome] += 1
        place = self.places.get(worker)
        if place is not None:
            self.places[worker] = Place(place.host, place.nodeid, now, False)
            self._spent_s += duration_s
            self._finished += 1

    def passed(self, worker: str, host: str, nodeid: str, *, count: int, duration_s: float, now: float) -> None:
        """Count tests of a worker that passed, *nodeid* the last of them, and mark it as idle."""
        if self.first_start is None:
            self.first_start = now
        self.counts["passed"] += count
        self.places[worker] = Place(host, nodeid, now, False)
        self._spent_s += duration_s
        self._finished += count

    def tick(self, now: float, remaining: int) -> None:
        """Take the number of tests without an outcome; forget workers that are idle for long."""
        if self.opened is None:
            self.opened = now
        self.remaining = remaining
        if self.total is not None:
            self.total = max(self.total, remaining)
        gone = [w for w, place in self.places.items() if not place.busy and now - place.since > FORGOTTEN_S]
        for worker in gone:
            del self.places[worker]

    @property
    def done(self) -> int:
        """The number of tests with an outcome, 0 before collection ended."""
        return 0 if self.total is None else self.total - self.remaining

    @property
    def workers(self) -> int:
        """The number of workers of the hosts that are ready."""
        return sum(host.workers for host in self.hosts.values() if host.state == READY)

    def busy_on(self, host: str) -> int:
        """Return how many workers of *host* run a test."""
        return sum(place.busy for place in self.places.values() if place.host == host)

    def busy(self) -> list[tuple[str, Place]]:
        """Return the busy workers, the one that runs its test for the longest time first."""
        return sorted(((w, p) for w, p in self.places.items() if p.busy), key=lambda pair: (pair[1].since, pair[0]))

    def elapsed_s(self, now: float) -> float:
        """Return the seconds since the first test started, or since the first tick if none did."""
        begin = self.first_start if self.first_start is not None else self.opened
        return 0.0 if begin is None else max(0.0, now - begin)

    def eta_s(self, now: float) -> float | None:
        """Return the seconds this run is likely to last yet, or None while that would be a guess.

        The mean of the finished tests, spread over the workers, times what the run has cost so far
        beyond the tests themselves (idle workers, set-up between tests).
        """
        workers = max(self.workers, sum(place.busy for place in self.places.values()), 1)
        if self._finished < max(ENOUGH_FINISHED, 2 * workers) or self.total is None:
            return None
        ages = [max(0.0, now - place.since) for place in self.places.values() if place.busy]
        mean_s = self._spent_s / self._finished
        paid_s = self._spent_s + sum(ages)
        overhead = max(1.0, self.elapsed_s(now) * workers / paid_s) if paid_s > 0 else 1.0
        left_s = mean_s * self.remaining - sum(min(age, mean_s) for age in ages)
        return max(0.0, left_s) * overhead / max(1, min(workers, self.remaining))
