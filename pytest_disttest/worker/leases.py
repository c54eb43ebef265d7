"""Leases on the devices of a host: two controllers never hold the same one, and a dead worker holds none.

Theory of operation. Each device has a file in a directory that all users of the host share, and who uses the device
holds a lock (``flock``) on it: for itself alone, or shared with workers of the same run. The kernel frees the lock
when its process ends, however it ends. What stands in the file is a note for people: who holds the device, for which
test, since when. Nothing is decided by it but whether the run that shares a device is one's own.

All that is decided at once happens behind a gate, one more file with a lock: to take several devices or none, to share
one, to read the notes. A file is never removed: who held the removed one and who made a new one would both hold the
device. A lease expires where nobody has renewed it (the file's time) for as long as its note says; the agent renews
while its controller is heard. A test's child processes do not hold what their worker does.

Nobody starves: who has to wait says so by a lock on one more file, the queue, and whoever sees that before its own
first try lets those who wait try first. So a run that needs a device for test after test leaves it to another between.

Containers with a ``/tmp`` of their own see each other's leases only where ``DISTTEST_LEASES`` names a common directory.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from pytest_disttest.worker.lease_files import (
    DIRECTORY,
    GATE_S,
    LOOK_AGAIN_S,
    SUFFIX,
    Conflict,
    Queue,
    behind_gate,
    directory,
    in_words,
    locks,
    make_place,
    opened,
    read_note,
    unlock,
    write_note,
)

__all__ = ["DIRECTORY", "Leases", "Terms", "Wanted", "directory", "read_leases", "renew"]

DYING_S = 2.0


class Terms(NamedTuple):
    """How a controller wants its leases: in its name, for its run, waited for, renewed within, or stolen."""

    controller: str = ""
    run: str = ""
    wait_s: float = 0.5
    life_s: float = 120.0
    steal: bool = False


class Wanted(NamedTuple):
    """A device to be had, whole where *share* is 1.0."""

    kind: str
    id: str
    share: float = 1.0

    @property
    def name(self) -> str:
        """The name of its file: the vendor's id may hold any character."""
        return f"{self.kind}-{quote(self.id, safe='')}{SUFFIX}"


class Leases:
    """The leases of this process, all taken together and given back together."""

    def __init__(self, terms: Terms, place: Path | None = None) -> None:
        self._terms = terms
        self._place = place if place is not None else directory()
        self._held: dict[int, Wanted] = {}
        os.register_at_fork(after_in_child=self._forget)

    def take(self, devices: Sequence[Wanted], test: str) -> str:
        """Hold all *devices* for a test; return "" then, else why one cannot be had within the terms' time.

        None is held in the latter case. Devices of one's own run are never stolen.
        """
        latest = time.monotonic() + self._terms.wait_s
        try:
            make_place(self._place)
            with Queue(self._place) as queue:
                if queue.has_others():
                    time.sleep(3 * LOOK_AGAIN_S)
                while (why := self._try(devices, test, latest)) and time.monotonic() < latest:
                    queue.join()
                    time.sleep(LOOK_AGAIN_S)
                return why
        except OSError as error:
            return f"no lease can be had in {self._place}: {error.strerror or error}"

    def _try(self, devices: Sequence[Wanted], test: str, latest: float) -> str:
        try:
            with behind_gate(self._place, latest, create=True):
                self._take_all(devices, test)
        except Conflict as conflict:
            return str(conflict)
        return ""

    def give_back(self) -> None:
        """Hold nothing any more; harmless when repeated."""
        held, self._held = self._held, {}
        if any(wanted.share < 1.0 for wanted in held.values()):
            with contextlib.suppress(OSError, Conflict), behind_gate(self._place, time.monotonic() + GATE_S):
                _sign_off(held)
        unlock(held)

    def _take_all(self, devices: Sequence[Wanted], test: str) -> None:
        try:
            for wanted in devices:
                self._take(wanted, test)
        except (OSError, Conflict):
            self._abandon()
            raise

    def _take(self, wanted: Wanted, test: str) -> None:
        path = self._place / wanted.name
        descriptor = opened(path, create=True)
        try:
            note = {} if locks(descriptor, fcntl.LOCK_EX) else self._join(descriptor, wanted)
            if wanted.share < 1.0 and not note:
                fcntl.flock(descriptor, fcntl.LOCK_SH)  # nobody comes in between: all others wait at the gate
            if os.fstat(descriptor).st_ino != path.stat().st_ino:
                raise Conflict(f"{path} was removed just now")
            write_note(descriptor, self._note(wanted, test, note.get("holders", [])))
        except (OSError, Conflict):
            os.close(descriptor)
            raise
        self._held[descriptor] = wanted

    def _join(self, descriptor: int, wanted: Wanted) -> dict[str, Any]:
        """Lock what somebody holds: return the note of those of this run who share it, an empty one after a theft."""
        note = read_note(descriptor)
        is_own = bool(self._terms.run) and note.get("run") == self._terms.run
        if is_own and wanted.share < 1.0 and locks(descriptor, fcntl.LOCK_SH):
            return note
        if is_own or not self._terms.steal:
            raise Conflict(f"{wanted.kind} {wanted.id} is held {in_words(note)}")
        steal(descriptor, self._place / wanted.name, note)
        return {}

    def _note(self, wanted: Wanted, test: str, others: list[dict[str, Any]]) -> dict[str, Any]:
        me = {"pid": os.getpid(), "test": test, "since": time.time(), "share": wanted.share}
        return {
            "kind": wanted.kind,
            "id": wanted.id,
            "user": user_name(),
            "controller": self._terms.controller,
            "run": self._terms.run,
            "life_s": self._terms.life_s,
            "holders": [*others, me],
        }

    def _abandon(self) -> None:
        """Undo what was taken behind the gate that is still closed."""
        held, self._held = self._held, {}
        _sign_off(held)
        unlock(held)

    def _forget(self) -> None:
        for descriptor in self._held:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._held = {}


