"""A copy of this interpreter as it was before the run began, which forks agents and workers.

Theory of operation. When pytest has imported its plugins and nothing else, the controller forks this process. It has
one thread, keeps what is imported, forgets whose copy it is (the controller's streams, its hook for assertions, its
handlers of signals), and forks a process for each order that comes over a line (see ``nursery``). A child never
returns into the stack that it was copied with; it ends in ``ending.run_to_the_end``.

The controller holds one line, each agent another. When a line closes, its owner is gone, and what was forked for it is
killed with its process group. When the controller's line closes, or the controller dies, agents get the time they need
to end in order; then everything left is killed. Should this process itself be killed, its children go with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest

from pytest_disttest.worker import ending, forkable, leash, streams
from pytest_disttest.worker.nursery import PACKET_BYTES, Forked, Nursery

PRELOADED = ("pytest_disttest.worker.bootstrap", "pytest_disttest.worker.agent", "pytest_disttest.worker.main", "pdb")
"""What every agent or worker would import at once; pytest imports pdb whenever it is configured."""
AGENT = "pytest_disttest.gateways.forked:serve"
MOST_DESCRIPTORS = 8
PATIENCE_S = 6.0
"""How long agents may take to end in order, once the controller is gone."""
GRACE_S = 2.0


class Agency:
    """An agent that was asked for, and our ends of its pipes: orders go into *stdin*, the others are read."""

    def __init__(self, nursery: Nursery) -> None:
        """Ask for an agent; raises OSError when there can be none."""
        self._nursery = nursery
        orders, to_agent = os.pipe()
        from_agent, answers = os.pipe()
        words, err = os.pipe()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        self.stdin: IO[bytes] = os.fdopen(to_agent, "wb", buffering=0)
        self.stdout: IO[bytes] = os.fdopen(from_agent, "rb")
        self.stderr: IO[bytes] = os.fdopen(words, "rb")
        theirs = (nowhere, err, orders, answers)
        try:
            self._order = nursery.ask(AGENT, theirs, own_line=True)
        except OSError:
            self.close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def process(self) -> Forked:
        """Return the agent's process; raises OSError when there can be none."""
        try:
            return self._nursery.born(self._order)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close our ends, at which the agent ends."""
        for end in (self.stdin, self.stdout, self.stderr):
            end.close()


class Zygote:
    """The controller's hold on the zygote: its line, its first agent, and the end of it."""

    def __init__(self, line: socket.socket, pid: int) -> None:
        self._nursery = Nursery(line)
        self._pid = pid
        self._waiting: list[Agency] = []
        self._is_closed = False

    def prepare_agent(self) -> None:
        """Ask for an agent before anybody knows whether it is needed."""
        with contextlib.suppress(OSError):  # whoever asks for it hears of that
            self._waiting.append(Agency(self._nursery))

    def agent(self) -> Agency:
        """Return an agent of the caller's own; raises OSError when there can be none."""
        try:
            return self._waiting.pop()
        except IndexError:
            return Agency(self._nursery)

    def close(self) -> None:
        """Let the zygote end, and wait until it has; harmless when repeated."""
        if not self._is_closed:
            self._is_closed = True
            while self._waiting:
                self._waiting.pop().close()
            self._nursery.close()
            with contextlib.suppress(ChildProcessError):
                self._await_end()

    def _await_end(self) -> None:
        """Bury the zygote, which ends in a millisecond where its agents have; one that does not end is killed."""
        latest = time.monotonic() + PATIENCE_S + GRACE_S
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > latest:
                os.kill(self._pid, signal.SIGKILL)
            time.sleep(0.001)


