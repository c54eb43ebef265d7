"""What an ingestion did."""

from __future__ import annotations

from typing import NamedTuple


class IngestSummary(NamedTuple):
    """The outcome of one ingestion, by run id.

    *runs* were brought in, *interrupted* are those of them that have no end; *left* wait for the next
    time, *alive* are still being written. *messages* are sentences for the user, usually none.
    """

    runs: tuple[str, ...] = ()
    interrupted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    alive: tuple[str, ...] = ()
    attempts: int = 0
    unreadable_lines: int = 0
    messages: tuple[str, ...] = ()

    def with_message(self, message: str) -> IngestSummary:
        return self._replace(messages=(*self.messages, message))

    def with_run(self, run_id: str, *, interrupted: bool, attempts: int, unreadable_lines: int) -> IngestSummary:
        return self._replace(
            runs=(*self.runs, run_id),
            interrupted=(*self.interrupted, run_id) if interrupted else self.interrupted,
            attempts=self.attempts + attempts,
            unreadable_lines=self.unreadable_lines + unreadable_lines,
        )

    def __str__(self) -> str:
        parts = [f"ingested {_count(len(self.runs), 'run')} with {_count(self.attempts, 'attempt')}"]
        if self.interrupted:
            parts.append(f"{len(self.interrupted)} interrupted")
        if self.unreadable_lines:
            parts.append(f"{_count(self.unreadable_lines, 'line')} unreadable")
        if self.left:
            parts.append(f"{_count(len(self.left), 'journal')} left for the next time")
        if self.alive:
            parts.append(f"{_count(len(self.alive), 'run')} still going on")
        return "; ".join((", ".join(parts), *self.messages))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
