"""What a screen is told about a run, and the screen that shows none of it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_disttest.reports.lines import WorkerOutput


@dataclass(frozen=True, slots=True)
class HostRow:
    """What one host did, for the table at the end.

    *failed* counts errors in fixtures too. *busy_s* is the sum over the host's workers of the seconds
    spent in tests; *busy_percent* is that sum out of workers x the length of the run, 0 to 100.
    *problem* is a message of any length; the table shows its first line.
    """

    host: str
    workers: int = 0
    tests: int = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    crashed: int = 0
    busy_s: float = 0.0
    busy_percent: float = 0.0
    problem: str = ""


class Screen(Protocol):
    """Where the controller tells what happens, from one thread, in the order in which it happened.

    *now* is seconds of one steady clock, the same in every call. After :meth:`stop` only
    :meth:`note` and :meth:`host_table` are meant to be called; what is told by then is printed at once.
    """

    def host_starting(self, host: str) -> None:
        """Say that a host is being connected to."""

    def host_ready(self, host: str, *, workers: int, python: str, platform: str, synced: str = "") -> None:
        """Say that a host's agent answers; *synced* sums up the files sent (``12 of 340 files, 1.2 MB, 0.3 s``)."""

    def host_unusable(self, host: str, message: str, hint: str) -> None:
        """Say that a host cannot take part, or no longer."""

    def collected(self, *, cases: int, deselected: int, errors: int, workers: int) -> None:
        """Say that collection ended: *cases* counts all cases, the *deselected* ones included."""

    def note(self, text: str) -> None:
        """Say something that is worth a line of its own."""

    def started(self, worker: str, host: str, nodeid: str, now: float) -> None:
        """Say that a worker began a test."""

    def finished(self, worker: str, nodeid: str, outcome: str, duration_s: float, now: float) -> None:
        """Say that a test ended with an :class:`~pytest_disttest.model.Outcome`; *worker* is "" where none ran it."""

    def passed(self, worker: str, host: str, nodeid: str, *, count: int, duration_s: float, now: float) -> None:
        """Say that *count* tests of a worker began, passed and ended since it was last told of; *nodeid* the last."""

    def failure(self, worker: str, nodeid: str, headline: str) -> None:
        """Say that a test failed; *headline* is its crash message."""

    def output(self, worker: str, stream: str, text: str) -> None:
        """Pass on *text*, of any length, that a worker wrote to its ``stdout`` or ``stderr``."""

    def tick(self, now: float, *, remaining: int) -> None:
        """Say that time went by, about 100 ms, and that *remaining* tests have not ended."""

    def stop(self) -> None:
        """Say that the loop ended, in whatever way. May be called again."""

    def host_table(self, rows: Sequence[HostRow]) -> None:
        """Say what each host did, when the run is over."""


class NullScreen:
    """``-p no:terminal``: we print nothing. What tests print under ``-s`` is theirs, and still passes."""

    def __init__(self) -> None:
        self._output = WorkerOutput()

    def host_starting(self, host: str) -> None:
        pass

    def host_ready(self, host: str, *, workers: int, python: str, platform: str, synced: str = "") -> None:
        pass

    def host_unusable(self, host: str, message: str, hint: str) -> None:
        pass

    def collected(self, *, cases: int, deselected: int, errors: int, workers: int) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def started(self, worker: str, host: str, nodeid: str, now: float) -> None:
        pass

    def finished(self, worker: str, nodeid: str, outcome: str, duration_s: float, now: float) -> None:
        pass

    def passed(self, worker: str, host: str, nodeid: str, *, count: int, duration_s: float, now: float) -> None:
        pass

    def failure(self, worker: str, nodeid: str, headline: str) -> None:
        pass

    def output(self, worker: str, stream: str, text: str) -> None:
        self._print(self._output.feed(worker, stream, text))

    def tick(self, now: float, *, remaining: int) -> None:
        self._print(self._output.overdue(now))

    def stop(self) -> None:
        self._print(self._output.flush())

    def host_table(self, rows: Sequence[HostRow]) -> None:
        pass

    def _print(self, lines: Sequence[tuple[str, str]]) -> None:
        for stream, line in lines:
            file = sys.stderr if stream == "stderr" else sys.stdout
            file.write(f"{line}\n")
            file.flush()
