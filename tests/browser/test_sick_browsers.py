"""A browser that is missing, hangs or dies is an answer in time, and nothing of it stays."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from rigs.browsers import (
    HANGING,
    Probed,
    answer_of,
    chromium,
    firefox,
    probed,
    processes_below,
    start_probe,
    webnn_chromium,
    wrapped,
)
from rigs.processes import wait_until

from pytest_disttest.browser.found import Installed


def test_a_browser_that_hangs_in_requestadapter_is_answered_within_the_limit(home: Path, tmp_path: Path):
    """What hangs is unknown, with the step's name; it leaves time for the next question."""
    hanging = wrapped(chromium(), tmp_path, HANGING)
    limit_s = 10.0
    start = time.monotonic()

    found = probed(hanging, directory=home, limit_s=limit_s)

    assert time.monotonic() - start < limit_s + 4
    assert "requestAdapter: no answer within" in found.unknown["webgpu"]
    assert "createContext: no answer within" in found.unknown["webnn"]
    assert () == found.left


@pytest.mark.parametrize("script", ["exec sleep 600", "trap '' TERM INT; while :; do sleep 600; done"])
def test_a_browser_that_never_opens_is_answered_within_the_limit(script: str, home: Path, tmp_path: Path):
    """It is there and of no use."""
    mute = wrapped(chromium(), tmp_path, before=script)
    start = time.monotonic()

    found = probed(mute, directory=home, limit_s=2.0)

    assert time.monotonic() - start < 6.0
    (device,) = found.devices
    assert device["fault"] == "does not open: no answer within 2 s"
    assert {"browser.version", "webgpu", "webnn"} == set(device["unknown"])
    assert () == found.left


def test_a_browser_that_exits_at_once_does_not_open(home: Path, tmp_path: Path):
    """Its driver's words are the reason."""
    broken = wrapped(chromium(), tmp_path, before="exit 3")

    found = probed(broken, directory=home)

    (device,) = found.devices
    assert device["fault"].startswith("does not open: SessionNotCreatedException")
    assert found.level == "present"
    assert () == found.left


def test_a_browser_that_is_not_there_does_not_open(home: Path, tmp_path: Path):
    """A path that leads nowhere is an answer too."""
    found = probed(chromium()._replace(path=str(tmp_path / "gone")), directory=home)

    assert found.devices[0]["fault"].startswith("does not open: ")
    assert () == found.left


def test_a_browser_without_a_driver_does_not_open(home: Path):
    """The others are asked all the same."""
    found = probed(webnn_chromium(), Installed("edge", "/bin/true", ""), directory=home)

    assert ["", "does not open: msedgedriver is not installed"] == [device["fault"] for device in found.devices]
    assert found.devices[0]["facts"]["webnn"] is True


@pytest.mark.parametrize("victim", ["browser", "tab"])
def test_a_chromium_that_is_killed_in_the_middle_is_unknown(victim: str, home: Path, tmp_path: Path):
    """What it had not told yet nobody knows; the driver of a dead tab may need the limit to notice."""
    hanging = wrapped(chromium(), tmp_path, HANGING)
    process = start_probe(hanging, directory=home, limit_s=10.0)
    word = "--type=renderer" if victim == "tab" else "--remote-debugging-port"
    assert wait_until(lambda: loading(home), timeout_s=30)

    # Again and again: the first tab may give way to another before our page is there.
    assert wait_until(lambda: kill(home, word) or process.poll() is not None, timeout_s=25)

    expect_an_end(answer_of(process, home))


def test_a_firefox_that_is_killed_in_the_middle_is_unknown(home: Path):
    """Its driver does not wait for the dead."""
    process = start_probe(firefox(), directory=home, limit_s=60.0)
    assert wait_until(lambda: "-contentproc" in "".join(processes_below(home).values()), timeout_s=30)

    os.kill(next(pid for pid, line in processes_below(home).items() if "--marionette" in line), signal.SIGKILL)

    expect_an_end(answer_of(process, home))


def kill(home: Path, word: str) -> None:
    """Kill the processes of the probe in *home* that have the word in their command line."""
    for pid in [pid for pid, line in processes_below(home).items() if word in line]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def loading(home: Path) -> bool:
    """Whether Chromium shows a page: its tab has a process."""
    return "--type=renderer" in "".join(processes_below(home).values())


def expect_an_end(found: Probed) -> None:
    """What holds where the only browser died."""
    (device,) = found.devices
    reason = device["fault"] or device["unknown"]["webgpu"]
    assert "webgpu" not in device["facts"]
    assert "webnn" not in device["facts"]
    assert reason
    assert found.seconds < 45
    assert () == found.left


def test_a_probe_that_is_killed_takes_its_browser_along(home: Path, tmp_path: Path):
    """Not even SIGKILL leaves a process or a file behind."""
    hanging = wrapped(chromium(), tmp_path, HANGING)
    process = start_probe(hanging, directory=home, limit_s=60.0)
    assert wait_until(lambda: loading(home), timeout_s=30)

    process.kill()

    process.communicate(timeout=10)
    assert wait_until(lambda: not processes_below(home) and not os.listdir(home), timeout_s=10), (
        processes_below(home),
        os.listdir(home),
    )
