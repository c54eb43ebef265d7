"""The worker processes of one host, as their agent sees them: started, heard, and buried."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pytest_disttest.worker.allowance import Allowance
from pytest_disttest.worker.backing import zeros
from pytest_disttest.worker.nursery import Nursery
from pytest_disttest.worker.outbox import CAPACITY, START, Inlet

TAIL_BYTES = 64 * 1024
FIRST_CHILD = 0
"""The number of the order that nobody sends: that for the child that goes on in its parent's place."""

BOOT = """
import importlib.util as util, sys
place, link, shared, claims = sys.argv[1:5]
name, start = "pytest_disttest", place + "/__init__.py"
spec = util.spec_from_file_location(name, start, submodule_search_locations=[place])
package = sys.modules[name] = util.module_from_spec(spec)
spec.loader.exec_module(package)
from pytest_disttest.worker.main import main
main(int(link), int(shared), int(claims))
"""


WORKER_MAIN = "pytest_disttest.worker.main:main"


class Process(Protocol):
    """What the agent needs to know of a process, whoever its parent is."""

    pid: int

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker process begins with: its interpreter, and the descriptors of what it is given."""

    package_dir: str
    python: str
    flags: Sequence[str]
    env: Mapping[str, str]
    link: int
    shared: int
    claims: int
    out: int
    err: int
    line: int = -1


class Spawning:
    """Workers are new interpreters, children of this process."""

    gives_lines = False

    def start(self, what: Start) -> Process:
        """Return a new worker process; raises OSError when it cannot be started."""
        descriptors = (what.link, what.shared, what.claims)
        return subprocess.Popen(
            [what.python, *what.flags, "-c", BOOT, what.package_dir, *map(str, descriptors)],
            stdin=subprocess.DEVNULL,
            stdout=what.out,
            stderr=what.err,
            pass_fds=descriptors,
            env={**os.environ, **what.env},
            start_new_session=True,
        )


class Forking:
    """Workers are forks of a zygote, which runs the same package with the same interpreter and flags."""

    gives_lines = True

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    def start(self, what: Start) -> Process:
        """Return a new worker process; raises OSError when it cannot be started."""
        given = (what.out, what.err, what.link, what.shared, what.claims, what.line)
        return self._nursery.born(self._nursery.ask(WORKER_MAIN, given, env=what.env))


class Cloning:
    """Workers are forks of one that has collected, see ``breeding``."""

    gives_lines = False

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery

    def start(self, what: Start) -> Process:
        """Return a new worker process; raises OSError when it cannot be started."""
        return self._nursery.born(self._nursery.ask("", (what.out, what.err, what.link, what.shared)))


class Starter(Protocol):
    """A way to start a worker process; one that *gives_lines* lets workers be the parents of others."""

    gives_lines: bool

    def start(self, what: Start) -> Process: ...


SPAWNING = Spawning()


class WorkerProcess:
    """One worker: its process, the socket it talks over, the memory it leaves its last words in."""

    def __init__(
        self,
        name: str,
        *,
        package_dir: str,
        python: str,
        flags: Sequence[str],
        env: Mapping[str, str],
        claims: int,
        starter: Starter = SPAWNING,
    ) -> None:
        self.name = name
        self.link, theirs = socket.socketpair()
        with contextlib.ExitStack() as unless_started, contextlib.ExitStack() as for_the_start:
            unless_started.callback(self.link.close)
            for_the_start.callback(theirs.close)
            backing = for_the_start.enter_context(zeros(START + CAPACITY))
            self.shared = mmap.mmap(backing.fileno(), 0)
            self.inlet = Inlet(self.shared)
            self.streams, ends = {}, []
            for stream in ("out", "err"):
                reading, writing = os.pipe()
                self.streams[stream] = unless_started.enter_context(os.fdopen(reading, "rb", buffering=0))
                ends.append(for_the_start.enter_context(os.fdopen(writing, "wb", buffering=0)).fileno())
            line = -1
            if starter.gives_lines:
                mine, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                unless_started.callback(mine.close)
                line = for_the_start.enter_context(other).fileno()
                self._line: socket.socket | None = mine
            else:
                self._line = None
            out, err = ends
            start = Start(package_dir, python, flags, env, theirs.fileno(), backing.fileno(), claims, out, err, line)
            self.process: Process = starter.start(start)
            unless_started.pop_all()
        self._tails: dict[str, deque[bytes]] = {"out": deque(), "err": deque()}
        self._captured: dict[str, int] = {}
        self.allowance = Allowance(time.monotonic())
        self.why = ""

    def send(self, data: bytes) -> None:
        """Pass the controller's words on; a worker that is gone is noticed by its exit, not here."""
        with contextlib.suppress(OSError):  # the relay may bury it, and close the line, at the same moment
            self.link.sendall(data)

    def breed(self) -> tuple[Nursery, Process]:
        """Make its process the parent of workers: its first child goes on in its place.

        Returns the line to that process and the process itself. Raises OSError when it does not answer.
        """
        if self._line is None:
            raise OSError("this worker cannot be forked")
        nursery, self._line = Nursery(self._line), None
        self.send(b'["breed"]\n')
        parent, self.process = self.process, nursery.born(FIRST_CHILD)
        for descriptor in self._captured.values():
            os.close(descriptor)
        self._captured = {}
        return nursery, parent

    def remember(self, stream: str, data: bytes) -> None:
        """Keep the last of what the process wrote outside pytest's capture, for the report of its death."""
        tail = self._tails[stream]
        tail.append(data)
        while sum(map(len, tail)) > TAIL_BYTES and len(tail) > 1:
            tail.popleft()

    def watch_capture(self) -> None:
        """Open the files that pytest captures into: they outlive the process that cannot report them any more."""
        for stream, descriptor in zip(("out", "err"), self.inlet.capture_files(), strict=True):
            if descriptor >= 0 and stream not in self._captured:
                with contextlib.suppress(OSError):
                    opened = os.open(f"/proc/{self.process.pid}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK)
                    self._captured[stream] = opened

    def last_words(self) -> dict[str, str]:
        """Return the tail of each stream (what pytest had captured, then what went past it), and *why* it was ended."""
        words = {"why": self.why} if self.why else {}
        for stream in ("out", "err"):
            captured = _tail_of(self._captured[stream]) if stream in self._captured else b""
            words[stream] = (captured + b"".join(self._tails[stream])).decode("utf-8", "replace")
        return words

    def signal(self, number: int) -> None:
        """Signal the worker and everything in its process group, as a terminal's Ctrl-C does."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    @property
    def is_stopped(self) -> bool:
        """Whether a signal has stopped the process; one that a debugger holds is not meant. False without /proc."""
        with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"T"  # "pid (name) state ..."
        return False

    def bury(self) -> int:
        """Wait for the ended process, end what it left in its group, free what it held; return its exit code."""
        code = self.process.wait()
        self.signal(signal.SIGKILL)
        for stream in self.streams.values():
            stream.close()
        for descriptor in self._captured.values():
            os.close(descriptor)
        self._captured = {}
        if self._line is not None:
            self._line.close()
        self.link.close()
        return code


def _tail_of(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, TAIL_BYTES, max(0, size - TAIL_BYTES)).rstrip(b"\0")


def interpreter_flags() -> list[str]:
    """Return the command-line flags this interpreter was started with (``-O``, ``-X dev``, ``-W error``, ...)."""
    args_from_flags = getattr(subprocess, "_args_from_interpreter_flags", None)
    return list(args_from_flags()) if args_from_flags is not None else []


def default_python() -> str:
    """Return the interpreter that runs this agent."""
    return sys.executable
