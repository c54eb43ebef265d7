"""Devices that tests have lost: left out, reset, looked at again, given again; by what their host answers, and when."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest.controller.devices import Devices
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.resetting import MOST, Resetting
from pytest_disttest.model import Capabilities, Device, DeviceGrant, Grant, Host
from pytest_disttest.recovery.steps import Step
from pytest_disttest.schedule import DeviceBack, DeviceHeld, DeviceLost

BOARD = Device("accel", "b0", {"accel.index": 0})
LOST = {"kind": "accel", "id": "b0", "state": "held", "why": "accel b0 is held by somebody"}


class Rig:
    """A run on one host with one board, which test 0 was granted; what is sent and told is kept."""

    def __init__(self, reset: str = "reset {id}", *, promising: bool = True) -> None:
        self.link = HostLink(Host("box", reset=reset), state="ready", found=Capabilities({}, (BOARD,)))
        self.link.asked = frozenset({"accel"})
        self.link.facts = {"python": "3.11", "os": "linux", "arch": "x86_64", "cpu.processors": 4}
        self.sent: list[tuple[Any, ...]] = []
        object.__setattr__(self.link, "connection", SimpleNamespace(send=self.sent.append, directory="/suite"))
        self.said: list[str] = []
        self.told: list[Any] = []
        self.steps: list[tuple[Step, str]] = []
        grant = Grant("box", devices=(DeviceGrant("accel", "b0"),))
        self.run: Any = SimpleNamespace(
            fleet=SimpleNamespace(links={"box": self.link}),
            grants={0: grant},
            settings=SimpleNamespace(probe_timeout_s=10.0, heartbeat_s=30.0),
            screen=SimpleNamespace(note=self.said.append),
            journal=SimpleNamespace(note=lambda *_, **__: None, path=Path("runs/r1.jsonl")),
            roster=SimpleNamespace(nodes=[]),
            collected=SimpleNamespace(maps={}),
            recoveries=SimpleNamespace(
                began=lambda key, step, failure, host: self.steps.append((step, "began")),
                ended=lambda key, *, succeeded: self.steps.append((key[0], "well" if succeeded else "in vain")),
                dropped=lambda key: self.steps.append((key[0], "dropped")),
                limit_s=lambda *known: known[-2],
                is_promising=lambda *_: promising,
            ),
            controller="me",
            remaining=3,
            stopping=False,
            decide=self.told.append,
        )
        self.devices = Devices(self.run, dice=lambda: 0.5)

    def fail(self, times: int) -> None:
        for _ in range(times):
            self.devices.lost_by(0, "box", "GPU is lost")

    def answer(self, *boards: Device) -> None:
        profile = {"facts": {}, "devices": [board._asdict() for board in boards], "unknown": {}, "degraded": []}
        self.devices.heard(self.link, profile)

    def reset(self, state: str = "done", why: str = "") -> None:
        self.devices.was_reset(self.link, {"kind": "accel", "id": "b0", "state": state, "why": why})

    @property
    def orders(self) -> list[str]:
        return [message[0] for message in self.sent]


BACK, HELD, GONE = (event("box", "accel", "b0") for event in (DeviceBack, DeviceHeld, DeviceLost))


def test_the_third_failure_holds_the_device_for_a_reset_and_a_good_probe_brings_it_back():
    rig = Rig()
    rig.fail(2)
    rig.answer(BOARD)  # well, for all that one sees
    assert [] == rig.told and ["probe"] == rig.orders

    rig.fail(1)
    assert [HELD] == rig.told
    kind, device, order = rig.sent[-1][1:]
    assert ("accel", "b0", ("reset", "b0"), "/suite") == (kind, device, tuple(order["words"]), order["directory"])
    rig.reset()
    rig.answer(BOARD)

    assert [HELD, BACK] == rig.told
    assert "host box: accel b0 is used again, on trial: it was reset, and is well" == rig.said[-1]
    rig.fail(1)  # on trial: one more is enough
    assert [HELD, BACK, HELD] == rig.told


def test_what_was_seen_before_the_reset_says_nothing_of_it():
    """A look that began earlier ends while the device is reset, or after: another one follows."""
    rig = Rig()
    rig.fail(3)  # the look at the first failure is under way
    assert ["probe", "reset"] == rig.orders
    rig.reset()
    rig.answer(BOARD)
    assert [HELD] == rig.told and ["probe", "reset", "probe"] == rig.orders

    rig.answer()
    assert [HELD, GONE] == rig.told
    assert "a reset did not help: it is not there any more" in rig.said[-1]


@pytest.mark.parametrize(("state", "ends"), [("failed", "in vain"), ("held", "dropped")])
def test_a_reset_that_failed_leaves_the_device_out(state: str, ends: str):
    """That others used it says nothing about resets."""
    rig = Rig()
    rig.fail(3)
    rig.reset(state, "no way")

    assert [HELD, GONE] == rig.told and ("reset", ends) in rig.steps
    assert "accel b0 is not used any more: a reset did not help: no way" in rig.said[-1]


def test_a_host_that_was_lost_before_it_answered_is_asked_again():
    """Its new agent knows nothing of what the old one was asked."""
    rig = Rig("")
    rig.fail(1)
    rig.fail(1)
    assert ["probe"] == rig.orders
    rig.link.openings += 1
    rig.devices.passed(0, "box")  # what failed there before does not count any more
    rig.fail(1)
    assert ["probe"] * 2 == rig.orders

    rig.answer()
    assert [GONE] == rig.told


def test_nobody_waits_for_what_hardly_ever_helps():
    """It is tried all the same."""
    rig = Rig(promising=False)
    rig.fail(3)
    rig.answer(BOARD)
    assert [GONE] == rig.told and "reset" in rig.orders
    rig.reset()
    rig.answer(BOARD)
    assert [GONE, BACK] == rig.told


@pytest.mark.parametrize("reset", ["", "vendor", "reset {uuid}"])
def test_without_a_way_to_reset_it_the_device_is_left_out(reset: str):
    rig = Rig(reset)
    rig.fail(3)

    assert [GONE] == rig.told and "reset" not in rig.orders
    assert bool(reset) == any("cannot be reset" in words for words in rig.said)


def test_a_device_is_reset_twice_at_most():
    rig = Rig()
    for _ in range(MOST):
        rig.fail(3)
        rig.answer(BOARD)
        rig.reset()
        rig.answer(BOARD)
    rig.fail(3)

    assert [HELD, BACK] * MOST + [GONE] == rig.told and MOST == rig.orders.count("reset")


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_host_that_does_not_answer_is_not_waited_for(is_gone: bool):
    """Because it was lost, or because its time is over."""
    heard: list[str] = []
    rig = Rig()
    resetting = Resetting(rig.run, lambda _: None, lambda _, why: heard.append(why))
    assert resetting.begin(("box", "accel", "b0"))
    resetting.look(time.monotonic())
    assert [] == heard

    rig.link.state = "away" if is_gone else "ready"
    resetting.look(time.monotonic() + (0.0 if is_gone else 1000.0))
    assert ["its host is gone" if is_gone else "its host did not answer in time"] == heard
    resetting.heard(rig.link, LOST)  # too late
    assert 1 == len(heard)
