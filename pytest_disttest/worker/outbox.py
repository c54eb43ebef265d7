"""The way out of a worker: lines gathered in shared memory, so that even a dead worker's words arrive.

Theory of operation. A worker must not own a second thread (tests look at ``threading.enumerate()``,
and forking with threads warns), must not lose what it had to say when it is killed, and must not
wake its agent for every test (two context switches cost more than a trivial test). So lines go into
a memory-mapped file that the agent maps too. The worker pushes them over its socket when enough have
gathered or when it needs an answer; the agent picks up by itself what lies there for a while (a long
test runs) or what is left when the worker is dead.

The map: a header of three unsigned 64-bit numbers, three smaller ones, then the lines. ``sequence`` is
odd while the header changes; ``base`` is how many bytes were pushed before the first one in the map;
``length`` is how many bytes of whole lines lie there. The agent counts the bytes that it has; whatever
reaches past its count is new, so nothing is taken twice. A worker may be killed between any two stores,
so each change of the header changes one number, and what is half done reads as not done or as done.

The smaller ones are the descriptors of the files that pytest captures standard output and error into
(-1: none), which the agent opens through ``/proc`` while the worker lives, and 1 once the session is over.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from typing import NoReturn

HEADER = struct.Struct("<QQQ")
DESCRIPTORS = struct.Struct("<ii")
LEAVING = struct.Struct("<i")
LEAVING_AT = HEADER.size + DESCRIPTORS.size
START = LEAVING_AT + LEAVING.size
FRAME = struct.Struct("<QI")
CAPACITY = 1 << 20
PUSH_BYTES = 48 * 1024
PUSH_AFTER_S = 0.025
CUT_OFF = 70
"""The exit code of a worker that lost its line to the agent."""
OUT_OF_MEMORY = 71
"""The exit code of a worker that had no memory left for its own work, beside that of the tests."""


class Outbox:
    """The worker's end."""

    def __init__(self, link: socket.socket, shared: mmap.mmap) -> None:
        self._link = link
        self._map = shared
        self._capacity = len(shared) - START
        self._sequence = 0
        self._base = 0
        self._length = 0
        self._pushed_at = time.monotonic()
        self._mute = False
        self.name_capture_files(-1, -1)

    def name_capture_files(self, out: int, err: int) -> None:
        """Tell the agent where captured output lies, in case this process cannot report it any more."""
        DESCRIPTORS.pack_into(self._map, HEADER.size, out, err)

    def take_leave(self) -> None:
        """Tell the agent that the session is over: what follows is the end of the process, which may take a while."""
        LEAVING.pack_into(self._map, LEAVING_AT, 1)

    def fall_silent(self) -> None:
        """Drop what is said from now on: this process is a child that a test forked, and shares the map."""
        self._mute = True

    def resume(self, link: socket.socket) -> None:
        """Speak again: this process is a fork that takes its parent's place, which says nothing any more."""
        self._link, self._mute = link, False

    def append(self, line: bytes) -> None:
        """Put one line (newline included) where it survives this process; push when much has gathered."""
        if self._mute:
            return
        length = self._length + len(line)
        if length > self._capacity:
            self.push()
            length = len(line)
            if length > self._capacity:
                self._push_past_the_map(line)
                return
        self._map[START + self._length : START + length] = line
        self._length = length
        self._write_header()
        if length > PUSH_BYTES:
            self.push()

    def push_if_due(self) -> None:
        """Push when the oldest line has waited long enough; called between tests."""
        if self._length and time.monotonic() - self._pushed_at > PUSH_AFTER_S:
            self.push()

    def push(self) -> None:
        """Hand over everything now."""
        if not self._length or self._mute:
            return
        with _Uninterrupted():
            self._send(self._base, self._map[START : START + self._length])
            self._write_header(length=0)
            # in one statement, or an interrupt in between would give the next lines the places of these
            self._base, self._length = self._base + self._length, 0
            self._write_header()
        self._pushed_at = time.monotonic()

    def _push_past_the_map(self, line: bytes) -> None:
        """Hand over a line that the map cannot hold; the map is empty."""
        with _Uninterrupted():
            base, self._base = self._base, self._base + len(line)
            self._send(base, line)
            self._write_header()

    def _send(self, base: int, lines: bytes) -> None:
        with ending_when_cut_off():
            self._link.sendall(FRAME.pack(base, len(lines)) + lines)

    def _write_header(self, length: int | None = None) -> None:
        self._sequence += 2
        known = self._length if length is None else length
        HEADER.pack_into(self._map, 0, self._sequence - 1, self._base, known)
        HEADER.pack_into(self._map, 0, self._sequence, self._base, known)


