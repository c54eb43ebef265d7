"""The line to a zygote, and the processes it forked, as their owner sees them.

One message is one JSON object in one packet. Asked: ``{"order": number, "call": "module:function", "env": {...},
"own_line": flag}`` with descriptors: the first two become standard output and error, the others the function's
arguments; *own_line* gives it one more, a line of its own to the zygote. Answers: ``{"order": number, "born": pid}``
(from the new process, in a session of its own) or ``{"order": number, "failed": why}``, and some time after a birth
``{"exit": pid, "code": number}``.
"""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

PACKET_BYTES = 1 << 17
LOOK_AGAIN_S = 0.05
ANSWER_S = 20
GONE = "the process that forks is gone, or stopped"


class Nursery:
    """The line to the zygote; safe to be used from several threads."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", ANSWER_S, 0))
        self._lock = threading.Lock()
        self._codes: dict[int, int] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._orders = 0
        self._is_gone = False

    def ask(
        self, call: str, descriptors: Sequence[int], *, env: Mapping[str, str] | None = None, own_line: bool = False
    ) -> int:
        """Ask for a new process that runs the function *call*; return the number of this order, for ``born``.

        Raises OSError when the zygote is gone. *descriptors* may be closed afterwards.
        """
        with self._lock:
            self._orders += 1
            order = {"order": self._orders, "call": call, "env": dict(env or {}), "own_line": own_line}
            if self._is_gone:
                raise BrokenPipeError(GONE)
            socket.send_fds(self._line, [json.dumps(order).encode()], list(descriptors))
            return self._orders

    def born(self, order: int) -> Forked:
        """Return the process that was asked for; raises OSError when there can be none."""
        with self._lock:
            while order not in self._answers:
                if self._receive() is None:
                    self._is_gone = True
                    raise BrokenPipeError(GONE)
            answer = self._answers.pop(order)
        if "failed" in answer:
            raise OSError(answer["failed"])
        return Forked(self, answer["born"])

    def exit_code(self, pid: int) -> int | None:
        """Return how the process *pid* ended, None while it runs. A zygote's end is its children's end."""
        with self._lock:
            while pid not in self._codes and not self._is_gone and self._receive(socket.MSG_DONTWAIT) is not None:
                pass
            return self._codes.get(pid, -signal.SIGKILL if self._is_gone else None)

    def await_news(self, timeout_s: float) -> None:
        """Wait until the zygote may have said something."""
        with contextlib.suppress(ValueError, OSError):  # closed meanwhile
            select.select([self._line], [], [], timeout_s)

    def close(self) -> None:
        """Let the zygote go: it ends as soon as the last of its children has."""
        with self._lock:
            self._is_gone = True
            self._line.close()

    def _receive(self, flags: int = 0) -> dict[str, Any] | None:
        """Return the next message, None when there is none now, or none any more."""
        try:
            packet = self._line.recv(PACKET_BYTES, flags)
        except BlockingIOError:
            return None
        except OSError:
            packet = b""
        if not packet:
            self._is_gone = True
            return None
        message: dict[str, Any] = json.loads(packet)
        if "exit" in message:
            self._codes[message["exit"]] = message["code"]
        else:
            self._answers[message["order"]] = message
        return message


class Forked:
    """A process that the zygote forked for us, with the part of ``subprocess.Popen`` that we use."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery = nursery
        self.pid = pid

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while the process runs."""
        return self._nursery.exit_code(self.pid)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raises subprocess.TimeoutExpired when there is none in time."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = LOOK_AGAIN_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            self._nursery.await_news(min(left, LOOK_AGAIN_S))
        return code
