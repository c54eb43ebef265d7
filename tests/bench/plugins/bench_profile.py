"""Profiles of the controller and of each worker, in CPU time of the thread: who waits costs nothing.

The controller is profiled from here to its end, all its Python threads together; a worker while it collects and while
it runs tests, apart. A process that is forked off a profiled one drops what it inherited.
"""

from __future__ import annotations

import cProfile
import marshal
import os
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

DIRECTORY = "BENCH_PROFILES"
"""The variable that names the directory to write to."""

PARENT = "BENCH_PROFILED_PID"
"""Set by the controller: processes that find it are children, and profile themselves as workers or not at all."""


class ControllerProfile:
    """A profile of this process, from its making to ``pytest_unconfigure``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pid = os.getpid()
        self._profiles = [profile := cProfile.Profile(time.thread_time)]
        threading.setprofile(self._enter_thread)
        profile.enable()

    def _enter_thread(self, *_: Any) -> None:
        """Called in a new thread for its first event."""
        sys.setprofile(None)
        profile = cProfile.Profile(time.thread_time)
        self._profiles.append(profile)
        profile.enable()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if os.getpid() != self._pid:
            return
        threading.setprofile(None)
        self._profiles[0].disable()
        for number, profile in enumerate(self._profiles):
            write(profile, self._directory / f"controller-{number}.prof")


class WorkerProfile:
    """Profiles of this worker's collection and of its tests."""

    def __init__(self, directory: Path, worker: str) -> None:
        self._directory = directory
        self._worker = worker

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        return (yield from self._profiled("collect"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        return (yield from self._profiled("run"))

    def _profiled(self, phase: str) -> Generator[None, object, object]:
        sys.setprofile(None)  # a profile that was inherited by a fork
        profile = cProfile.Profile(time.thread_time)
        profile.enable()
        try:
            return (yield)
        finally:
            profile.disable()
            write(profile, self._directory / f"{self._worker}-{phase}-{os.getpid()}.prof")


def write(profile: cProfile.Profile, target: Path) -> None:
    """Write what *profile* holds; it may belong to another thread, which goes on."""
    profile.snapshot_stats()
    target.write_bytes(marshal.dumps(profile.stats))  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    """Take the part that this process plays."""
    directory = Path(os.environ[DIRECTORY])
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(WorkerProfile(directory, config.workerinput["workerid"]), "bench-profile-at-work")
    elif CONTROLLER is not None:
        config.pluginmanager.register(CONTROLLER, "bench-profile-at-work")


def _controller() -> ControllerProfile | None:
    if PARENT in os.environ or DIRECTORY not in os.environ:
        return None
    os.environ[PARENT] = str(os.getpid())
    return ControllerProfile(Path(os.environ[DIRECTORY]))


CONTROLLER = _controller()
"""Made when the plugin is imported, before any other is configured."""
