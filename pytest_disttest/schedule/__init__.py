"""Who runs what next: pure decisions, an event and the time in, commands out."""

from pytest_disttest.schedule.commands import (
    Assign,
    Block,
    Command,
    Copy,
    Finish,
    GiveUp,
    Hold,
    Recruit,
    Refuse,
    Unplace,
)
from pytest_disttest.schedule.events import (
    CaseEnded,
    CaseReturned,
    CasesRefused,
    CaseStarted,
    DeviceLost,
    DevicesBusy,
    Event,
    HostLost,
    NobodyComes,
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
    "CaseReturned",
    "CaseStarted",
    "CasesRefused",
    "Command",
    "Copy",
    "DeviceLost",
    "DevicesBusy",
    "Event",
    "Finish",
    "GiveUp",
    "Hold",
    "HostLost",
    "NobodyComes",
    "Recruit",
    "Refuse",
    "Scheduler",
    "Tick",
    "Unplace",
    "WorkWanted",
    "WorkerLost",
    "WorkerReady",
    "useful_workers",
]
