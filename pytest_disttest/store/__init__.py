"""The memory of runs: a journal while one goes on, DuckDB rows afterwards. The only door to DuckDB.

Importing this package costs next to nothing, and so do the next plan's durations and the end of a short run: they
are a matter of small files. DuckDB, a quarter of a second, comes in where journals become rows and questions
are asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_disttest.errors import StoreFault
from pytest_disttest.store import layout, timings
from pytest_disttest.store.journal import Journal, run_id
from pytest_disttest.store.layout import has_quarantine, store_directory
from pytest_disttest.store.summary import IngestSummary

__all__ = [
    "IngestSummary",
    "Journal",
    "durations",
    "has_quarantine",
    "ingest",
    "is_ingestion_due",
    "remember_durations",
    "run_id",
    "store_directory",
]

INGEST_AFTER_S = 60.0
"""A run that lasted so long ingests at its end, which costs it about one per cent; a shorter one leaves its journal.

Measured on two busy processors: half a second for a run of 300 tests.
"""
MOST_WAITING = 100
MOST_WAITING_BYTES = 16 * 1024 * 1024
"""When more journals wait, or more bytes of them (100,000 attempts), a short run ingests, too: they shall not pile up
where nobody ever looks. Measured: one second for a hundred small ones, two for so many bytes."""


def is_ingestion_due(directory: Path, *, lasted_s: float) -> bool:
    """Whether a run that *lasted_s* seconds should ingest at its end; otherwise whoever looks at the history does."""
    if lasted_s >= INGEST_AFTER_S:
        return True
    waiting, waiting_bytes = layout.load(directory)
    return waiting > MOST_WAITING or waiting_bytes > MOST_WAITING_BYTES


def ingest(directory: Path, *, deadline_s: float = 5.0, verify: bool = False) -> IngestSummary:
    """Bring every journal in *directory* that nobody writes any more into its history.

    Waits up to *deadline_s* for other processes that have the history open, then leaves the journals
    for the next time. A damaged history is moved aside and made anew from the journals that still exist;
    *verify* looks for damage even when no journal waits, and makes lost durations anew from the history.
    Safe to repeat, and to interrupt.
    Raises StoreFault where the store cannot be written.
    """
    if not (verify or _has_work(directory)):
        return IngestSummary(alive=tuple(path.stem for path in layout.alive(directory)))
    from pytest_disttest.store.ingestion import ingest_journals, restore_durations

    try:
        layout.prepare(directory)
        summary = ingest_journals(directory, deadline_s=deadline_s)
        if verify:
            restore_durations(directory)
    except OSError as error:
        raise StoreFault(f"cannot write the store: {error}", hint="see that the directory can be written") from error
    return summary


def durations(directory: Path) -> Mapping[str, float]:
    """Return the median seconds of each node id over its last five attempts that passed.

    Empty where nothing is remembered or it cannot be read: a plan without history is still a plan. A test
    that did not pass in any of the last two hundred runs may be forgotten.
    """
    return timings.predicted(layout.durations_path(directory))


def remember_durations(directory: Path, passes: Iterable[tuple[str, float]]) -> None:
    """Keep for later plans what a run measured: node ids and seconds of its attempts that passed, in their order.

    A store that cannot be written keeps nothing; the journal's ``fault`` tells the user of that.
    """
    with contextlib.suppress(OSError):
        timings.add_run(layout.durations_path(directory), passes)


def _has_work(directory: Path) -> bool:
    if layout.waiting(directory):
        return True
    return bool(layout.done(directory)) and not layout.database_path(directory).exists()
