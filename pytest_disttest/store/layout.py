"""Where the store keeps its files, and whose journals are still being written.

    .disttest/
        history.duckdb            what all runs left, for queries
        durations.ndjson          how long each test took lately, for the next plan
        hosts.json                what each host had when it was last asked
        learned.json              what runs on several hosts taught of tests, hosts and choices
        recoveries.json           how the last recovery steps went
        memory.json               how much memory tests needed that had run out of it
        runs/ID.ndjson            journals that wait for ingestion, or are being written
        runs/done/ID.ndjson       journals whose rows are in history.duckdb; the newest 200
        runs/ID.stories           what a run would tell pytest again that resumes this one; there while it can be
        runs/unreadable/          files that are no journals, set aside
        ingest.lock               held while somebody ingests

A controller holds an exclusive ``flock`` on its journal until it ends. The kernel frees it however the
process dies, so a journal without a lock is complete or abandoned, and no process id need be trusted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no flock, so there a journal counts as alive until its last line says that it is not.
    fcntl = None  # type: ignore[assignment]

DIRECTORY = ".disttest"
DATABASE = "history.duckdb"
DURATIONS = "durations.ndjson"
HOSTS = "hosts.json"
LEARNED = "learned.json"
KEPT_JOURNALS = 200
SUFFIX = ".ndjson"
STORIES = ".stories"
KEPT_STORIES = 20

# A controller opens its journal, locks it, then writes the first line. Between the first two steps the
# file is unlocked and empty: it may be somebody's beginning, so only an old one counts as abandoned.
BEGINNING_S = 60.0

NOTE = """\
This directory belongs to pytest-disttest: the history of its runs (see `disttest runs`).
It is made anew when it is missing. Delete it to forget all past runs; do not commit it.
"""


def store_directory(rootdir: Path) -> Path:
    """Return the place of the store of the project at *rootdir*."""
    return rootdir / DIRECTORY


def prepare(directory: Path) -> None:
    """Make *directory* with what keeps it out of version control; OSError where that is impossible."""
    (directory / "runs").mkdir(parents=True, exist_ok=True)
    for name, text in ((".gitignore", "*\n"), ("README.txt", NOTE)):
        path = directory / name
        if not path.exists():
            path.write_text(text, encoding="utf-8")


def put_in_place(path: Path, content: bytes) -> None:
    """Put *content* at *path*, whole or not at all. Raises OSError where that is impossible, and leaves nothing."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise


def database_path(directory: Path) -> Path:
    """Return the place of the history file."""
    return directory / DATABASE


def durations_path(directory: Path) -> Path:
    """Return the place of the times that the next plan goes by."""
    return directory / DURATIONS


def quarantine_path(directory: Path) -> Path:
    """Return the place of the hosts that were left out lately."""
    return directory / "quarantine.json"


def has_quarantine(directory: Path) -> bool:
    """Whether a host was left out lately."""
    return quarantine_path(directory).is_file()


def hosts_path(directory: Path) -> Path:
    """Return the place of what each host had when it was last asked."""
    return directory / HOSTS


def learned_path(directory: Path) -> Path:
    """Return the place of what runs on several hosts taught."""
    return directory / LEARNED


def recoveries_path(directory: Path) -> Path:
    """Return the place of how the last recovery steps went."""
    return directory / "recoveries.json"


def needed_path(directory: Path) -> Path:
    """Return the place of how much memory tests needed that had run out of it."""
    return directory / "memory.json"


def has_needed(directory: Path) -> bool:
    """Whether a test had run out of memory lately."""
    return needed_path(directory).is_file()


def journal_path(directory: Path, run_id: str) -> Path:
    """Return the place of a run's journal while it waits or is written."""
    return directory / "runs" / f"{run_id}{SUFFIX}"


def stories_path(journal: Path) -> Path:
    """Return the place of the stories that belong to a *journal*, wherever that lies by now."""
    runs = journal.parent.parent if is_archived(journal) else journal.parent
    return runs / f"{journal.stem}{STORIES}"


