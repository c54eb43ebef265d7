"""A child process as the pair of byte streams that execnet wants, with its stderr kept.

execnet's own version inherits stderr (so the reason of a failure is lost), blocks for ever when the far side
stops reading, and cannot be stopped while a gateway starts. Three threads serve a stream: execnet's reader, one
that keeps the last lines of stderr, and one that writes what the pipe would not take at once.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import IO, Protocol

from execnet.gateway_base import get_execmodel

from pytest_disttest import wire

KEPT_LINES = 40
KEPT_LINE_BYTES = 2000
WAITING_BYTES = 8 << 20
STALL_S = 60.0
MAX_READ_BYTES = wire.LONGEST_MESSAGE_BYTES + (56 << 20)
"""A far side that announces more than our own program ever sends speaks nonsense."""


class Process(Protocol):
    """The part of ``subprocess.Popen`` that a stream needs. The process leads a session of its own."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def spawned(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> ProcessStream:
    """Start *command* and return it as a stream; raises OSError when that fails.

    It runs in a session of its own: Ctrl-C at the terminal does not reach it, ssh has no terminal to ask
    questions on, and ``kill`` reaches all that it started.
    """
    pipe = subprocess.PIPE
    return ProcessStream(
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, start_new_session=True)
    )


class ProcessStream:
    """A running process, its stdin and stdout as a stream (execnet's IO protocol), and the tail of its stderr."""

    def __init__(self, process: Process) -> None:
        self.execmodel = get_execmodel("thread")
        self._process = process
        self._source = _opened(process.stdout)
        self._outbox = Outbox(_opened(process.stdin))
        self._tail = Tail(_opened(process.stderr))
        atexit.register(self.kill)  # in a session of its own it would outlive us, say while ssh is still connecting

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The process's exit status, None while it runs."""
        return self._process.poll()

    def read(self, numbytes: int, /) -> bytes:
        """Return exactly *numbytes* bytes; raises EOFError when the stream ends first."""
        if numbytes < 0 or numbytes > MAX_READ_BYTES:
            raise EOFError(f"the far side announced {numbytes} bytes")
        received = self._source.read(numbytes)
        if len(received) < numbytes:
            raise EOFError(f"expected {numbytes} bytes, got {len(received)}")
        return received

    def read_line(self, limit_bytes: int) -> bytes:
        """Return one line without its end, cut at *limit_bytes*; raises EOFError at the end of the stream."""
        line = self._source.readline(limit_bytes)
        if not line:
            raise EOFError("the stream ended")
        return line.rstrip(b"\r\n")

    def write(self, data: bytes, /) -> None:
        """Send *data*; raises OSError when the far side is gone or has not read for ``STALL_S`` seconds."""
        self._outbox.put(data)

    def close_read(self) -> None:
        """Close our end of stdout; called by execnet's reader when it ends."""
        self._source.close()

    def close_write(self) -> None:
        """Close stdin once everything sent before has been taken."""
        self._outbox.close()

    def wait(self) -> int | None:
        """Wait for the process to end and return its exit status."""
        return self._process.wait()

    def ended_within(self, timeout_s: float) -> bool:
        """Wait for the process to end; return whether it did."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        atexit.unregister(self.kill)
        return True

    def kill(self) -> None:
        """End the process and what it started, at once; harmless when it has ended."""
        self._outbox.break_off()
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.ended_within(2.0)
        atexit.unregister(self.kill)

    def discard(self) -> None:
        """End the process and close all pipes: for a stream that no gateway reads."""
        self.kill()
        self._source.close()

    def tail(self) -> str:
        """Return the last lines of stderr; complete when the process has ended."""
        return self._tail.text(settle_s=0.5 if self.exit_code is not None else 0.0)


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    """Return *pipe*, which is there when it was asked for."""
    if pipe is None:
        raise OSError("the child process has no pipe")
    return pipe


class Tail:
    """The last lines of a stream, read in a thread so that its writer never blocks."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._lines: collections.deque[bytes] = collections.deque(maxlen=KEPT_LINES)
        self._thread = threading.Thread(target=self._collect, name="disttest-stderr", daemon=True)
        self._thread.start()

    def text(self, *, settle_s: float) -> str:
        """Return the lines so far, after waiting at most *settle_s* for the stream to end."""
        self._thread.join(settle_s)
        return b"\n".join(list(self._lines)).decode("utf-8", "replace")

    def _collect(self) -> None:
        with self._source:
            while line := self._source.readline(KEPT_LINE_BYTES):
                if line.strip():
                    self._lines.append(line.rstrip())


class Outbox:
    """Bytes on their way into a pipe.

    ``put`` returns at once while fewer than ``WAITING_BYTES`` wait, so that a stopped host does not stop
    the controller; beyond that it waits, at most ``STALL_S`` seconds.
    """

    def __init__(self, pipe: IO[bytes], *, waiting_bytes: int = WAITING_BYTES, stall_s: float = STALL_S) -> None:
        self._pipe, self._limit_bytes, self._stall_s = pipe, waiting_bytes, stall_s
        self._pieces: collections.deque[memoryview] = collections.deque()
        self._waiting_bytes = 0
        self._closing = self._broken = False
        self._changed = threading.Condition()
        os.set_blocking(pipe.fileno(), False)
        threading.Thread(target=self._drain, name="disttest-outbox", daemon=True).start()

    def put(self, data: bytes) -> None:
        """Send *data* after all that was put before; raises OSError when it can no longer arrive."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, self._stall_s):
                self._broken = True
                self._changed.notify_all()
                raise TimeoutError(f"the far side has read nothing for {self._stall_s:.0f} s")
            if self._broken or self._closing:
                raise BrokenPipeError("the connection is closed")
            rest = memoryview(data)
            if not self._pieces:
                rest = rest[self._write(rest) :]
            if rest:
                self._append(rest)

    def close(self) -> None:
        """Close the pipe as soon as it has taken what was put."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def break_off(self) -> None:
        """Close the pipe now."""
        with self._changed:
            self._broken = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._broken or self._closing or self._waiting_bytes < self._limit_bytes

    def _has_work(self) -> bool:
        return self._broken or self._closing or bool(self._pieces)

    def _append(self, rest: memoryview) -> None:
        self._pieces.append(rest)
        self._waiting_bytes += len(rest)
        self._changed.notify_all()

    def _write(self, data: memoryview) -> int:
        """Write what the pipe takes without waiting and return how much that was; a broken pipe is remembered."""
        try:
            return os.write(self._pipe.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError:
            self._broken = True
            self._changed.notify_all()
            raise

    def _drain(self) -> None:
        """Write the waiting pieces as the pipe takes them, until it is closed or broken."""
        writable = select.poll()
        writable.register(self._pipe.fileno(), select.POLLOUT)
        while self._await_work():
            writable.poll(500)
            with self._changed:
                self._drain_some()
        with contextlib.suppress(OSError):
            self._pipe.close()

    def _await_work(self) -> bool:
        """Wait for something to do; return whether there is something to write."""
        with self._changed:
            self._changed.wait_for(self._has_work)
            return not self._broken and bool(self._pieces)

    def _drain_some(self) -> None:
        """Give the pipe as much of the waiting bytes as it takes now."""
        with contextlib.suppress(OSError):  # _write has marked the outbox as broken
            while self._pieces and not self._broken:
                written = self._write(self._pieces[0])
                self._waiting_bytes -= written
                rest = self._pieces.popleft()[written:]
                if rest:
                    self._pieces.appendleft(rest)
                    break
        self._changed.notify_all()
