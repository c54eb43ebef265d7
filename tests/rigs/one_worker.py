"""The controller's and the agent's part towards one real worker process: what a test tells it, and what it says."""

from __future__ import annotations

import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest_disttest
from pytest_disttest import wire
from pytest_disttest.worker.crew import WorkerProcess

LIMIT_S = 20.0


class OneWorker:
    """A worker that has collected the suite in *directory* and waits for its orders.

    *items* are the node ids of its tests, by number. *told* is all it has said so far.
    """

    def __init__(
        self,
        directory: Path,
        *args: str,
        environment: Mapping[str, str] | None = None,
        workerinput: Mapping[str, Any] | None = None,
    ) -> None:
        self._claims = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the worker
        self._process = WorkerProcess(
            "w1",
            package_dir=str(Path(pytest_disttest.__file__).parent),
            python=sys.executable,
            flags=[],
            env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "", **(environment or {})},
            claims=self._claims.fileno(),
        )
        self._lines = b""
        self.told: list[list[Any]] = []
        order = {
            "args": ["-p", "no:cacheprovider", *args],
            "argv": ["pytest", *args],
            "cwd": str(directory),
            "sys_path": [entry for entry in sys.path if entry],
            "prepend": [],
            "workerinput": {"workerid": "gw0", "workercount": 1, "hw_host": "here", **(workerinput or {})},
            "basetemp": None,
            "table": True,
            "collects": "full",
            "unset": [],
            "environment": {},
        }
        self.tell("order", wire.plain(order))
        self.until("table")
        self.tell("go", 1)
        self.until("need")

    @property
    def pid(self) -> int:
        return self._process.process.pid

    def tell(self, *message: Any) -> None:
        """Send a command."""
        self._process.send(wire.pack(list(message)))

    def until(self, *kinds: str) -> list[Any]:
        """Return its next message of one of *kinds*; fails when there is none in time."""
        latest = time.monotonic() + LIMIT_S
        while time.monotonic() < latest:
            *lines, self._lines = self._lines.split(b"\n")
            for number, line in enumerate(lines):
                message = wire.unpack(line)
                self.told.append(message)
                if message[0] in kinds:
                    self._lines = b"\n".join([*lines[number + 1 :], self._lines])
                    return message
            self._hear(0.02)
        raise AssertionError(f"no {' or '.join(kinds)} from the worker, but {self.told}")

    def run(self, *items: int) -> list[list[Any]]:
        """Let it run *items* to the end and go home; return all it says meanwhile."""
        self.told = []
        self.tell("run", list(items))
        self.tell("finish")
        self.until("finished")
        return self.told

    def kill(self) -> None:
        """End the process at once and wait until it is gone; harmless when repeated."""
        if not self._claims.closed:
            self._process.signal(signal.SIGKILL)
            self._process.bury()
            self._claims.close()

    def _hear(self, wait_s: float) -> None:
        streams = {pipe.fileno(): name for name, pipe in self._process.streams.items()}
        ready, _, _ = select.select([self._process.link, *streams], [], [], wait_s)
        for source in ready:
            if source is self._process.link:
                try:
                    self._lines += self._process.inlet.feed(source.recv(1 << 16))
                except ConnectionError:
                    time.sleep(wait_s)
            else:
                self._process.remember(streams[source], os.read(source, 1 << 16))
        self._lines += self._process.inlet.waiting()
