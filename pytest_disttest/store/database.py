"""The only door to DuckDB: opening the history file, and telling its troubles apart.

One process may have the file open for writing, or many for reading (measured: a reader keeps a writer
out, too). So everybody opens it for a moment only, and whoever finds it taken tries again until a deadline.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pytest_disttest import __version__
from pytest_disttest.errors import StoreFault
from pytest_disttest.store.sql import SCHEMA_VERSION, query, schema, upgrade

Connection = duckdb.DuckDBPyConnection
DatabaseError = duckdb.Error

# DuckDB would take 80 % of the machine's memory and download extensions at first use.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "512MB",
    "threads": "2",
}

_LOCKED = re.compile(r"Could not set lock|Conflicting lock")
_HOLDER = re.compile(r"held in (\S+) \(PID (\d+)\)")
_NEWER = re.compile(r"version number \d+, but we can only read")
_CORRUPT = re.compile(
    r"not a valid DuckDB database|Corrupt|Could not read enough bytes|[Cc]hecksum|"
    r"Failed to deserialize|Serialization Error|replaying WAL|INTERNAL Error|FATAL Error"
)


class HistoryBusy(StoreFault):
    """Another process has the history file open."""

    hint = "try again when that process has ended"


class HistoryCorrupt(StoreFault):
    """The history file is damaged."""

    hint = "`disttest ingest` moves it aside and reads the journals that still exist again"


class HistoryForeign(StoreFault):
    """The history file was made by a newer version of DuckDB or of us, or by somebody else."""


class HistoryOlder(StoreFault):
    """The history file was made by an older version of us: it lacks tables that can be added."""


@contextmanager
def opened(path: Path, *, read_only: bool, deadline_s: float) -> Iterator[Connection]:
    """Yield a connection to the history file at *path*, made if it is missing and not *read_only*.

    Every error of DuckDB, also one in the body of the ``with``, leaves as a StoreFault: HistoryBusy when the
    file was not free within *deadline_s*, HistoryCorrupt, HistoryForeign, or a plain one (disk full, no rights).
    """
    try:
        connection = _connect(path, read_only=read_only, deadline_s=deadline_s)
        try:
            _check_schema(connection, path, read_only=read_only)
        except HistoryOlder:
            connection.close()
            _upgrade(path, deadline_s=deadline_s)
            connection = _connect(path, read_only=read_only, deadline_s=deadline_s)
        except BaseException:
            connection.close()
            raise
        try:
            yield connection
        finally:
            connection.close()
    except DatabaseError as error:
        raise fault_of(error, path) from error


def fault_of(error: DatabaseError, path: Path) -> StoreFault:
    """Return what *error* means for the history file at *path*."""
    text = " ".join(str(error).split())
    if _LOCKED.search(text):
        return HistoryBusy(f"{path} is in use{_holder(text)}")
    if _NEWER.search(text):
        return HistoryForeign(f"{path} was written by a newer DuckDB", hint="upgrade duckdb, or move the file away")
    if _CORRUPT.search(text):
        return HistoryCorrupt(f"{path} is damaged: {text}")
    return StoreFault(f"{path}: {text}", hint="see that the file can be written and the disk is not full")


def _connect(path: Path, *, read_only: bool, deadline_s: float) -> Connection:
    give_up_at = time.monotonic() + deadline_s
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=CONFIG)
        except duckdb.IOException as error:
            wait_s = random.uniform(0.02, 0.15)  # jitter, lest two that wait for a third keep in step
            if not _LOCKED.search(str(error)) or time.monotonic() + wait_s > give_up_at:
                raise
        time.sleep(wait_s)


def _check_schema(connection: Connection, path: Path, *, read_only: bool) -> None:
    tables = {name for (name,) in connection.execute(query("tables")).fetchall()}
    if not tables and not read_only:
        _create_tables(connection)
        return
    if "schema_version" not in tables:
        raise HistoryForeign(f"{path} holds no history of pytest-disttest", hint="move it away")
    (version,) = connection.execute(query("schema_version")).fetchall()[0]
    if 1 <= version < SCHEMA_VERSION:
        raise HistoryOlder(f"{path} has schema version {version}")
    if version != SCHEMA_VERSION:
        hint = "upgrade pytest-disttest, or move the file away"
        raise HistoryForeign(f"{path} has schema version {version}, this program knows {SCHEMA_VERSION}", hint=hint)


def _create_tables(connection: Connection) -> None:
    connection.begin()
    connection.execute(schema())
    connection.execute("INSERT INTO schema_version VALUES (?, ?)", [SCHEMA_VERSION, __version__])
    connection.commit()


def _upgrade(path: Path, *, deadline_s: float) -> None:
    """Add to a history of the version before this one what it lacks; its rows stay as they are."""
    connection = _connect(path, read_only=False, deadline_s=deadline_s)
    try:
        (version,) = connection.execute(query("schema_version")).fetchall()[0]
        if version == SCHEMA_VERSION:  # somebody else was faster
            return
        connection.begin()
        connection.execute(upgrade(version))
        connection.execute("INSERT INTO schema_version VALUES (?, ?)", [SCHEMA_VERSION, __version__])
        connection.commit()
    finally:
        connection.close()


def _holder(text: str) -> str:
    found = _HOLDER.search(text)
    return f" by process {found[2]} ({found[1]})" if found else " by another process"
