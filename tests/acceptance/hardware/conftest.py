"""Suites over simulated hosts, and what the store says of their runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rigs.suites import Ran, Suite

from pytest_disttest.store import ingest


class Lab(Suite):
    """A suite with a file of simulated hosts, ``sim.json``."""

    def simulate(self, **hosts: Mapping[str, Any]) -> None:
        """Describe the simulated hosts: workers, tags and a profile each."""
        self.write("sim.json", json.dumps({"hosts": hosts}))

    def test(self, *arguments: str) -> Ran:
        """Run the suite on the simulated hosts."""
        return self.run("--dist-hw", "--hw-simulate=sim.json", *arguments)

    @property
    def store(self) -> Path:
        """Where the suite's runs are kept."""
        return self.directory / ".disttest"

    def asked(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a question to the history, in which all runs are."""
        assert not ingest(self.store).messages
        with duckdb.connect(str(self.store / "history.duckdb"), read_only=True) as connection:
            return connection.execute(question, values).fetchall()

    def ran_on(self) -> dict[str, str]:
        """Return the host of each test that ran, by the last part of its node id."""
        rows = self.asked("SELECT nodeid, host FROM case_results WHERE host <> ''")
        return {nodeid.rpartition("::")[2]: host for nodeid, host in rows}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the ``disttest`` command in the suite's directory."""
        program = "import sys; from pytest_disttest.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.directory,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def lab(tmp_path: Path) -> Callable[..., Lab]:
    """Return a function that makes a suite; its probes remember nothing, and its leases are nobody else's."""

    def make(**files: str) -> Lab:
        named = {name.replace("__", "/") + ".py": text for name, text in files.items()}
        environment = {"DISTTEST_LEASES": str(tmp_path / "leases"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return Lab(tmp_path / "suite", named, environment={**environment, "COLUMNS": "140"})

    return make


def gpu(number: int, memory: str = "40 GiB", **facts: object) -> dict[str, Any]:
    """Return a simulated NVIDIA GPU."""
    known = {"gpu.memory": memory, "gpu.vendor-name": "NVIDIA", "gpu.vendor": "10de", "gpu.kind": "discrete"}
    return {"kind": "gpu", "id": f"GPU-{number}", "facts": {**known, **facts}}


def host(*devices: Mapping[str, Any], workers: int = 1, tags: tuple[str, ...] = (), **facts: object) -> dict[str, Any]:
    """Return a simulated host with *devices*; underscores in names of facts stand for dots."""
    named = {key.replace("_", "."): value for key, value in facts.items()}
    return {"workers": workers, "tags": list(tags), "profile": {"facts": named, "devices": list(devices)}}
