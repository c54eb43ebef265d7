"""Who runs what next: pure decisions, an event and the time in, commands out."""

from pytest_disttest.schedule.commands import Assign, Block, Command, Finish, Hold, Refuse, Unplace
from pytest_disttest.schedule.events import (
    CaseEnded,
    CasesRefused,
    CaseStarted,
    DeviceLost,
    Event,
    HostLost,
    Tick,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.schedule.parallelism import useful_workers
from pytest_disttest.schedule.scheduler import Scheduler

__all__ = [
    "Assign",
    "Block",
    "CaseEnded",
    "CaseStarted",
    "CasesRefused",
    "Command",
    "DeviceLost",
    "Event",
    "Finish",
    "Hold",
    "HostLost",
    "Refuse",
    "Scheduler",
    "Tick",
    "Unplace",
    "WorkWanted",
    "WorkerLost",
    "WorkerReady",
    "useful_workers",
]
