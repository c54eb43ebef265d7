"""The process that runs a host's probes, each in a fork of its own, all at the same time.

It is a fresh interpreter without threads, so that forking is safe wherever the one who asks is full of them. A probe
that prints, hangs, dies or forks costs its own answer and nothing else: what it prints is read and its tail kept,
at its limit its whole process group is killed, and what it left behind is swept away at the end.

Standard input: a line of JSON, ``{"rows": [Row ...], "place": {...}, "limit_s": seconds or 0}``; its end means that
the one who asked is gone, and everything is killed. The descriptor given to `main` gets a line of JSON for each
answer, as it comes: ``{"name", "finding", "why", "seconds"}`` with *finding* None where there is none.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from pytest_disttest.worker.probes.finding import Finding, Place
from pytest_disttest.worker.probes.table import Row

TICK_S = 0.05
READ_BYTES = 1 << 16
NOISE_BYTES = 2000
ANSWER_BYTES = 4 << 20
BURIAL_S = 0.5
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
"""From linux/prctl.h."""


def main(descriptor: str) -> None:
    """Read the request, run its probes and write their answers to the descriptor of that number."""
    out = int(descriptor)
    request = json.loads(sys.stdin.readline())
    rows = [Row(*row) for row in request["rows"]]
    place = Place(**request["place"])
    prctl = _prctl()
    prctl(PR_SET_CHILD_SUBREAPER, 1)  # so that a probe's orphans become ours
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        waiting = [child for row in rows if (child := _started(row, place, request["limit_s"], out, prctl))]
        for child in waiting:
            selector.register(child.answer, selectors.EVENT_READ, child)
            selector.register(child.noise, selectors.EVENT_READ, child)
        while waiting:
            for key, _ in selector.select(TICK_S):
                if key.data is None:
                    _kill(waiting)  # nobody is there to hear the rest
                    waiting = []
                elif not key.data.hear(key.fd):
                    selector.unregister(key.fd)
            for child in [child for child in waiting if child.is_done(time.monotonic())]:
                waiting.remove(child)
                _tell(out, child.words(time.monotonic()))
                child.close(selector)
    _sweep()


class Child:
    """One probe's process: what it has answered, and what it has printed."""

    def __init__(self, row: Row, pid: int, answer: int, noise: int, limit_s: float) -> None:
        self.row, self.pid, self.answer, self.noise, self.limit_s = row, pid, answer, noise, limit_s
        self.began = time.monotonic()
        self._answered = bytearray()
        self._printed = bytearray()
        self._status: int | None = None
        self._is_late = False

    def hear(self, descriptor: int) -> bool:
        """Take what has come through one of the two pipes; false at its end."""
        try:
            said = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return True
        if descriptor == self.answer and len(self._answered) < ANSWER_BYTES:
            self._answered += said
        elif descriptor == self.noise:
            self._printed = (self._printed + said)[-NOISE_BYTES:]
        return bool(said)

    def is_done(self, now: float) -> bool:
        """Whether it has answered, has ended without, or has had its time; it is killed then, with its group."""
        if self._status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                self._status = status if pid else None
        self._is_late = now - self.began > self.limit_s
        is_done = self._answered.endswith(b"\n") or self._status is not None or self._is_late
        if is_done:
            _kill([self])
            for descriptor in (self.answer, self.noise):
                self.hear(descriptor)  # what it said just before its end
        return is_done

    def words(self, now: float) -> dict[str, Any]:
        """Return the answer as it goes to the one who asked."""
        told: dict[str, Any] = {"name": self.row.name, "finding": None, "seconds": round(now - self.began, 4)}
        try:
            return {**told, "finding": json.loads(self._answered), "why": ""}
        except ValueError:
            printed = self._printed.decode("utf-8", "replace").strip()
            tail = f": {' | '.join(printed.splitlines()[-3:])}" if printed else ""
            return {**told, "why": self._ending() + tail}

    def _ending(self) -> str:
        if self._answered:
            return f"its answer is no answer, or more than {ANSWER_BYTES >> 20} MiB"
        if self._status is None:
            return f"no answer within {self.limit_s:g} s" if self._is_late else "it closed its line"
        code = os.waitstatus_to_exitcode(self._status)
        if code >= 0:
            return f"it ended with exit code {code} and without an answer"
        with contextlib.suppress(ValueError):
            return f"it was killed by {signal.Signals(-code).name}"
        return f"it was killed by signal {-code}"

    def close(self, selector: selectors.BaseSelector) -> None:
        """Forget its pipes."""
        for descriptor in (self.answer, self.noise):
            with contextlib.suppress(KeyError):
                selector.unregister(descriptor)
            os.close(descriptor)


def _started(row: Row, place: Place, limit_s: float, out: int, prctl: Callable[..., Any]) -> Child | None:
    """Return the fork that runs a probe; None, and an answer that says so, where there can be none."""
    answer, answering = os.pipe()
    noise, making = os.pipe()
    limit_s = min(row.limit_s, limit_s) if limit_s else row.limit_s
    try:
        pid = os.fork()
    except OSError as fault:  # too many processes, too little memory
        for descriptor in (answer, answering, noise, making):
            os.close(descriptor)
        _tell(out, {"name": row.name, "finding": None, "seconds": 0.0, "why": f"it cannot be started: {fault}"})
        return None
    if not pid:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
        os.close(out)
        _be_probe(row, place._replace(limit_s=limit_s), answering, making)
    with contextlib.suppress(OSError):  # both sides do it, so that neither need wait for the other
        os.setpgid(pid, pid)
    os.close(answering)
    os.close(making)
    os.set_blocking(answer, False)
    os.set_blocking(noise, False)
    return Child(row, pid, answer, noise, limit_s)


def _be_probe(row: Row, place: Place, answering: int, making: int) -> NoReturn:
    """Run the probe in this process, and end it."""
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(making, 1)
        os.dup2(making, 2)
        text = json.dumps(answer_of(row, place)).encode() + b"\n"
        while text:
            text = text[os.write(answering, text) :]
    finally:
        os._exit(0)


def answer_of(row: Row, place: Place) -> dict[str, Any]:
    """Return the probe's finding as builtins; whatever it raises becomes one."""
    try:
        module, _, attribute = row.target.partition(":")
        found = getattr(importlib.import_module(module), attribute)(place)
        if not isinstance(found, Finding):
            return Finding(row.name, "unknown", why=f"it gave {type(found).__name__}, not a Finding")._asdict()
        json.dumps(found)
        return found._asdict()
    except PermissionError as fault:
        return Finding(row.name, "denied", why=f"denied: {fault}")._asdict()
    except BaseException as fault:
        return Finding(row.name, "unknown", why=f"{type(fault).__name__}: {fault}")._asdict()


def _tell(out: int, words: dict[str, Any]) -> None:
    text = json.dumps(words).encode() + b"\n"
    while text:
        text = text[os.write(out, text) :]


def _kill(children: Sequence[Child]) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def _sweep() -> None:
    """Kill what has become ours because its parent is gone, and bury it; what the kernel holds fast is left."""
    until = time.monotonic() + BURIAL_S
    while time.monotonic() < until:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _children() -> list[int]:
    """Return the processes whose parent we are; [] where there is no /proc."""
    own = os.getpid()
    try:
        with open(f"/proc/self/task/{own}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _prctl() -> Callable[..., Any]:
    if sys.platform != "linux":
        return lambda *_: None
    import ctypes

    call: Callable[..., Any] = ctypes.CDLL(None).prctl
    return call
