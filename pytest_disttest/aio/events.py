"""What a program is told of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class HostOpened:
    """A host can run tests; *platform* is its system, *python* the version there."""

    host: str
    workers: int
    python: str
    platform: str


@dataclass(frozen=True, slots=True)
class HostLost:
    """A host cannot take part, or no longer."""

    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class CasesCollected:
    """So many tests are to run; more may follow, from a host that comes late."""

    cases: int
    deselected: int


@dataclass(frozen=True, slots=True)
class PlanMade:
    """What is expected of the tests, in seconds; told where a plan is made in seconds (see ``--hw-plan``)."""

    predicted_s: float
    bound_s: float
    bottleneck: str


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """A worker began a test at *at* (POSIX seconds). Of quick tests that is told when they have ended."""

    nodeid: str
    host: str
    worker: str
    at: float


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """An attempt ended, with an ``Outcome``'s value; *host* and *worker* are "" for a test that nobody ran.

    *attempt* counts from 1; one that failed may be followed by another. *duration_s* is over set-up, call and teardown.
    """

    nodeid: str
    outcome: str
    host: str
    worker: str
    duration_s: float
    attempt: int
    message: str
    longrepr: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something else worth remembering: a worker died, a host was left out. *kind* is a word of the journal's notes."""

    kind: str
    text: str
    host: str
    worker: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line of what pytest printed, stderr included."""

    text: str


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event of every run. *exit_status* is pytest's, negative for a signal that killed it.

    *outcomes* counts tests by how they ended. *run_id* is what `disttest show` knows the run by, "" where it did not
    come so far. *took_s*, *predicted_s* and *bound_s* are 0.0 where the run was not judged.
    """

    exit_status: int
    outcomes: Mapping[str, int]
    run_id: str = ""
    took_s: float = 0.0
    predicted_s: float = 0.0
    bound_s: float = 0.0


Event: TypeAlias = (
    HostOpened | HostLost | CasesCollected | PlanMade | CaseStarted | CaseEnded | Noted | Said | RunFinished
)
