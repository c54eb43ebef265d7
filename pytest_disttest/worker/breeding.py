"""Workers that are forks of one that has collected: one collection, and one copy of it in memory.

Theory of operation. Where every worker would have to collect everything (a plugin shuffles the whole list; the suite
is one file), one does, and the others wait. Then its process stays behind and forks workers: first the one that goes on
under its name, then one for each that waited, and later one for each that died. What a fork must not share with the
others is made its own: the files that pytest captures into, standard output and error, the line to the agent, and its
name. That is possible only where nobody has asked yet which worker this is, and where nothing is open that two
processes cannot use: see ``objection``; otherwise those that waited collect for themselves.
"""

from __future__ import annotations

import contextlib
import gc
import mmap
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest
from _pytest import faulthandler

from pytest_disttest.worker import ending, forkable, leash, zygote
from pytest_disttest.worker.link import Link
from pytest_disttest.worker.shard import hooks_of_others

NAME = "PYTEST_XDIST_WORKER"
SAME_FOR_ALL = frozenset(
    {"workercount", "testrunuid", "mainargv", "hw_host", "hw_owned", "hw_profile", "randomly_seed"}
)
"""What ``workerinput`` says to every worker alike."""

LIFE_HOOKS = ("pytest_sessionstart", "pytest_sessionfinish", "pytest_unconfigure")
HARMLESS = ("_pytest.", "pytest_disttest.", "_hypothesis_pytestplugin.", "xdist.", "pytest_asyncio.", "anyio.",
            "pytest_mock.", "pytest_timeout.", "pytest_randomly.", "pytest_metadata.", "pytest_html.")  # fmt: skip
"""Plugins whose hooks at the ends of a session begin nothing that the forks would share."""


class Watched(dict[Any, Any]):
    """A dict that notes when a key is looked up that tells one worker from another."""

    def __init__(self, values: Mapping[Any, Any], tell_apart: frozenset[Any] | None = None) -> None:
        super().__init__(values)
        self._tell_apart = frozenset(values) - SAME_FOR_ALL if tell_apart is None else tell_apart
        self.seen = False

    def __getitem__(self, key: Any) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Note, and return as a dict does."""
        self._note(key)
        return super().get(key, default)

    def items(self) -> Any:
        """Note that all were seen."""
        self.seen = True
        return super().items()

    def values(self) -> Any:
        """Note that all were seen."""
        self.seen = True
        return super().values()

    def copy(self) -> dict[Any, Any]:
        """Note that all were seen."""
        self.seen = True
        return super().copy()

    def _note(self, key: object) -> None:
        if key in self._tell_apart:
            self.seen = True


@contextlib.contextmanager
def watched_environment() -> Iterator[Watched]:
    """Watch whether the worker's name is looked up in ``os.environ``."""
    environment: Any = os.environ
    before = environment._data
    watched = Watched(before, frozenset({environment.encodekey(NAME)}))
    environment._data = os.environb._data = watched  # type: ignore[attr-defined]
    try:
        yield watched
    finally:
        before.clear()
        before.update(watched)
        environment._data = os.environb._data = before  # type: ignore[attr-defined]


class Born(BaseException):
    """Raised in a process that the breeder has forked, with the descriptors that it was given."""

    def __init__(self, descriptors: list[int]) -> None:
        super().__init__()
        self.descriptors = descriptors


class Breeder(zygote.Brood):
    """A brood whose children go on where it stands."""

    def _be_born(
        self, line: socket.socket, own: socket.socket | None, order: dict[str, Any], descriptors: list[int]
    ) -> NoReturn:
        self.leave(line, own, order["order"])
        raise Born(descriptors)

    def leave(self, line: socket.socket, own: socket.socket | None, order: int) -> None:
        """In a child: be a process of its own that lets its parent's end be its end, and tell whoever asked for it."""
        os.setsid()
        leash.end_with_parent(self._pid)
        zygote._send(line, {"order": order, "born": os.getpid()})
        self._let_go(own)
        ending.forget_parents_end()

    def adopt(self, pid: int) -> None:
        """Take note of a child that was forked without an order."""
        self._owners[pid] = self._controller


