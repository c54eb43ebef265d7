"""The worker processes of one host, as their agent sees them: started, heard, and buried."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence

from pytest_disttest.worker.outbox import CAPACITY, START, Inlet

TAIL_BYTES = 64 * 1024

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


class WorkerProcess:
    """One worker: its process, the socket it talks over, the memory it leaves its last words in."""

    def __init__(
        self, name: str, *, package_dir: str, python: str, flags: Sequence[str], env: Mapping[str, str], claims: int
    ) -> None:
        self.name = name
        self.link, theirs = socket.socketpair()
        with contextlib.ExitStack() as unless_started, theirs, tempfile.TemporaryFile(prefix="disttest-") as backing:
            unless_started.callback(self.link.close)
            backing.truncate(START + CAPACITY)
            self.shared = mmap.mmap(backing.fileno(), 0)
            self.inlet = Inlet(self.shared)
            descriptors = (theirs.fileno(), backing.fileno(), claims)
            self.process = subprocess.Popen(
                [python, *flags, "-c", BOOT, package_dir, *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                env={**os.environ, **env},
                start_new_session=True,
            )
            unless_started.pop_all()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.streams = {"out": self.process.stdout, "err": self.process.stderr}
        self._tails: dict[str, deque[bytes]] = {"out": deque(), "err": deque()}
        self._captured: dict[str, int] = {}

    def send(self, data: bytes) -> None:
        """Pass the controller's words on; a worker that is gone is noticed by its exit, not here."""
        with contextlib.suppress(OSError):  # the relay may bury it, and close the line, at the same moment
            self.link.sendall(data)

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
        """Return the tail of each stream: what pytest had captured, then what went past it."""
        words = {}
        for stream in ("out", "err"):
            captured = _tail_of(self._captured[stream]) if stream in self._captured else b""
            words[stream] = (captured + b"".join(self._tails[stream])).decode("utf-8", "replace")
        return words

    def signal(self, number: int) -> None:
        """Signal the worker and everything in its process group, as a terminal's Ctrl-C does."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def bury(self) -> int:
        """Wait for the ended process, end what it left in its group, free what it held; return its exit code."""
        code = self.process.wait()
        self.signal(signal.SIGKILL)
        for stream in self.streams.values():
            stream.close()
        for descriptor in self._captured.values():
            os.close(descriptor)
        self._captured = {}
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
