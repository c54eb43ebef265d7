"""Which recovery steps are recorded, as what, and what a run reads of earlier ones."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest.controller.recovering import CASE, LEFT_OUT, WORKER, Recovering
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.record import LEAST_TRIES, StepTried, Waits
from pytest_disttest.recovery.steps import Step
from pytest_disttest.store.known_hosts import remember_hosts
from pytest_disttest.store.recoveries import RecoveryTried, keep_recoveries, read_recoveries

CRASH, LOST, DEVICE = FailureClass.CRASH, FailureClass.HOST_LOST, FailureClass.DEVICE


class Scene:
    """A run that keeps what is recorded; hosts are of the class of their first letter."""

    def __init__(self, store: Path = Path("no store")) -> None:
        self.recorded: list[RecoveryTried] = []
        journal: Any = SimpleNamespace(path=store / "runs/ID.ndjson", recovery=self.recorded.append)
        self.recovering = Recovering(journal, lambda host: host[0] if host != "unprobed" else "")

    @property
    def told(self) -> list[tuple[str, str, str, bool]]:
        return [(one.step, one.failure, one.hw_class, one.succeeded) for one in self.recorded]


def test_a_step_is_recorded_once_with_the_class_of_the_host_that_failed():
    """And not before it ended; nothing happens where none is under way."""
    scene = Scene()
    scene.recovering.began((CASE, 1), Step.RESPAWN_WORKER, CRASH, "ape")
    assert scene.recorded == []
    for _ in range(2):
        scene.recovering.ended((CASE, 1), succeeded=True)

    assert scene.told == [("respawn-worker", "crash", "a", True)]
    assert 0 <= scene.recorded[0].seconds < 5 < scene.recorded[0].at


@pytest.mark.parametrize(
    ("step", "host", "recorded"),
    [
        (Step.MOVE, "bee", ["move"]),
        (Step.MOVE, "ape", []),
        (Step.RESPAWN_WORKER, "ape", ["respawn-worker"]),
        (Step.RESPAWN_WORKER, "bee", ["move"]),
        (Step.REPEAT, "ape", ["repeat"]),
        (Step.REPEAT, "bee", ["move"]),
    ],
)
def test_what_was_done_is_recorded_not_what_was_meant(step: Step, host: str, recorded: list[str]):
    """A wish that nobody could fulfil says nothing about its step."""
    scene = Scene()
    scene.recovering.began((CASE, 1), step, DEVICE, "ape")
    scene.recovering.case_ended(2, "cat", "gw7", recovered=True)
    scene.recovering.case_ended(1, host, "gw8", recovered=False)
    scene.recovering.case_ended(1, host, "gw8", recovered=True)

    assert scene.told == [(word, "device", "a", False) for word in recorded]


def test_a_fresh_worker_is_judged_by_its_first_test():
    """Nobody else's."""
    scene = Scene()
    scene.recovering.began((WORKER, "gw2"), Step.RESPAWN_WORKER, CRASH, "ape")
    scene.recovering.case_ended(1, "ape", "gw1", recovered=True)
    assert scene.recorded == []
    scene.recovering.case_ended(2, "ape", "gw2", recovered=True)

    assert scene.told == [("respawn-worker", "crash", "a", True)]


def test_a_host_is_left_out_well_when_others_go_on():
    """What still ends on the host itself says nothing; a host that stays after all is no step."""
    scene = Scene()
    scene.recovering.began((LEFT_OUT, "ape"), Step.QUARANTINE, CRASH, "ape")
    scene.recovering.began((LEFT_OUT, "dog"), Step.QUARANTINE, CRASH, "dog")
    scene.recovering.stays("dog")
    scene.recovering.case_ended(1, "ape", "gw1", recovered=True)
    assert scene.recorded == []
    scene.recovering.case_ended(1, "bee", "gw1", recovered=True)

    assert scene.told == [("quarantine", "crash", "a", True)]


def test_a_step_that_is_not_tried_to_its_end_says_nothing():
    """The run was over first."""
    scene = Scene()
    scene.recovering.began((CASE, 1), Step.MOVE, LOST, "ape")
    scene.recovering.dropped((CASE, 1))
    scene.recovering.case_ended(1, "bee", "gw1", recovered=True)

    assert scene.recorded == []


def test_what_somebody_else_timed_is_recorded_too():
    """Files that are sent once more."""
    scene = Scene()
    scene.recovering.took(Step.RESYNC, LOST, "ape", 1.5)

    assert (1.5, "resync") == (scene.recorded[0].seconds, scene.recorded[0].step)


def test_the_order_follows_what_earlier_runs_kept(tmp_path: Path):
    """Of the class that this run's probes, or an earlier run's, told; steps that were taken already are left out."""
    rows = [("respawn-worker", "crash", "a", 9.0, False)] * LEAST_TRIES
    rows += [("move", "crash", "a", 1.0, True)] * LEAST_TRIES + [("dance", "crash", "a", 1.0, True)]
    tmp_path.joinpath("runs").mkdir()
    keep_recoveries(tmp_path, rows)
    remember_hosts(tmp_path, {"unprobed": {"hw_class": "a"}}, now=1e9)
    scene = Scene(tmp_path)

    assert (Step.MOVE, Step.RESPAWN_WORKER, Step.QUARANTINE) == scene.recovering.order(CRASH, "ape")
    assert Step.MOVE is scene.recovering.order(CRASH, "unprobed")[0]
    assert (Step.RESPAWN_WORKER, Step.QUARANTINE, Step.MOVE) == scene.recovering.order(CRASH, "ape", {Step.MOVE})
    assert Step.RESPAWN_WORKER is Scene().recovering.order(CRASH, "ape")[0]


def test_a_host_that_nobody_probed_is_a_class_of_its_own():
    """What is known of it says nothing of others, but for the sum of all."""
    scene = Scene()
    scene.recovering.began((CASE, 1), Step.MOVE, CRASH, "unprobed")
    scene.recovering.ended((CASE, 1), succeeded=True)

    assert scene.told == [("move", "crash", "unprobed", True)]


def test_a_run_adds_its_tries_to_what_earlier_ones_kept(tmp_path: Path):
    """At its end; without any, nothing is written."""
    tmp_path.joinpath("runs").mkdir()
    Scene(tmp_path).recovering.remember()
    assert not tmp_path.joinpath("recoveries.json").exists()
    for _ in range(2):
        scene = Scene(tmp_path)
        scene.recovering.took(Step.RESYNC, LOST, "ape", 1.5)
        scene.recovering.remember()

    assert [StepTried(Step.RESYNC, LOST, "a", 1.5, succeeded=True)] * 2 == read_recoveries(tmp_path)


def test_calls_follow_it_too(tmp_path: Path):
    """Hosts of a class that never came back are called twice."""
    tmp_path.joinpath("runs").mkdir()
    keep_recoveries(tmp_path, [("reconnect", "host-lost", "a", 30.0, False)] * LEAST_TRIES)
    usual = Waits(6, 1.0, 150.0)

    assert 2 == Scene(tmp_path).recovering.waits(Step.RECONNECT, "ape", usual).calls
    assert usual == Scene(tmp_path).recovering.waits(Step.RESPAWN_AGENT, "ape", usual)