@contextlib.contextmanager
def ending_when_cut_off() -> Iterator[None]:
    """End this process at once when a test has closed the descriptor of its line to the agent.

    Nothing can be told or heard any more; the agent finds a dead worker, and another one goes on.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EBADF, errno.ENOTSOCK):
            end_cut_off()
        raise


def end_cut_off() -> NoReturn:
    """End this process at once, with the exit code and the words that say why."""
    with contextlib.suppress(OSError):
        os.write(2, b"the worker's line to its agent is closed: did a test close descriptors?\n")
    os._exit(CUT_OFF)


def end_without_memory() -> NoReturn:
    """End this process, which has no memory left for its own work: a fresh one has, and what was said is in the map."""
    os._exit(OUT_OF_MEMORY)


try:
    # the public one makes an enum's member of each of 64 signals: ten times what all else takes that a push does
    from _signal import pthread_sigmask as _set_mask  # type: ignore[import-not-found]
except ImportError:
    _set_mask = getattr(signal, "pthread_sigmask", None)

_SIGNALS = frozenset(map(int, signal.valid_signals()))


class _Uninterrupted:
    """Let signals wait: half a frame, cut short by Ctrl-C or a test's alarm, would spoil all that follow it."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        if _set_mask is not None:
            self._before = _set_mask(signal.SIG_BLOCK, _SIGNALS)

    def __exit__(self, *_: object) -> None:
        if _set_mask is not None:
            _set_mask(signal.SIG_SETMASK, self._before)


class Inlet:
    """The agent's end: turns frames and what lies in the map into bytes, each exactly once."""

    def __init__(self, shared: mmap.mmap) -> None:
        self._map = shared
        self._received = 0
        self._buffer = bytearray()
        self._seen_length = -1

    def capture_files(self) -> tuple[int, int]:
        """Return the worker's descriptors of captured output and error, -1 for none."""
        out, err = DESCRIPTORS.unpack_from(self._map, HEADER.size)
        return out, err

    @property
    def is_leaving(self) -> bool:
        """Whether the worker's session is over."""
        return LEAVING.unpack_from(self._map, LEAVING_AT) != (0,)

    def feed(self, data: bytes) -> bytes:
        """Take what came over the socket; return the new whole lines in it."""
        self._buffer += data
        lines = bytearray()
        while len(self._buffer) >= FRAME.size:
            base, size = FRAME.unpack_from(self._buffer)
            if len(self._buffer) < FRAME.size + size:
                break
            payload = memoryview(self._buffer)[FRAME.size : FRAME.size + size]
            lines += payload[max(0, self._received - base) :]
            payload.release()
            del self._buffer[: FRAME.size + size]
            self._received = max(self._received, base + size)
        return bytes(lines)

    def waiting(self) -> bytes:
        """Return the lines that have lain in the map since the last call; b"" while they still change."""
        sequence, base, length = self._header()
        settled = (base + length) == self._seen_length
        self._seen_length = base + length
        if sequence % 2 or not settled:
            return b""
        return self._take(sequence, base, length)

    def rest(self) -> bytes:
        """Return everything the worker left behind; to be called after it died and the socket was drained."""
        _, base, length = self._header()
        return self._take(-1, base, length)

    def _take(self, sequence: int, base: int, length: int) -> bytes:
        skip = self._received - base
        if skip < 0 or skip >= length or length > len(self._map) - START:
            return b""
        lines = self._map[START + skip : START + length]
        if sequence >= 0 and self._header()[0] != sequence:
            return b""
        self._received = base + length
        return lines

    def _header(self) -> tuple[int, int, int]:
        sequence, base, length = HEADER.unpack_from(self._map, 0)
        return sequence, base, length
