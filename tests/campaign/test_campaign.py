"""Faults in real runs, each once: nothing lost, counted twice, hanging or left behind, and the fault is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaign.faults import FAULTS
from campaign.ground import ground
from campaign.trial import attempt

QUICK = (
    "kill -9 of a worker",
    "kill -9 of a host's agent",
    "kill -9 of this machine's agent",
    "kill -9 of the controller",
    "kill -9 of the host's sshd child",
    "kill -9 of ssh here",
    "crash of a host",
    "SIGSTOP of a host's agent",
    "a test that calls os._exit",
    "a test that closes all descriptors",
    "a report of 100 MB",
    "1 GB past the capture",
    "a clock that jumps ahead",
    "a clock that jumps back",
    "a host's disk that fills up",
    "a controller's disk that fills up",
    "a memory limit that kills",
    "a fork bomb, contained",
    "a history that another process has locked",
    "a history that is damaged",
    "a link that is cut",
    "a changed host key",
)
"""What is soon over; ``run.py`` tries the others, too, and each more than once."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_costs_what_it_hits_and_no_more(name: str, tmp_path: Path):
    """Each test has one result everywhere it is told, the exit status fits, and nothing of the run is left."""
    [fault] = [fault for fault in FAULTS if fault.name == name]
    if why := fault.needs():
        pytest.skip(why)
    with ground(tmp_path / "ground") as made:
        verdict = attempt(fault, made, tmp_path / "trial", engine="disttest", seed=1)

    assert verdict.is_good, str(verdict)
