"""Faults in real runs, each once: nothing lost, counted twice, hanging or left behind, and the fault is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign.faults import FAULTS
from campaign.ground import ground
from campaign.trial import attempt

HELD = (
    "kill -9 of a worker",
    "kill -9 of a host's agent",
    "kill -9 of this machine's agent",
    "kill -9 of the controller",
    "kill -9 of the host's sshd child",
    "kill -9 of ssh here",
    "crash of a host",
    "a test that calls os._exit",
    "a clock that jumps ahead",
    "a clock that jumps back",
)
"""What ``run.py`` has shown to hold; the faults that do not yet are tried by that command only."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", HELD)
def test_a_fault_costs_what_it_hits_and_no_more(name: str, tmp_path: Path):
    """Each test has one result everywhere it is told, the exit status fits, and nothing of the run is left."""
    [fault] = [fault for fault in FAULTS if fault.name == name]
    with ground(tmp_path / "ground") as made:
        verdict = attempt(fault, made, tmp_path / "trial", engine="disttest", seed=1)

    assert verdict.is_good, str(verdict)