def steal(descriptor: int, path: Path, note: dict[str, Any]) -> None:
    """End those who hold a device, and lock its file; raises Conflict where that is not allowed or in vain.

    Who holds it is what has the file open (only ``/proc`` tells): the note may be anybody's word. Only their user and
    root may end them; their controller takes them for crashed.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        found = holders_of(path)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if os.getpgid(pid) == pid else os.kill)(pid, number)
        latest = time.monotonic() + DYING_S
        while found and time.monotonic() < latest:
            if locks(descriptor, fcntl.LOCK_EX):
                return
            time.sleep(LOOK_AGAIN_S)
    raise Conflict(f"{unquote(path.stem)} cannot be stolen: it is held {in_words(note)}")


def holders_of(path: Path) -> list[int]:
    """Return the processes that have a lease's file open, this one apart, as far as this user may see."""
    found = []
    for place in Path("/proc").glob("[0-9]*/fd"):
        pid = int(place.parent.name)
        with contextlib.suppress(OSError):
            if pid != os.getpid() and any(_is_same(entry, path) for entry in place.iterdir()):
                found.append(pid)
    return found


def _is_same(entry: Path, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(entry).endswith(path.name) and entry.samefile(path)
    return False


def read_leases(place: Path | None = None) -> list[dict[str, Any]]:
    """Return a row for each device that somebody holds on this host: ``disttest hosts`` shows them.

    A row has *kind*, *id*, *user*, *controller*, *run*, *holders* (*pid*, *test*, *since*, *share* of each), *since*
    and *expires* (POSIX seconds), and *remark*: what is wrong with it, "" when nothing is. Never raises.
    """
    place = place if place is not None else directory()
    try:
        with behind_gate(place, time.monotonic() + GATE_S):
            return [row for path in sorted(place.glob(f"*{SUFFIX}")) if (row := _row(path)) is not None]
    except (OSError, Conflict):
        return []


def _row(path: Path) -> dict[str, Any] | None:
    """Return what is known of one lease; None where nobody holds the device."""
    kind, _, name = path.name.removesuffix(SUFFIX).partition("-")
    row: dict[str, Any] = {"kind": kind, "id": unquote(name), "user": "", "controller": "", "run": "", "holders": []}
    try:
        descriptor = opened(path, create=False)
    except (OSError, Conflict) as error:
        return {**row, "since": 0.0, "expires": 0.0, "remark": f"cannot be read: {error}"}
    try:
        if locks(descriptor, fcntl.LOCK_EX):
            return None
        note, renewed = read_note(descriptor), os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)  # and with it the lock, which no other process has
    row |= {key: note[key] for key in row if key in note}
    since = min((holder["since"] for holder in row["holders"]), default=renewed)
    remark = "" if note else "its note cannot be read"
    return {**row, "since": since, "expires": renewed + note.get("life_s", 0.0), "remark": remark}


def renew(pids: Collection[int], place: Path | None = None) -> None:
    """Put off the expiry of what these processes hold, unless others are at the gate just now. Never raises.

    Behind the gate, because a thief takes whoever has a lease's file open for its holder.
    """
    place = place if place is not None else directory()
    with contextlib.suppress(OSError, Conflict), behind_gate(place, time.monotonic()):
        for path in place.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError, Conflict):
                _renew(path, pids)


def _renew(path: Path, pids: Collection[int]) -> None:
    descriptor = opened(path, create=False)
    try:
        if any(holder["pid"] in pids for holder in read_note(descriptor).get("holders", [])):
            os.utime(descriptor)
    finally:
        os.close(descriptor)


def _sign_off(held: Mapping[int, Wanted]) -> None:
    """Take this process out of the notes of what it shares; a whole device's note means nothing once it is free."""
    for descriptor, wanted in held.items():
        note = read_note(descriptor)
        if note and wanted.share < 1.0:
            others = [holder for holder in note["holders"] if holder["pid"] != os.getpid()]
            write_note(descriptor, {**note, "holders": others})


def user_name() -> str:
    """Return the name of this process's user, its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
