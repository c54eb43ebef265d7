"""What happened, in the past tense: the scheduler's only input."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_disttest.model import Demand, Outcome

if TYPE_CHECKING:
    from pytest_disttest.match.ledger import Ledger


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker on *host* can be given cases.

    *holds* are the cases that it has collected already; others it collects when it is given them, which
    costs it time. None means that it has collected all there is.
    """

    worker: str
    host: str
    holds: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class WorkWanted:
    """A worker has begun the last of what it was given, or has nothing."""

    worker: str


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """A worker has begun a case."""

    worker: str
    case: int


@dataclass(frozen=True, slots=True)
class CaseEnded:
    """A case has its outcome; *duration_s* covers all three phases."""

    worker: str
    case: int
    outcome: Outcome
    duration_s: float


@dataclass(frozen=True, slots=True)
class CaseReturned:
    """A worker has ended a case that is to be run again, in the place of ``CaseEnded``.

    Not by *shunned*, names of workers and of hosts (one called as a worker is shunned with it), while others can;
    and not before *due_s*, by the clock of ``handle``. A group stays together: its case waits for its worker.
    """

    worker: str
    case: int
    shunned: frozenset[str] = frozenset()
    due_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AskedAnew:
    """What a case asks for from now on: more than before, more memory perhaps, or a host for itself.

    It is told while a worker has the case in hand, before the case comes back (``CaseReturned``, ``WorkerLost``). It
    changes nothing for a case of a group that stays together, and for one that has ended.
    """

    case: int
    demand: Demand


@dataclass(frozen=True, slots=True)
class NobodyComes:
    """No worker will come for a case that was to be run again (``Recruit``): those who are there must do."""

    case: int


@dataclass(frozen=True, slots=True)
class CasesRefused:
    """A worker cannot run these after all: it could not collect them. It will not be given them again.

    Those of them that it was not given by then it will refuse should it be given them.
    """

    worker: str
    cases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker is gone. What it had begun and not ended is told by ``CaseEnded`` first, where it counts."""

    worker: str


@dataclass(frozen=True, slots=True)
class HostLost:
    """No worker on *host* will come any more; the workers that it had are lost."""

    host: str


@dataclass(frozen=True, slots=True)
class HostBack:
    """A host that was told lost takes part again; what was unplaced for want of it stays so."""

    host: str


@dataclass(frozen=True, slots=True)
class HostJoined:
    """A host that was not there when the plan was made takes part from now on; told before its first `WorkerReady`.

    *ledger* is its book, None where nobody asks for anything. *unfit* are the cases whose demands it does not meet. A
    case that has been unplaced for want of a host stays so.
    """

    host: str
    ledger: Ledger | None = None
    unfit: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class DeviceLost:
    """A device of *host* is of no use any more; *kind* and *device* as its capabilities name it.

    Who holds it may end, or be told lost. Nobody is given it again; what no host can run without it is unplaced.
    """

    host: str
    kind: str
    device: str


@dataclass(frozen=True, slots=True)
class DeviceHeld:
    """A device of *host* is being repaired: nobody is given it until `DeviceBack` or `DeviceLost` is told.

    Who needs it waits for that, where no other device does.
    """

    host: str
    kind: str
    device: str


@dataclass(frozen=True, slots=True)
class DeviceBack:
    """A device that was held or lost is of use again, and may be given; what was unplaced for want of it stays so."""

    host: str
    kind: str
    device: str


@dataclass(frozen=True, slots=True)
class DevicesBusy:
    """A worker could not have what *case*, which it was given, was granted: another run holds a device of it."""

    worker: str
    case: int


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = (
    WorkerReady
    | WorkWanted
    | CaseStarted
    | CaseEnded
    | CaseReturned
    | AskedAnew
    | NobodyComes
    | CasesRefused
    | WorkerLost
    | HostLost
    | HostBack
    | HostJoined
    | DeviceLost
    | DeviceHeld
    | DeviceBack
    | DevicesBusy
    | Tick
)
