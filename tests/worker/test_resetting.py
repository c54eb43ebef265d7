"""A reset on its host: with the device's lease in hand, within its time, and told as what it was."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_disttest.worker.leases import DIRECTORY, Leases, Terms, Wanted, read_leases
from pytest_disttest.worker.resetting import DONE, FAILED, HELD, Order, main, reset

BOARD = Wanted("accel", "b0")
TERMS: Mapping[str, Any] = {"controller": "me", "run": "r1", "wait_s": 0.1}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The host's directory of leases."""
    monkeypatch.setenv(DIRECTORY, str(tmp_path / "leases"))
    return tmp_path / "leases"


def shell(text: str, **more: Any) -> Order:
    return Order("accel", "b0", ("sh", "-c", text), **{"limit_s": 20.0, "terms": TERMS, **more})


def test_nobody_else_has_the_device_meanwhile(place: Path, tmp_path: Path):
    """The command sees its lease, where the suite lies, and what the owner sets; afterwards the device is free."""
    look = 'cp "$DISTTEST_LEASES"/accel-b0.lease held && echo $TOOL > tool'

    done = reset(shell(look, directory=str(tmp_path), environment={"TOOL": "probe"}))

    assert (DONE, "") == done[:2]
    assert "a reset" == json.loads((tmp_path / "held").read_text())["holders"][0]["test"]
    assert "probe\n" == (tmp_path / "tool").read_text()
    assert [] == read_leases(place)


@pytest.mark.parametrize("run", ["another", "r1"])
def test_a_device_that_somebody_uses_is_not_reset(place: Path, tmp_path: Path, run: str):
    """Be it a test of the same run, which shares it."""
    holder = Leases(Terms("other", run))
    assert "" == holder.take([BOARD], "test_it")

    state, why, _ = reset(shell("touch ran", directory=str(tmp_path)))

    assert HELD == state and "accel b0 is held" in why
    assert not (tmp_path / "ran").exists()
    holder.give_back()


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (shell("seq 5; exit 3"), "sh ended with exit code 3: 3 | 4 | 5"),
        (shell("kill -9 $$"), "sh ended with exit code -9"),
        (Order("accel", "b0", ("no-such-tool",), 1.0, TERMS), "no-such-tool cannot be run: No such file or directory"),
        (shell("true", directory="/no/such"), "sh cannot be run: No such file or directory"),
    ],
)
def test_what_went_wrong_is_told(place: Path, order: Order, why: str):
    assert (FAILED, why) == reset(order)[:2]
    assert [] == read_leases(place)


def test_a_command_that_hangs_is_ended_with_all_that_it_started(place: Path, tmp_path: Path):
    done = reset(shell("sleep 600 & echo $! > child; wait", limit_s=0.5, directory=str(tmp_path)))

    assert (FAILED, "sh did not end within 0.5 s") == done[:2] and 0.4 < done.seconds < 20
    child = int((tmp_path / "child").read_text())
    assert not Path(f"/proc/{child}/stat").exists() or Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
    assert [] == read_leases(place)


def test_its_process_speaks_json(place: Path, capsys: pytest.CaptureFixture[str]):
    main(json.dumps(shell("true", environment={})._asdict()))

    told = json.loads(capsys.readouterr().out)
    assert (DONE, "") == (told["state"], told["why"]) and told["seconds"] >= 0.0
    assert os.environ[DIRECTORY] == str(place)