def start(config: pytest.Config) -> Zygote:
    """Fork the zygote of the run that *config* begins, and return the controller's hold on it.

    Raises OSError when the system allows no more processes.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()  # or each child would write it again
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    controller = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if pid:
        theirs.close()
        return Zygote(ours, pid)
    try:
        ours.close()
        _live(theirs, config, controller)
    finally:
        os._exit(1)


def _live(line: socket.socket, config: pytest.Config, controller: int) -> NoReturn:
    os.setsid()
    for descriptor in forkable.inherited_descriptors():
        os.close(descriptor)
    streams.renew()
    ending.forget_parents_end()
    hook: object = config.pluginmanager.rewrite_hook
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not hook]
    brood = Brood(line)
    leash.end_with_parent(controller, number=signal.SIGTERM)
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    brood.serve()
    os._exit(0)


class Brood:
    """The zygote's children, and the lines of those who asked for them."""

    def __init__(self, line: socket.socket) -> None:
        self._controller = line
        self._pid = os.getpid()
        self._owners: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(line, selectors.EVENT_READ)
        self._wake_reader, self._wake_writer = socket.socketpair()
        for end in (self._wake_reader, self._wake_writer):
            end.setblocking(False)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._orphaned_at: float | None = None
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        self._handlers = {
            signal.SIGCHLD: signal.signal(signal.SIGCHLD, _wake_up),
            signal.SIGTERM: signal.signal(signal.SIGTERM, self._on_orphaned),
            signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        }

    def serve(self) -> None:
        """Fork what is asked for and tell how it ends, until the controller is gone and every child with it."""
        while self._orphaned_at is None or self._owners:
            for key, _ in self._selector.select(None if self._orphaned_at is None else 0.1):
                if key.fileobj is self._wake_reader:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_reader.recv(4096)
                else:
                    self._hear(key.fileobj)
            self._reap()
            if self._orphaned_at is not None and time.monotonic() - self._orphaned_at > PATIENCE_S:
                self._kill(list(self._owners))
                return

    def _on_orphaned(self, *_: object) -> None:
        if self._orphaned_at is None:
            self._orphaned_at = time.monotonic()

    def _hear(self, line: Any) -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(line, PACKET_BYTES, MOST_DESCRIPTORS)
        except ConnectionError:
            packet, descriptors = b"", []
        if packet:
            self._obey(line, json.loads(packet), descriptors)
        else:
            self._part_from(line)

    def _part_from(self, line: socket.socket) -> None:
        """The owner of a line is gone: so is the use of what was forked for it; agents see that by themselves."""
        self._selector.unregister(line)
        line.close()
        if line is self._controller:
            self._on_orphaned()
        else:
            self._kill([pid for pid, owner in self._owners.items() if owner is line])

    def _kill(self, pids: Sequence[int]) -> None:
        """End process groups; those of a collector's forks too, which would die with it, but not what they started."""
        forks = [child for parent in pids for child in children_of(parent)]
        for pid in (*forks, *pids):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def _obey(self, line: socket.socket, order: dict[str, Any], descriptors: list[int]) -> None:
        own, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) if order["own_line"] else (None, None)
        try:
            pid = os.fork()
        except OSError as error:
            _send(line, {"order": order["order"], "failed": f"cannot fork: {error}"})
            pid = -1
        if pid == 0:
            more = [] if theirs is None else [theirs.detach()]
            self._be_born(line, own, order, [*descriptors, *more])
        if theirs is not None:
            theirs.close()
        for descriptor in descriptors:
            os.close(descriptor)
        if pid > 0:
            self._owners[pid] = line
            if own is not None:
                self._selector.register(own, selectors.EVENT_READ)

    def _be_born(
        self, line: socket.socket, own: socket.socket | None, order: dict[str, Any], descriptors: list[int]
    ) -> NoReturn:
        """The life of a child."""
        try:
            os.setsid()
            leash.end_with_parent(self._pid)
            _send(line, {"order": order["order"], "born": os.getpid()})
            self._let_go(own)
            streams.renew(*descriptors[:2])
            for descriptor in descriptors[2:]:
                os.set_inheritable(descriptor, False)
            os.environ.update(order["env"])
            reseed()
            module, _, name = order["call"].partition(":")
            function: Callable[..., object] = getattr(importlib.import_module(module), name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        ending.run_to_the_end(partial(function, *descriptors[2:]))

    def _let_go(self, own: socket.socket | None) -> None:
        """Close and restore, in a child, what only the zygote needs."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        lines = [key.fileobj for key in self._selector.get_map().values()]
        self._selector.close()
        for end in (*lines, self._wake_writer, own):
            if end is not None:
                end.close()  # type: ignore[union-attr]

    def _reap(self) -> None:
        """Tell of every child that has ended how it did."""
        while self._owners:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            line = self._owners.pop(pid, None)
            if line is not None and line.fileno() >= 0:
                _send(line, {"exit": pid, "code": os.waitstatus_to_exitcode(status)})


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started and not yet waited for; none where the system does not tell."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def reseed() -> None:
    """Give this process random numbers of its own; Python's own generator sees to itself."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _wake_up(*_: object) -> None:
    """Do nothing: the signal's number has arrived at the wakeup descriptor."""


def _send(line: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # whoever asked is gone, which its line tells
        line.send(json.dumps(message).encode())
