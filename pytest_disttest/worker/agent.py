"""Our first process on a host: starts workers, relays their words, notices how they end.

Messages from the controller, as tuples of builtins:

``("spawn", worker, flags, env)``   start a worker process
``("breed", worker)``               make a worker that has collected the parent of others, itself the first of them
``("clone", worker, parent)``       start a worker process as a fork of that parent
``("tell", worker, bytes)``         lines for a worker
``("signal", worker, number)``      signal a worker and its process group
``("probe", families, limit_s, fresh, more)``  look what this host has, see ``probing``
``("leases",)``                     look who holds its devices, see ``leases``
``("reset", kind, id, order)``      reset a device, see ``resetting``
``("live", flag)``                  forward what workers write, rather than keep the tail of it
``("beat", patience_s)``            the controller is alive; silence longer than that means it is not
``("bye",)``                        let those whose session is over end, kill the others, and end

Messages to the controller:

``("hello", facts)``                once, first
``("lines", worker, bytes)``        whole lines from a worker
``("output", worker, stream, bytes)``
``("exit", worker, code, words)``   a worker has ended: its exit code and last words (``out``, ``err``, and ``why``
                                    where its agent ended it); nothing follows from it
``("probed", profile)``             what this host has
``("leases", rows)``                who holds its devices
``("reset", told)``                 what became of a reset: its kind, id, state, why and seconds
``("beat", number)``                every second: this host is alive

When the channel closes, or nothing is heard for longer than the controller said (a cut link closes no
channel), the controller is gone: every worker is killed and the agent ends.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import threading
import time
from typing import Any

from pytest_disttest.worker.backing import zeros
from pytest_disttest.worker.claims import COUNTER
from pytest_disttest.worker.crew import SPAWNING, Cloning, Process, Starter, WorkerProcess, default_python
from pytest_disttest.worker.facts import host_facts
from pytest_disttest.worker.inquiries import Inquiries
from pytest_disttest.worker.nursery import Nursery
from pytest_disttest.worker.oom import KILLED, OomWatch

TICK_S = 0.05
BEAT_S = 1.0
READ_BYTES = 1 << 18
PATIENCE_S = 120.0
LAST_RESORT_S = 5.0
GRACE_S = 2.0
"""How long a worker whose session is over may take to end: threads and atexit handlers."""
SOON_S = 0.002


def serve(channel: Any, package_dir: str, starter: Starter = SPAWNING) -> None:
    """Serve one controller over *channel* until it says goodbye or goes away."""
    agent = Agent(channel, package_dir, starter)
    channel.send(("hello", host_facts()))
    threading.Thread(target=agent.relay, name="disttest-relay", daemon=True).start()
    try:
        while (message := _receive(channel)) is not None and message[0] != "bye":
            agent.obey(message)
    except KeyboardInterrupt:
        return  # the relay gave up on the controller
    finally:
        agent.close()


def _receive(channel: Any) -> tuple[Any, ...] | None:
    try:
        message: tuple[Any, ...] = channel.receive()
    except EOFError:
        return None
    return message


class Agent:
    """The workers of this host and the thread that listens to them."""

    def __init__(self, channel: Any, package_dir: str, starter: Starter) -> None:
        self._channel = channel
        self._package_dir = package_dir
        self._starter = starter
        self._workers: dict[str, WorkerProcess] = {}
        self._fresh: list[WorkerProcess] = []
        self._leaving: dict[str, float] = {}
        self._stopped: dict[str, float] = {}
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._oom = OomWatch()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._selector.register(self._wake_reader, selectors.EVENT_READ, None)
        self._live = False
        self._closing = False
        self._parents: dict[str, tuple[Nursery, Process]] = {}
        self._heard_at = time.monotonic()
        self._patience_s = PATIENCE_S
        self._inquiries = Inquiries(self._say)
        # the counter that this host's workers share, see worker.claims
        self._claims = zeros(COUNTER.size)

    def obey(self, message: tuple[Any, ...]) -> None:
        """Carry out one message of the controller."""
        kind, *rest = message
        self._heard_at = time.monotonic()
        if kind == "live":
            self._live = rest[0]
        elif kind == "beat":
            self._patience_s = rest[0]
            self._inquiries.keep_leases(self._pids)
        elif kind == "spawn":
            name, flags, env = rest
            self._spawn(name, flags, env, self._starter)
        elif kind == "breed":
            self._breed(rest[0])
        elif kind == "clone":
            self._clone(*rest)
        elif kind in ("tell", "signal"):
            self._pass_on(kind, *rest)
        elif kind == "probe":
            self._inquiries.probe(*rest)
        elif kind == "leases":
            self._inquiries.leases()
        elif kind == "reset":
            self._inquiries.reset(*rest)

    def _pass_on(self, kind: str, name: str, what: Any) -> None:
        worker = self._workers.get(name)
        if worker is not None:
            if kind == "tell":
                worker.send(what)
            else:
                worker.signal(what)

    def _pids(self) -> list[int]:
        with self._lock:
            return [worker.process.pid for worker in self._workers.values()]

    def _breed(self, name: str) -> None:
        worker = self._workers.get(name)
        if worker is not None:
            with contextlib.suppress(OSError):  # it has died, and will be reported as dead
                self._parents[name] = worker.breed()

    def _clone(self, name: str, of: str) -> None:
        if of in self._parents:
            self._spawn(name, [], {}, Cloning(self._parents[of][0]))
        else:
            self._channel.send(("exit", name, 1, {"out": "", "err": f"{of}, which should be forked, has died"}))

    def _spawn(self, name: str, flags: list[str], env: dict[str, str], starter: Starter) -> None:
        try:
            worker = WorkerProcess(
                name,
                package_dir=self._package_dir,
                python=default_python(),
                flags=flags,
                env=env,
                claims=self._claims.fileno(),
                starter=starter,
            )
        except OSError as error:
            self._channel.send(("exit", name, 127, {"out": "", "err": f"cannot start a worker: {error}"}))
            return
        with self._lock:
            self._workers[name] = worker
            self._fresh.append(worker)
        self._wake_writer.send(b"+")

    def close(self) -> None:
        """End every worker that is still there and wait until the last one is buried."""
        self._closing = True
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            if not worker.inlet.is_leaving:
                worker.signal(signal.SIGKILL)
        self._wait_for_burials(GRACE_S)
        for worker in workers:
            worker.signal(signal.SIGKILL)
        self._wait_for_burials(GRACE_S)
        for nursery, parent in self._parents.values():
            nursery.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                parent.wait(GRACE_S)

    def _wait_for_burials(self, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while self._workers and time.monotonic() < deadline:
            time.sleep(0.01)

    def relay(self) -> None:
        """The listening thread: never blocks on one worker, never ends while one lives."""
        ticked = beaten = 0.0
        beats = 0
        while not (self._closing and not self._workers):
            ready = self._selector.select(SOON_S if self._leaving else TICK_S)
            self._greet_new_workers()
            for key, _ in ready:
                if key.data is not None and key.data[0].name in self._workers:
                    self._hear(*key.data)
            now = time.monotonic()
            self._see_off(now)
            if now - ticked >= TICK_S:
                ticked = now
                self._pick_up()
            if now - beaten >= BEAT_S:
                beaten, beats = now, beats + 1
                self._say("beat", beats)
                self._end_stopped(now)
                if now - self._heard_at > self._patience_s:
                    self._give_up()
        for resource in (self._selector, self._wake_reader, self._wake_writer, self._claims):
            resource.close()

    def _give_up(self) -> None:
        """The controller is silent: free this host.

        The main thread clears up when it is interrupted. This process may not end by that: it still reads from a
        channel that a cut link never closes, and may hang in a write to it.
        """
        with self._lock:
            workers = list(self._workers.values())
        for worker in workers:
            worker.signal(signal.SIGKILL)
        self._heard_at = float("inf")
        last_resort = threading.Timer(LAST_RESORT_S, os._exit, (1,))
        last_resort.daemon = True
        last_resort.start()
        os.kill(os.getpid(), signal.SIGINT)

    def _end_stopped(self, now: float) -> None:
        """A worker that was stopped (SIGSTOP) and is left so for as long as a host may be silent will not go on."""
        stopped = [worker for worker in list(self._workers.values()) if worker.is_stopped]
        self._stopped = {worker.name: self._stopped.get(worker.name, now) for worker in stopped}
        for worker in stopped:
            if now - self._stopped[worker.name] > self._patience_s / 2:  # the controller's own is half of ours
                worker.why = "stopped by a signal, not continued, and ended by its agent"
                worker.signal(signal.SIGKILL)

    def _greet_new_workers(self) -> None:
        with self._lock:
            fresh, self._fresh = self._fresh, []
        for worker in fresh:
            self._selector.register(worker.link, selectors.EVENT_READ, (worker, "link"))
            for stream, pipe in worker.streams.items():
                self._selector.register(pipe, selectors.EVENT_READ, (worker, stream))
        with contextlib.suppress(BlockingIOError):
            self._wake_reader.recv(4096, socket.MSG_DONTWAIT)

    def _hear(self, worker: WorkerProcess, stream: str) -> None:
        if stream == "link":
            self._hear_link(worker)
        else:
            self._hear_stream(worker, stream)

    def _hear_link(self, worker: WorkerProcess) -> None:
        try:
            data = worker.link.recv(READ_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._selector.unregister(worker.link)
            self._leaving[worker.name] = time.monotonic() + GRACE_S
            return
        lines = worker.inlet.feed(data)
        if lines:
            worker.watch_capture()
            self._say("lines", worker.name, lines)

    def _hear_stream(self, worker: WorkerProcess, stream: str) -> None:
        pipe = worker.streams[stream]
        data = os.read(pipe.fileno(), READ_BYTES)
        if not data:
            self._selector.unregister(pipe)
            return
        self._take_output(worker, stream, data)

    def _take_output(self, worker: WorkerProcess, stream: str, data: bytes) -> None:
        worker.remember(stream, data)
        if self._live and (shown := worker.allowance.passing(data, time.monotonic())):
            self._say("output", worker.name, stream, shown)

    def _see_off(self, now: float) -> None:
        """Part from those who closed their line as soon as they have ended; end those who do not."""
        for name, latest in list(self._leaving.items()):
            worker = self._workers[name]
            if worker.process.poll() is not None:
                self._part_from(worker)
            elif now > latest:
                worker.signal(signal.SIGKILL)

    def _pick_up(self) -> None:
        """Fetch what workers busy with a long test have had no occasion to push."""
        for worker in list(self._workers.values()):
            lines = worker.inlet.waiting()
            if lines:
                self._say("lines", worker.name, lines)
            # a child that a test forked may hold the line open after its parent's death
            if worker.process.poll() is not None:
                self._part_from(worker)

    def _part_from(self, worker: WorkerProcess) -> None:
        """The worker has ended: take what it left, then tell how."""
        self._leaving.pop(worker.name, None)
        self._drain_link(worker)
        for stream in ("out", "err"):
            self._drain(worker, stream)
        if note := worker.allowance.note():
            self._say("output", worker.name, "out", note)
        with contextlib.suppress(KeyError):
            self._selector.unregister(worker.link)
        rest = worker.inlet.rest()
        if rest:
            self._say("lines", worker.name, rest)
        words = worker.last_words()
        code = worker.bury()
        if not worker.why and self._oom.explains(code):
            words["why"] = KILLED
        self._say("exit", worker.name, code, words)
        with self._lock:
            del self._workers[worker.name]

    def _drain_link(self, worker: WorkerProcess) -> None:
        worker.link.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while data := worker.link.recv(READ_BYTES):
                lines = worker.inlet.feed(data)
                if lines:
                    self._say("lines", worker.name, lines)

    def _drain(self, worker: WorkerProcess, stream: str) -> None:
        """Read what is left in a pipe without waiting: a process of the test's own may still hold its end."""
        pipe = worker.streams[stream]
        os.set_blocking(pipe.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while data := os.read(pipe.fileno(), READ_BYTES):
                self._take_output(worker, stream, data)
        with contextlib.suppress(KeyError):
            self._selector.unregister(pipe)

    def _say(self, *message: Any) -> None:
        with contextlib.suppress(OSError):  # the controller is gone: the main thread notices and ends us
            self._channel.send(message)
