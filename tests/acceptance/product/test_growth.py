"""More workers than processors start where that helps, and only there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from rigs.suites import Suite

from pytest_disttest.worker.facts import processors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what processors do")

TESTS = """
import os, pathlib, time, pytest
@pytest.mark.parametrize("n", range({count}))
def test_one(n, worker_id):
    pathlib.Path(os.environ["SEEN"], worker_id).touch()
    {body}
"""
COMPUTES = "end = time.process_time() + 0.03\n    while time.process_time() < end: pass"


@pytest.mark.parametrize(("body", "more"), [("time.sleep(0.1)", True), (COMPUTES, False)], ids=["sleep", "compute"])
def test_workers_beyond_processors_come_where_processors_have_time(tmp_path: Path, body: str, more: bool):
    """Tests that sleep get all workers that were asked for; tests that compute get one for each processor."""
    own, seen = processors(), tmp_path / "seen"
    seen.mkdir()
    files = {"test_it.py": TESTS.format(count=30 * own, body=body)}
    made = Suite(tmp_path / "suite", files=files, environment={"SEEN": str(seen)})

    ran = made.run("--dist-hw", f"--hw-workers={own + 3}")

    assert ran.exit_code == 0, ran
    workers = len(list(seen.iterdir()))
    assert (workers > own) is more
