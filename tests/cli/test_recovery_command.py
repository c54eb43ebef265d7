"""``disttest recovery``: what steps brought, and in which order they are tried now."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_disttest.cli import main
from pytest_disttest.store import Journal
from pytest_disttest.store.recoveries import RecoveryTried


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one run: fresh workers did not help boards, other hosts did, and nothing else is known."""
    directory = tmp_path / ".disttest"
    journal = Journal.create(directory, "20261123-184500-1a2b3c", started_at=1e9, rootdir="/s", args=[], version="0.1")
    told = [("respawn-worker", "crash", 5.0, number < 1) for number in range(6)]
    told += [("move", "crash", 2.0, True)] * 6
    told += [("repeat", "device", 1.0, False), ("move", "device", 3.0, True), ("quarantine", "device", 0.5, True)]
    told += [("reconnect", "host-lost", 9.0, True)]
    for step, failure, seconds, succeeded in told:
        journal.recovery(RecoveryTried(step, failure, "b1", "board", 1e9, seconds, succeeded))
    journal.finish(exit_status=0, ended_at=1e9 + 9)
    journal.close()
    return directory


def test_it_shows_steps_in_the_order_in_which_they_are_tried(store: Path, capsys: pytest.CaptureFixture[str]):
    """By the record where that says another one; a journal that waits is brought in first."""
    assert main(["recovery", "--store", str(store)]) == 0

    assert [
        "FAILURE    HOSTS  STEP            TRIES  SUCCEEDED  MEDIAN  NOW",
        "crash      board  move                6       100%   2.0 s  1 (by the record)",
        "crash      board  respawn-worker      6        17%   5.0 s  2 (by the record)",
        "device     board  move                1       100%   3.0 s  1",
        "device     board  quarantine          1       100%   0.5 s  last resort",
        "device     board  repeat              1         0%   1.0 s  not taken",
        "host-lost  board  reconnect           1       100%   9.0 s  at once",
    ] == capsys.readouterr().out.splitlines()


def test_programs_get_the_same(store: Path, capsys: pytest.CaptureFixture[str]):
    """As objects, with what the table leaves out."""
    assert main(["recovery", "--store", str(store), "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert 6 == len(rows)
    assert {
        "failure_class": "crash", "hw_class": "board", "step": "respawn-worker", "tries": 6, "successes": 1,
        "rate": 0.1667, "mean_s": 5.0, "median_s": 5.0, "now": "2", "by_record": True,
    } == rows[1]  # fmt: skip


def test_a_store_that_does_not_exist_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """As by the other commands about runs."""
    assert main(["recovery", "--store", str(tmp_path / "none")]) == 1
    assert "there is no store at" in capsys.readouterr().err
