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
import json
import os
import pwd
import signal
import stat
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote

DIRECTORY = "DISTTEST_LEASES"
"""The environment variable that names another directory than ``/tmp/disttest-leases``."""
SUFFIX = ".lease"
GATE, QUEUE = "gate", "queue"
LOOK_AGAIN_S = 0.01
"""How often who waits tries again; who comes later gives those who wait the time of a few tries."""
GATE_S = 2.0
"""How long who only reads or gives back waits at the gate, which nobody keeps for longer than a theft takes."""
DYING_S = 2.0
LARGEST_NOTE = 1 << 16


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


class Conflict(Exception):
    """A device cannot be had now; the text says why."""


def directory() -> Path:
    """Return where this host's leases lie: not in a user's own place, since devices are everybody's."""
    return Path(os.environ.get(DIRECTORY) or "/tmp/disttest-leases")


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
            _make(self._place)
            with _Queue(self._place) as queue:
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
            with _behind_gate(self._place, latest, create=True):
                self._take_all(devices, test)
        except Conflict as conflict:
            return str(conflict)
        return ""

    def give_back(self) -> None:
        """Hold nothing any more; harmless when repeated."""
        held, self._held = self._held, {}
        if any(wanted.share < 1.0 for wanted in held.values()):
            with contextlib.suppress(OSError, Conflict), _behind_gate(self._place, time.monotonic() + GATE_S):
                _sign_off(held)
        _unlock(held)

    def _take_all(self, devices: Sequence[Wanted], test: str) -> None:
        try:
            for wanted in devices:
                self._take(wanted, test)
        except (OSError, Conflict):
            self._abandon()
            raise

    def _take(self, wanted: Wanted, test: str) -> None:
        path = self._place / wanted.name
        descriptor = _opened(path, create=True)
        try:
            note = {} if _locks(descriptor, fcntl.LOCK_EX) else self._join(descriptor, wanted)
            if wanted.share < 1.0 and not note:
                fcntl.flock(descriptor, fcntl.LOCK_SH)  # nobody comes in between: all others wait at the gate
            if os.fstat(descriptor).st_ino != path.stat().st_ino:
                raise Conflict(f"{path} was removed just now")
            _write(descriptor, self._note(wanted, test, note.get("holders", [])))
        except (OSError, Conflict):
            os.close(descriptor)
            raise
        self._held[descriptor] = wanted

    def _join(self, descriptor: int, wanted: Wanted) -> dict[str, Any]:
        """Lock what somebody holds: return the note of those of this run who share it, an empty one after a theft."""
        note = _read(descriptor)
        is_own = bool(self._terms.run) and note.get("run") == self._terms.run
        if is_own and wanted.share < 1.0 and _locks(descriptor, fcntl.LOCK_SH):
            return note
        if is_own or not self._terms.steal:
            raise Conflict(f"{wanted.kind} {wanted.id} is held {_in_words(note)}")
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
        _unlock(held)

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
            if _locks(descriptor, fcntl.LOCK_EX):
                return
            time.sleep(LOOK_AGAIN_S)
    raise Conflict(f"{unquote(path.stem)} cannot be stolen: it is held {_in_words(note)}")


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
        with _behind_gate(place, time.monotonic() + GATE_S):
            return [row for path in sorted(place.glob(f"*{SUFFIX}")) if (row := _row(path)) is not None]
    except (OSError, Conflict):
        return []


def _row(path: Path) -> dict[str, Any] | None:
    """Return what is known of one lease; None where nobody holds the device."""
    kind, _, name = path.name.removesuffix(SUFFIX).partition("-")
    row: dict[str, Any] = {"kind": kind, "id": unquote(name), "user": "", "controller": "", "run": "", "holders": []}
    try:
        descriptor = _opened(path, create=False)
    except (OSError, Conflict) as error:
        return {**row, "since": 0.0, "expires": 0.0, "remark": f"cannot be read: {error}"}
    try:
        if _locks(descriptor, fcntl.LOCK_EX):
            return None
        note, renewed = _read(descriptor), os.fstat(descriptor).st_mtime
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
    with contextlib.suppress(OSError, Conflict), _behind_gate(place, time.monotonic()):
        for path in place.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError, Conflict):
                _renew(path, pids)


def _renew(path: Path, pids: Collection[int]) -> None:
    descriptor = _opened(path, create=False)
    try:
        if any(holder["pid"] in pids for holder in _read(descriptor).get("holders", [])):
            os.utime(descriptor)
    finally:
        os.close(descriptor)


def user_name() -> str:
    """Return the name of this process's user, its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


@contextlib.contextmanager
def _behind_gate(place: Path, latest: float, *, create: bool = False) -> Iterator[None]:
    """Be the only one who looks at or changes leases; raises Conflict when that is not so by *latest*."""
    descriptor = _opened(place / GATE, create=create)
    try:
        while not _locks(descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= latest:
                raise Conflict(f"others are busy with the leases in {place}")
            time.sleep(LOOK_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


class _Queue:
    """Those who wait for any device of this host."""

    def __init__(self, place: Path) -> None:
        self._descriptor = _opened(place / QUEUE, create=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def has_others(self) -> bool:
        """Whether somebody waits."""
        is_empty = _locks(self._descriptor, fcntl.LOCK_EX)
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        return not is_empty

    def join(self) -> None:
        """Wait, too; if somebody looks just now, the next time is early enough."""
        _locks(self._descriptor, fcntl.LOCK_SH)


def _make(place: Path) -> None:
    """Make the directory of leases for everybody, as ``/tmp`` is; raises OSError where it is no directory."""
    try:
        place.mkdir()
        place.chmod(0o1777)
    except FileExistsError:
        if not stat.S_ISDIR(place.lstat().st_mode):
            raise NotADirectoryError(f"{place} is no directory") from None


def _opened(path: Path, *, create: bool) -> int:
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


def _locks(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> dict[str, Any]:
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


def _write(descriptor: int, note: dict[str, Any]) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(note).encode("ascii"), 0)


def _sign_off(held: Mapping[int, Wanted]) -> None:
    """Take this process out of the notes of what it shares; a whole device's note means nothing once it is free."""
    for descriptor, wanted in held.items():
        note = _read(descriptor)
        if note and wanted.share < 1.0:
            others = [holder for holder in note["holders"] if holder["pid"] != os.getpid()]
            _write(descriptor, {**note, "holders": others})


def _unlock(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # not left to close: a child may have a copy
        os.close(descriptor)


def _in_words(note: dict[str, Any]) -> str:
    if not note:
        return "by somebody who left no note"
    who = " ".join(filter(None, (note["user"], note["controller"] and f"({note['controller']})")))
    tests = ", ".join(holder["test"] for holder in note["holders"][:3])
    return f"by {who}" + (f" for {tests}" if tests else "")
