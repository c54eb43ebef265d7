"""Writes what was reported of each test, in the process that the user started: ``{node id: {phase and outcome: n}}``.

Generated suites hold a copy, so that workers on hosts behind ssh can load it, too.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

FILE = "BENCH_OUTCOMES"
"""The variable that names the file to write."""


def pytest_configure(config: pytest.Config) -> None:
    """Record, but not in a worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(os.environ[FILE])), "bench-recorder-at-work")


class Recorder:
    """Counts the reports of each test."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._seen: dict[str, Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seen.setdefault(report.nodeid, Counter())[f"{report.when} {report.outcome}"] += 1

    def pytest_unconfigure(self) -> None:
        self._target.write_text(json.dumps(self._seen), encoding="utf-8")
