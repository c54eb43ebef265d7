"""The files behind `leases`: a directory for all users of a host, a gate, a queue, and a locked note per device.

Anybody may write here, so what is opened is checked, and what is read may be nonsense.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

DIRECTORY = "DISTTEST_LEASES"
"""The environment variable that names another directory than ``/tmp/disttest-leases``."""
SUFFIX = ".lease"
GATE, QUEUE = "gate", "queue"
LOOK_AGAIN_S = 0.01
"""How often who waits tries again; who comes later gives those who wait the time of a few tries."""
GATE_S = 2.0
"""How long who only reads or gives back waits at the gate, which nobody keeps for longer than a theft takes."""
LARGEST_NOTE = 1 << 16


class Conflict(Exception):
    """A device cannot be had now; the text says why."""


def directory() -> Path:
    """Return where this host's leases lie: not in a user's own place, since devices are everybody's."""
    return Path(os.environ.get(DIRECTORY) or "/tmp/disttest-leases")


@contextlib.contextmanager
def behind_gate(place: Path, latest: float, *, create: bool = False) -> Iterator[None]:
    """Be the only one who looks at or changes leases; raises Conflict when that is not so by *latest*."""
    descriptor = opened(place / GATE, create=create)
    try:
        while not locks(descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= latest:
                raise Conflict(f"others are busy with the leases in {place}")
            time.sleep(LOOK_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


class Queue:
    """Those who wait for any device of this host."""

    def __init__(self, place: Path) -> None:
        self._descriptor = opened(place / QUEUE, create=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def has_others(self) -> bool:
        """Whether somebody waits."""
        is_empty = locks(self._descriptor, fcntl.LOCK_EX)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return not is_empty

    def join(self) -> None:
        """Wait, too; if somebody looks just now, the next time is early enough."""
        locks(self._descriptor, fcntl.LOCK_SH)


def make_place(place: Path) -> None:
    """Make the directory of leases for everybody, as ``/tmp`` is; raises OSError where it is no directory."""
    try:
        place.mkdir()
        place.chmod(0o1777)
    except FileExistsError:
        if not stat.S_ISDIR(place.lstat().st_mode):
            raise NotADirectoryError(f"{place} is no directory") from None


def opened(path: Path, *, create: bool) -> int:
    """Open a file that anybody may have made. Raises OSError, and Conflict for what is no plain file of its own.

    Not created by the same call: Linux refuses that for another user's file in such a directory
    (``fs.protected_regular``).
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        if not create:
            raise
        with contextlib.suppress(FileExistsError):
            made = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(made, 0o666)  # whatever the umask says: other users lock it, too
            return made
        descriptor = os.open(path, flags)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise Conflict(f"{path} is not a file of ours")
    return descriptor


def locks(descriptor: int, how: int) -> bool:
    """Lock a file if that is possible now; return whether it was."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_note(descriptor: int) -> dict[str, Any]:
    """Return the note in a lease's file; an empty one for what is none: anybody may write there."""
    try:
        note = json.loads(os.pread(descriptor, LARGEST_NOTE, 0))
        holders = [
            {"pid": int(h["pid"]), "test": str(h["test"]), "since": float(h["since"]), "share": float(h["share"])}
            for h in note["holders"]
        ]
        words = {key: str(note[key]) for key in ("kind", "id", "user", "controller", "run")}
        return {**words, "life_s": float(note["life_s"]), "holders": holders}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_note(descriptor: int, note: dict[str, Any]) -> None:
    """Write a lease's note in the place of what stood there."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(note).encode("ascii"), 0)


def unlock(descriptors: Iterable[int]) -> None:
    """Free and close files."""
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # not left to close: a child may have a copy
        os.close(descriptor)


def in_words(note: dict[str, Any]) -> str:
    """Return who holds a device, as its note says."""
    if not note:
        return "by somebody who left no note"
    who = " ".join(filter(None, (note["user"], note["controller"] and f"({note['controller']})")))
    tests = ", ".join(holder["test"] for holder in note["holders"][:3])
    return f"by {who}" + (f" for {tests}" if tests else "")
