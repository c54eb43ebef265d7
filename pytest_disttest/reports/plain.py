"""The screen for a log, for ``-v`` and for ``-q``: lines, in pytest's own colours or without.

Pytest's reporter prints its dots or its names as always; our lines stand between them. A run that says
nothing for a minute says that it is alive (some CI services kill a silent job).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from pytest_disttest.reports import summary, wording
from pytest_disttest.reports.board import READY, STARTING, Board, HostState
from pytest_disttest.reports.events import HostRow
from pytest_disttest.reports.lines import WorkerOutput
from pytest_disttest.reports.reporter import Lines

SILENCE_S = 60.0


class PlainScreen:
    """Lines for a log.

    *verbosity* is pytest's: below 0 only problems are printed, above 0 each host is also announced
    before it is ready. *show_failures* is false where the reporter names each failed test itself.
    """

    def __init__(self, lines: Lines, *, verbosity: int = 0, show_failures: bool = True) -> None:
        self.board = Board()
        self._lines = lines
        self._verbosity = verbosity
        self._show_failures = show_failures
        self._output = WorkerOutput()
        self._said_at: float | None = None
        self._said_with = 0

    def host_starting(self, host: str) -> None:
        self.board.hosts[host] = HostState(STARTING)
        if self._verbosity > 0:
            self._say(wording.host_starting(host))

    def host_ready(self, host: str, *, workers: int, python: str, platform: str, synced: str = "") -> None:
        self.board.hosts[host] = HostState(READY, workers)
        if self._verbosity >= 0:
            self._say(wording.host_ready(host, workers=workers, python=python, platform=platform, synced=synced))

    def host_unusable(self, host: str, message: str, hint: str) -> None:
        self.board.lost(host)
        head, *more = wording.host_unusable(host, message, hint)
        self._say(head, red=True)
        for line in more:
            self._say(line)

    def collected(self, *, cases: int, deselected: int, errors: int, workers: int) -> None:
        self.board.collected(cases - deselected)
        if self._verbosity >= 0:
            line = wording.collected(cases=cases, deselected=deselected, errors=errors, workers=workers)
            self._say(line, bold=True)

    def note(self, text: str) -> None:
        for line in text.splitlines() or [""]:
            self._say(line, yellow=True)

    def started(self, worker: str, host: str, nodeid: str, now: float) -> None:
        self.board.started(worker, host, nodeid, now)

    def finished(self, worker: str, nodeid: str, outcome: str, duration_s: float, now: float) -> None:
        self.board.finished(worker, outcome, duration_s, now)

    def passed(self, worker: str, host: str, nodeid: str, *, count: int, duration_s: float, now: float) -> None:
        self.board.passed(worker, host, nodeid, count=count, duration_s=duration_s, now=now)

    def failure(self, worker: str, nodeid: str, headline: str) -> None:
        if self._show_failures:
            self._say(wording.failure(worker, nodeid, headline), red=True)

    def output(self, worker: str, stream: str, text: str) -> None:
        self._say_output(self._output.feed(worker, stream, text))

    def tick(self, now: float, *, remaining: int) -> None:
        self.board.tick(now, remaining)
        self._say_output(self._output.overdue(now))
        done = self.board.counts.total()
        if self._said_at is None or done != self._said_with:
            self._said_at, self._said_with = now, done
        elif now - self._said_at >= SILENCE_S and self._verbosity >= 0:
            self._say(wording.heartbeat(self.board, now))
            self._said_at = now

    def stop(self) -> None:
        self._say_output(self._output.flush())

    def host_table(self, rows: Sequence[HostRow]) -> None:
        if self._verbosity < 0 or not rows:
            return
        titles, *lines = summary.host_table(rows)
        self._lines.write_line("")
        self._lines.write_line(titles, bold=True)
        for row, line in zip(rows, lines, strict=True):
            self._lines.write_line(line, red=bool(row.failed or row.crashed), yellow=bool(row.problem))

    def _say(self, line: str, **markup: bool) -> None:
        """Write a line; it counts as a sign of life, so the next heartbeat waits a full time from the next tick."""
        self._said_at = None
        self._lines.write_line(line, **markup)

    def _say_output(self, lines: Iterable[tuple[str, str]]) -> None:
        """Each stream of a worker goes to the same stream of ours, so that ``2>`` means what it always does."""
        for stream, line in lines:
            if stream == "stderr":
                sys.stderr.write(f"{line}\n")
                sys.stderr.flush()
            else:
                self._say(line)
