"""Recovery steps that were taken: in a journal, as rows, and in a small file for the next run's eyes.

``recoveries.json`` holds the last tries of each step. A run adds its own when it ends, and whenever journals become
rows it is made anew of the history, so that a run that was killed counts, too. It is whole or not there; one that is
missing or damaged means that nothing is known, and of two runs that end at once one may lose its tries until the next
ingestion. A run reads it when something fails.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_disttest.store import layout
from pytest_disttest.store.fields import text
from pytest_disttest.store.hardware import plain

if TYPE_CHECKING:
    from pytest_disttest.recovery.record import StepTried

Row = tuple[str, str, str, float, bool]
"""Step, class of failures, class of hosts, seconds, whether it succeeded: as ``recent_recoveries`` has it."""
_TYPES = (str, str, str, float, bool)
MOST_TRIES = 50
"""So many of a step, a class of failures and a class of hosts are kept: as many as ``recent_recoveries`` tells."""


class RecoveryTried(NamedTuple):
    """A recovery step came to its end. *step* and *failure* are words of their tables.

    *host* is where the failure was, and *hw_class* its class, or its own name where nobody knew that. It
    began *at* (POSIX seconds).
    """

    step: str
    failure: str
    host: str
    hw_class: str
    at: float
    seconds: float
    succeeded: bool


def _pack(event: RecoveryTried) -> dict[str, object]:
    return {"event": "recovery", **event._asdict()}


def _unpack(fields: Mapping[str, Any]) -> RecoveryTried:
    step, failure, host, hw_class = (text(fields[name]) for name in ("step", "failure", "host", "hw_class"))
    if not isinstance(fields["succeeded"], bool):
        raise TypeError(f"neither true nor false: {fields['succeeded']!r}")
    at, seconds = float(fields["at"]), float(fields["seconds"])
    return RecoveryTried(step, failure, host, hw_class, at, seconds, fields["succeeded"])


PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {RecoveryTried: _pack}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], RecoveryTried]] = {"recovery": _unpack}


def recovery_row(run_id: str, tried: RecoveryTried, began_at: datetime | None) -> tuple[object, ...]:
    """Return the row of ``recoveries``."""
    words = map(plain, (tried.step, tried.failure, tried.host, tried.hw_class))
    return (run_id, *words, began_at, tried.seconds, tried.succeeded)


def tries_of(rows: Iterable[Sequence[Any]]) -> list[StepTried]:
    """Return *rows* as tries; those of steps and classes that another version knew are left out."""
    from pytest_disttest.recovery.classes import FailureClass  # not where only the event is needed
    from pytest_disttest.recovery.record import StepTried
    from pytest_disttest.recovery.steps import Step

    steps, classes = {step.value for step in Step}, {failure.value for failure in FailureClass}
    return [
        StepTried(Step(step), FailureClass(failure), str(hw_class), float(seconds), bool(succeeded))
        for step, failure, hw_class, seconds, succeeded in rows
        if step in steps and failure in classes
    ]


def read_recoveries(directory: Path) -> list[StepTried]:
    """Return the tries that were kept last, none where that is nothing that can be read."""
    return tries_of(_read(directory))


def add_recoveries(directory: Path, tried: Iterable[RecoveryTried]) -> None:
    """Add what was *tried* last. A store that cannot be written keeps nothing."""
    new = [(each.step, each.failure, each.hw_class, each.seconds, each.succeeded) for each in tried]
    counts: dict[tuple[object, ...], int] = {}
    newest_first = []
    for row in reversed([*_read(directory), *new]):
        cell = tuple(row[:3])
        counts[cell] = counts.get(cell, 0) + 1
        if counts[cell] <= MOST_TRIES:
            newest_first.append(row)
    keep_recoveries(directory, newest_first[::-1])


def _read(directory: Path) -> list[Any]:
    """Return the rows as they stand in the file, none where it cannot be read."""
    try:
        rows = json.loads(layout.recoveries_path(directory).read_bytes())
        return [row for row in rows if isinstance(row, list) and tuple(map(type, row)) == _TYPES]
    except (OSError, TypeError, ValueError, RecursionError):
        return []


def keep_recoveries(directory: Path, rows: Sequence[Row]) -> None:
    """Keep *rows* in place of what was there. A store that cannot be written keeps nothing."""
    with contextlib.suppress(OSError):
        layout.put_in_place(layout.recoveries_path(directory), json.dumps(rows, separators=(",", ":")).encode("ascii"))