def stories(directory: Path) -> list[Path]:
    """Return the stories of runs that can be resumed, newest run first."""
    return sorted((directory / "runs").glob(f"*{STORIES}"), reverse=True)


def find_journal(directory: Path, run_id: str) -> Path | None:
    """Return the journal of a run, ingested or not; None where it is gone."""
    waits = journal_path(directory, run_id)
    return next((path for path in (waits, waits.parent / "done" / waits.name) if path.is_file()), None)


def waiting(directory: Path) -> list[Path]:
    """Return the journals that nobody writes any more and that were not ingested, oldest run first."""
    return [path for path in sorted((directory / "runs").glob(f"*{SUFFIX}")) if not is_alive(path)]


def alive(directory: Path) -> list[Path]:
    """Return the journals that a controller is writing now."""
    return [path for path in sorted((directory / "runs").glob(f"*{SUFFIX}")) if is_alive(path)]


def load(directory: Path) -> tuple[int, int]:
    """Return how many journals wait or are being written, and their bytes; cheap, whatever their number."""
    try:
        with os.scandir(directory / "runs") as entries:
            sizes = [entry.stat().st_size for entry in entries if entry.name.endswith(SUFFIX)]
    except OSError:
        return 0, 0
    return len(sizes), sum(sizes)


def done(directory: Path) -> list[Path]:
    """Return the journals that were ingested and are kept, oldest run first."""
    return sorted((directory / "runs" / "done").glob(f"*{SUFFIX}"))


def is_alive(path: Path) -> bool:
    """Whether a controller may still write to the journal at *path*; false for one that has vanished."""
    try:
        with path.open("rb") as journal:
            if not _can_share(journal.fileno()):
                return True
            return not journal.readline().endswith(b"\n") and time.time() - path.stat().st_mtime < BEGINNING_S
    except FileNotFoundError:
        return False


def lock_forever(descriptor: int) -> None:
    """Hold *descriptor* against everybody until this process ends, where the file system knows locks."""
    if fcntl is not None:
        # Some network file systems refuse; then a journal merely looks abandoned early, and the rows of a
        # run that grew since are replaced at the next ingestion.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def claim(path: Path) -> int | None:
    """Return a descriptor that holds the journal at *path* as if it were still being written, None if it is or is gone.

    Nobody else may resume or ingest it until the descriptor is closed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    if fcntl is None:
        return descriptor
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:  # no locks on this file system, see lock_forever
        pass
    return descriptor


def _can_share(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system, see lock_forever
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


@contextmanager
def only_ingester(directory: Path) -> Iterator[bool]:
    """Yield whether this process may ingest now; false while another does."""
    with (directory / "ingest.lock").open("a") as lock:
        if fcntl is None:
            yield True
            return
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:
            pass  # no locks on this file system: DuckDB's own lock is the next line of defence
        yield True


def is_archived(path: Path) -> bool:
    """Whether the journal at *path* lies among those whose rows are, or were, in the history."""
    return path.parent.name == "done"


def archive(path: Path) -> None:
    """Put an ingested journal among the done ones."""
    _move(path, "done")


def reject(path: Path) -> None:
    """Set aside a file that is no journal."""
    _move(path, "unreadable")


def prune(directory: Path) -> None:
    """Delete the oldest done journals beyond the number that is kept, and stories that nobody will ask for."""
    for path in done(directory)[:-KEPT_JOURNALS]:
        path.unlink(missing_ok=True)
    for number, path in enumerate(stories(directory)):
        if number >= KEPT_STORIES or find_journal(directory, path.stem) is None:
            path.unlink(missing_ok=True)


def _move(path: Path, place: str) -> None:
    runs = path.parent.parent if is_archived(path) else path.parent
    (runs / place).mkdir(exist_ok=True)
    path.replace(runs / place / path.name)
