"""When a lost host is tried again, and what it gets when it comes back."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.reconnecting import LOSSES, MOST_S, OPENING_S, Reconnecting
from pytest_disttest.controller.recovering import Recovering
from pytest_disttest.controller.run import Tally
from pytest_disttest.controller.trials import Trials
from pytest_disttest.model import Host, Outcome
from pytest_disttest.options import Settings
from pytest_disttest.store.recoveries import RecoveryTried, keep_recoveries


class Scene:
    """A run with one host that has three workers, and much to do."""

    def __init__(self, *, reconnects: int = 3, dice: float = 0.5) -> None:
        self.link = HostLink(Host("lab"), state="ready", workers=3, slots_used=3)
        self.heard: list[str] = []
        self.recovered: list[RecoveryTried] = []
        self.run: Any = SimpleNamespace(
            settings=Settings(reconnects=reconnects),
            scheduler=object(),
            remaining=100,
            stopping=False,
            ending=None,
            forked_hosts={"lab"},
            tallies={"lab": Tally(problem="why")},
            journal=SimpleNamespace(
                path=Path("no store/runs/ID.ndjson"),
                note=lambda kind, text, host: self.heard.append(kind),
                recovery=self.recovered.append,
            ),
            fleet=SimpleNamespace(links={"lab": self.link}, reopen=self.reopen),
        )
        self.run.recoveries = Recovering(self.run.journal, lambda host: "board")
        self.trials = Trials(self.run, self.enlist)
        self.reconnecting = Reconnecting(self.run, self.trials, self.give_up, lambda: dice)

    def reopen(self, link: HostLink) -> None:
        link.state = "opening"
        self.heard.append("opens")

    def enlist(self, link: HostLink) -> None:
        link.slots_used += 1
        self.heard.append("worker")

    def give_up(self, link: HostLink) -> None:
        self.heard.append("given up")

    def opens_at(self, now: float) -> float:
        """Let time pass in tenths of a second until the host is opened; return when that was."""
        while self.link.state == "away":
            self.reconnecting.look(now)
            now += 0.1
        return now

    def comes_back(self) -> None:
        self.link.state = "ready"
        assert self.reconnecting.is_back(self.link)


def test_waits_grow_and_have_an_end():
    """Half of what the range allows, with these dice: of 1, 2, 4 ... seconds; then nothing waits for it any more."""
    scene = Scene(reconnects=4)
    assert "tried again, up to 4 times" in scene.reconnecting.lost(scene.link, 100.0)
    opened = []
    now = 100.0
    for _ in range(4):
        now = scene.opens_at(now)
        opened.append(now)
        scene.reconnecting.failed(scene.link, "no route", now)

    assert [100.6, 101.7, 103.8, 107.9] == pytest.approx(opened, abs=0.4)
    assert scene.heard == ["opens"] * 4 + ["given up"]
    assert not scene.reconnecting.is_awaited
    assert scene.run.tallies["lab"].problem == "why; not back after 4 tries: no route"


def test_no_wait_is_longer_than_a_minute():
    """However often it is tried."""
    scene = Scene(reconnects=50, dice=0.999)
    scene.reconnecting.lost(scene.link, 0.0)
    scene.link.tries = 40
    scene.reconnecting.failed(scene.link, "", 1000.0)

    assert 1000.0 < scene.opens_at(1000.0) < 1000.0 + MOST_S + 1


def test_a_host_that_answers_is_on_trial():
    """It gets one worker, and the others when a test has ended there that did not crash."""
    scene = Scene()
    scene.reconnecting.lost(scene.link, 0.0)
    scene.opens_at(0.0)
    scene.comes_back()
    outcomes = scene.run.tallies["lab"].outcomes
    outcomes[Outcome.CRASHED] += 1
    scene.trials.look()
    assert scene.heard == ["opens", "host-back", "worker"]
    outcomes[Outcome.FAILED] += 1
    scene.trials.look()

    assert scene.heard == ["opens", "host-back", "worker", "worker", "worker"]
    assert scene.link.count(0) == 3
    assert not scene.run.forked_hosts, "what could be forked there is gone"


def test_it_gets_no_more_workers_than_there_are_tests():
    """Two tests never start three workers."""
    scene = Scene()
    scene.reconnecting.lost(scene.link, 0.0)
    scene.opens_at(0.0)
    scene.comes_back()
    scene.run.tallies["lab"].outcomes[Outcome.PASSED] += 1
    scene.run.remaining = 2
    scene.trials.look()

    assert scene.heard.count("worker") == 2


def test_nobody_is_opened_once_nothing_is_left():
    """The run ends without it."""
    scene = Scene()
    scene.reconnecting.lost(scene.link, 0.0)
    scene.run.remaining = 0
    scene.reconnecting.look(1000.0)

    assert scene.heard == [] and not scene.reconnecting.is_awaited


def test_a_try_that_nobody_answers_has_failed():
    """An agent that was started and says nothing is not waited for for ever."""
    scene = Scene(reconnects=1)
    scene.reconnecting.lost(scene.link, 0.0)
    now = scene.opens_at(0.0)
    scene.reconnecting.look(now + OPENING_S - 1)
    assert scene.heard == ["opens"]
    scene.reconnecting.look(now + OPENING_S + 1)

    assert scene.heard == ["opens", "given up"] and not scene.reconnecting.is_awaited


@pytest.mark.parametrize("change", [{"remaining": 0}, {"stopping": True}, {"scheduler": None}, {"ending": Exception()}])
def test_a_host_without_anything_to_come_back_for_is_gone(change):
    """Before tests run, and when the run ends."""
    scene = Scene()
    vars(scene.run).update(change)

    assert scene.reconnecting.lost(scene.link, 0.0) == ""


def test_not_once_where_the_user_says_so():
    """``--hw-reconnect 0``."""
    scene = Scene(reconnects=0)

    assert scene.reconnecting.lost(scene.link, 0.0) == ""


def test_a_host_is_lost_for_good_the_third_time():
    """However well it came back before."""
    scene = Scene()
    said = []
    for _ in range(LOSSES):
        said.append(bool(scene.reconnecting.lost(scene.link, 0.0)))
        if said[-1]:
            scene.opens_at(0.0)
            scene.comes_back()

    assert said == [True, True, False]


def test_what_it_brought_is_recorded():
    """A host that answered, and one that did not before its last call; files that were sent again."""
    back, gone = Scene(), Scene(reconnects=1)
    back.reconnecting.lost(back.link, 0.0)
    back.opens_at(0.0)
    back.reconnecting.synced(back.link, 0.5)
    back.comes_back()
    gone.reconnecting.lost(gone.link, 0.0)
    gone.reconnecting.failed(gone.link, "no route", gone.opens_at(0.0))

    assert [("resync", "board", True), ("respawn-agent", "board", True)] == told(back)
    assert [("respawn-agent", "board", False)] == told(gone)
    assert {"lab"} == {one.host for one in back.recovered}


def test_calls_and_waits_follow_the_record(tmp_path):
    """Boards that never came back are called twice; those that boot for 100 s are called that long."""
    tmp_path.joinpath("runs").mkdir()
    for seconds, succeeded in ((30.0, False), (100.0, True)):
        keep_recoveries(tmp_path, [("respawn-agent", "host-lost", "board", seconds, succeeded)] * 9)
        scene = Scene(reconnects=6)
        scene.run.journal.path = tmp_path / "runs/ID.ndjson"
        words = scene.reconnecting.lost(scene.link, 0.0)
        first = scene.opens_at(0.0)
        if not succeeded:
            scene.reconnecting.failed(scene.link, "no route", first)
            scene.reconnecting.failed(scene.link, "no route", scene.opens_at(first))
            assert "up to 2 times" in words and scene.heard == ["opens", "opens", "given up"]
        else:
            assert "up to 6 times" in words and 1.5 < first < 1.8


def told(scene: Scene) -> list[tuple[str, str, bool]]:
    """Return what was recorded."""
    return [(one.step, one.hw_class, one.succeeded) for one in scene.recovered]
