"""Runs for other programs: what a run does, as it does it, in an ``async for``.

    from pytest_disttest import aio

    async for event in aio.run(["tests", "--hw-hosts=local*2"], cwd="project"):
        match event:
            case aio.CaseEnded(nodeid, "failed", host):
                print(f"{nodeid} failed on {host}: {event.message}")
            case aio.RunFinished(exit_status):
                print(f"exit status {exit_status}")

pytest runs in a process of its own, and tells through a pipe what it writes into its journal. Whoever stops listening
(cancels the task, closes the generator) ends the run as Ctrl-C would: what runs is torn down, and no process is left.
"""

from pytest_disttest.aio.events import (
    CaseEnded,
    CasesCollected,
    CaseStarted,
    Event,
    HostLost,
    HostOpened,
    Noted,
    PlanMade,
    RunFinished,
    Said,
)
from pytest_disttest.aio.running import run
from pytest_disttest.aio.telling import Telling

__all__ = [
    "CaseEnded",
    "CaseStarted",
    "CasesCollected",
    "Event",
    "HostLost",
    "HostOpened",
    "Noted",
    "PlanMade",
    "RunFinished",
    "Said",
    "Telling",
    "run",
]
