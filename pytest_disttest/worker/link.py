"""A worker's line to its agent: commands in, messages out, no thread in between."""

from __future__ import annotations

import mmap
import os
import socket
from collections import deque
from typing import Any

from pytest_disttest import wire
from pytest_disttest.errors import ProtocolFault
from pytest_disttest.worker.outbox import Outbox, end_cut_off, ending_when_cut_off


class AgentGone(SystemExit):
    """The agent closed the line: nobody is left to report to, so the process ends at once."""


class Link:
    """Commands arrive over a socket pair; messages leave through an outbox in shared memory.

    A child that a test forks has no part in it: it would take the worker's commands and write over its
    lines when it falls out of the test, and keep the line open when the worker dies.
    """

    def __init__(self, connection: socket.socket, shared: mmap.mmap) -> None:
        self._socket = connection
        self._inode = _inode(connection)
        self._buffer = b""
        self._commands: deque[list[Any]] = deque()
        self.outbox = Outbox(connection, shared)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._let_go)

    def send(self, *message: Any) -> None:
        """Say something that may wait for company on its way."""
        self.outbox.append(_packed(message))

    def send_now(self, *message: Any) -> None:
        """Say something that the controller waits for."""
        self.outbox.append(_packed(message))
        self.outbox.push()

    def receive(self) -> list[Any]:
        """Return the next command; blocks until there is one. Raises AgentGone when the line is closed."""
        while not self._commands:
            self._read()
        return self._commands.popleft()

    def poll(self) -> list[Any] | None:
        """Return the next command if one has arrived."""
        while not self._commands:
            try:
                self._read(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
        return self._commands.popleft()

    def end_when_closed(self) -> None:
        """End this process when the running test has closed the line, before anything else is blamed for that."""
        if self._inode and self._socket.fileno() >= 0 and self._inode != _inode(self._socket):
            end_cut_off()

    @property
    def descriptor(self) -> int:
        """The descriptor of the line to the agent."""
        return self._socket.fileno()

    def duplicate(self) -> int:
        """Return a copy of that descriptor, for a fork that is to go on with this line."""
        return os.dup(self._socket.fileno())

    def resume(self, descriptor: int) -> None:
        """Go on with the parent's line: this process is a fork that takes its parent's place."""
        self._socket = socket.socket(fileno=descriptor)
        self._inode = _inode(self._socket)
        self.outbox.resume(self._socket)

    def adopt(self, connection: socket.socket, shared: mmap.mmap) -> None:
        """Speak over a line of its own: this process is a fork that becomes another worker."""
        self._socket, self._buffer = connection, b""
        self._inode = _inode(connection)
        self._commands.clear()
        self.outbox = Outbox(connection, shared)

    def _let_go(self) -> None:
        self._socket.close()
        self.outbox.fall_silent()

    def _read(self, flags: int = 0) -> None:
        if self._socket.fileno() < 0:
            os._exit(1)  # a forked child that fell out of its test: the fixtures it would tear down are its parent's
        with ending_when_cut_off():
            data = self._socket.recv(1 << 16, flags)
        if not data:
            raise AgentGone(1)
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        self._commands.extend(wire.unpack(line) for line in lines)


def _packed(message: tuple[Any, ...]) -> bytes:
    """Return the line of a message; raises ProtocolFault for one that would end the connection to its host."""
    line = wire.pack(list(message))
    if len(line) > wire.LONGEST_MESSAGE_BYTES:
        raise ProtocolFault(f"{message[0]!r} has {len(line) >> 20} MiB, and cannot be sent to the controller")
    return line


def _inode(connection: socket.socket) -> int:
    """Return the number of the socket itself, whatever descriptor leads to it; 0 where the descriptor is closed."""
    try:
        return os.fstat(connection.fileno()).st_ino
    except OSError:
        return 0