class Breeding:
    """Whether this worker can be forked, and the forks. *line* leads to the agent, -1 where there is none."""

    def __init__(self, line: int, environment: Watched) -> None:
        self._line = line
        self._environment = environment

    @property
    def is_possible(self) -> bool:
        """Whether forks can be asked for at all."""
        return self._line >= 0

    def objection(self, session: pytest.Session, link: Link) -> str:
        """Return why forks of this worker would not be as good as workers that collect; "" when they would."""
        config = session.config
        if not self.is_possible:
            return "its workers are not forked"
        if self._environment.seen or config.workerinput.seen:  # type: ignore[attr-defined]
            return "something has asked which worker it is on"
        for name, module in hooks_of_others(config, LIFE_HOOKS, HARMLESS):
            return f"{module} has the hook {name}"
        if getattr(getattr(config, "_tmp_path_factory", None), "_basetemp", None) is not None:
            return "a temporary directory was made during collection"
        return _children() or forkable.objection(forkable.observe(own={self._line, link.descriptor}))

    def breed(self, link: Link) -> Born | None:
        """Stay behind as the process that forks, and go on as its first child, under the same name.

        Returns None in that child, and in each later one what it was given. Never returns in the process itself.
        """
        line = socket.socket(fileno=self._line)
        kept = link.duplicate()
        gc.freeze()
        breeder = Breeder(line)
        pid = os.fork()
        if not pid:
            breeder.leave(line, None, 0)
            link.resume(kept)
            return None
        os.close(kept)
        _hush()
        breeder.adopt(pid)
        try:
            breeder.serve()
        except Born as born:
            return born
        return ending.run_to_the_end(lambda: None)


def take_descriptors(born: Born, link: Link, config: pytest.Config) -> None:
    """Speak over the line that this fork was given, and write and capture into files of its own."""
    out, err, socket_fd, map_fd, *spare = born.descriptors
    for descriptor in (socket_fd, map_fd):
        os.set_inheritable(descriptor, False)
    link.adopt(socket.socket(fileno=socket_fd), mmap.mmap(map_fd, 0))
    manager: Any = config.pluginmanager.getplugin("capturemanager")
    capture = getattr(manager, "_global_capturing", None)
    _renew(1, out, getattr(capture, "out", None))
    _renew(2, err, getattr(capture, "err", None))
    fault_file = config.stash.get(faulthandler.fault_handler_stderr_fd_key, None)
    if fault_file is not None:
        os.dup2(err, fault_file, inheritable=False)
    for descriptor in (out, err, map_fd, *spare):
        os.close(descriptor)


def _renew(target: int, descriptor: int, capture: Any) -> None:
    """Point standard output or error to *descriptor*: itself, the copy that capture restores, and what it writes to."""
    os.dup2(descriptor, target)
    saved = getattr(capture, "targetfd_save", None)
    if saved is not None:
        os.dup2(descriptor, saved, inheritable=False)
    try:
        captured = capture.tmpfile.fileno()
    except (AttributeError, OSError, ValueError):  # nothing is captured, or in memory
        return
    with tempfile.TemporaryFile(buffering=0) as fresh:
        os.dup2(fresh.fileno(), captured, inheritable=False)


def take_name(order: dict[str, Any], config: pytest.Config) -> None:
    """Be the worker that *order* names."""
    os.environ.update(order["environment"])
    config.workerinput.clear()  # type: ignore[attr-defined]
    config.workerinput.update(order["workerinput"])  # type: ignore[attr-defined]
    factory: Any = getattr(config, "_tmp_path_factory", None)
    if order["basetemp"] is not None:
        config.option.basetemp = order["basetemp"]
        if factory is not None:
            factory._given_basetemp = Path(order["basetemp"])
    zygote.reseed()


class Patience:
    """The plugin of a worker that may be replaced by a fork of another one: waits to be told before it collects."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.has_retired = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> bool | None:
        self._link.send_now("waiting")
        self.has_retired = self._link.receive()[0] == "retire"
        return True if self.has_retired else None


def _children() -> str:
    """Processes that were started and still run: each fork would think that they are its own."""
    return "a process was started during collection" if zygote.children_of(os.getpid()) else ""


def _hush() -> None:
    """Write nowhere: what this process was given to write to is its child's now."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for target in (1, 2):
        os.dup2(nowhere, target)
    os.close(nowhere)
