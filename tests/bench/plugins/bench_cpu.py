"""Writes the CPU seconds that the controller's process used, all its threads and none of its children."""

from __future__ import annotations

import atexit
import os
import resource
from pathlib import Path

import pytest

FILE = "BENCH_CPU"
"""The variable that names the file to write."""


def pytest_configure(config: pytest.Config) -> None:
    """Measure, but not in a worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Meter(Path(os.environ[FILE])), "bench-cpu-at-work")


class Meter:
    """Writes twice, because a process may end without its exit handlers; the later word counts."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._pid = os.getpid()
        atexit.register(self._write)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self._write()

    def _write(self) -> None:
        if os.getpid() == self._pid:  # not in a child that was forked
            used = resource.getrusage(resource.RUSAGE_SELF)
            self._target.write_text(str(used.ru_utime + used.ru_stime), encoding="utf-8")
