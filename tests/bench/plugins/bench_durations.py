"""Appends the seconds of each test's phases to a file, one JSON object a line, in the order in which they ran.

With it the wide fixtures that the test uses, as our workers tell them, so that their first users can be found. Tests
that did not pass in every phase are told with an outcome other than ``passed``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_disttest.worker.census import census

FILE, RUN, HW_CLASS = "BENCH_DURATIONS", "BENCH_RUN", "BENCH_HW_CLASS"
"""Variables: the file to write, the number of the run, and what to call this machine."""


def pytest_configure(config: pytest.Config) -> None:
    """Record in the process that the user started."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(os.environ[FILE])), "bench-durations-at-work")


class Recorder:
    """Writes a line when a test has ended."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._items: dict[str, pytest.Item] = {}
        self._phases: dict[str, float] = {}
        self._outcome = "passed"

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._items = {item.nodeid: item for item in session.items}
        self._file = self._target.open("a", encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when in self._phases or report.when is None:
            self._outcome = "repeated"  # subtests, reruns: no time of one attempt
        else:
            self._phases[report.when] = report.duration
        if report.outcome != "passed" or hasattr(report, "wasxfail"):
            self._outcome = report.outcome if report.outcome != "passed" else "xfailed"

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if nodeid in self._items:
            print(json.dumps(self._line(self._items[nodeid])), file=self._file)
        self._phases, self._outcome = {}, "passed"

    def pytest_unconfigure(self) -> None:
        if self._items:
            self._file.close()

    def _line(self, item: pytest.Item) -> dict[str, object]:
        table = census([item])
        nodeid, _, file, cls, *_, fixtures, _ = table["rows"][0]
        return {
            "run": int(os.environ.get(RUN, "1")),
            "nodeid": nodeid,
            "file": table["files"][file][0],
            "package": table["files"][file][1],
            "cls": cls,
            "hw_class": os.environ.get(HW_CLASS, ""),
            "outcome": self._outcome,
            "fixtures": table["fixtures"][fixtures],
            **{f"{phase}_s": round(self._phases.get(phase, 0.0), 7) for phase in ("setup", "call", "teardown")},
        }
