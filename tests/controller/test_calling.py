"""Hosts that were not there: which are called again, when, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest.controller.calling import FIRST_S, MOST_S, Calling
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.errors import DisttestError, HostUnusable
from pytest_disttest.model import Host


class Rig:
    """A run with one host, whose openings are counted; waits are half of their range."""

    def __init__(self, transport: str = "ssh") -> None:
        self.link = HostLink(Host("far", transport=transport), state="unusable")
        self.opened: list[int] = []
        fleet = SimpleNamespace(links={"far": self.link}, reopen=self.reopen)
        self.run: Any = SimpleNamespace(fleet=fleet, scheduler=object(), remaining=3, stopping=False)
        self.calling = Calling(self.run, dice=lambda: 0.5)

    def reopen(self, link: HostLink) -> None:
        link.state = "opening"
        self.opened.append(link.tries)

    def missed(self, now: float, reason: str = "unreachable") -> bool:
        self.link.state = "unusable"
        return self.calling.missed(self.link, HostUnusable("far", reason, "is not there"), now)


def test_it_is_called_again_after_waits_that_grow_as_long_as_tests_are_left():
    """The user hears of it once; each wait is drawn from twice the range of the one before, up to a limit."""
    rig, now, waits = Rig(), 0.0, []
    told = [rig.missed(now)]
    for _ in range(8):
        began = now
        while rig.link.state == "unusable":
            now += 0.5
            rig.calling.look(now)
        waits.append(now - began)
        told.append(rig.missed(now))

    assert [False, *[True] * 8] == told
    assert [min(MOST_S, FIRST_S * 2**number) / 2 for number in range(8)] == waits
    assert list(range(1, 9)) == rig.opened and rig.link.late

    rig.run.remaining = 0
    rig.calling.look(now + 1000)
    assert 8 == len(rig.opened)


@pytest.mark.parametrize("reason", ["host-key", "auth", "no-python", "quarantined", "drained"])
def test_what_another_call_cannot_mend_is_told_and_not_called(reason):
    """Also when it turns out at a later call."""
    rig = Rig()
    assert not rig.missed(0.0, reason) and [] == rig.calling.names

    rig.missed(0.0)
    assert ["far"] == rig.calling.names
    rig.calling.look(100.0)
    assert not rig.missed(100.0, reason) and [] == rig.calling.names


def test_this_machine_is_never_called():
    """It is here; whatever is wrong with it stays so. So do faults that say nothing of the way there."""
    assert not Rig("local").missed(0.0)
    rig = Rig()
    assert not rig.calling.missed(rig.link, DisttestError("odd"), 0.0) and [] == rig.calling.names


def test_one_that_joined_and_is_lost_is_no_matter_of_ours():
    """Reconnects begin at their first wait."""
    rig = Rig()
    rig.missed(0.0)
    rig.calling.look(100.0)
    rig.calling.joined(rig.link)

    assert (0, []) == (rig.link.tries, rig.calling.names)
    assert not rig.missed(200.0), "a host that cannot be opened anew is news"
