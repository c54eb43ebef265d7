"""Where a demand fits, and what is in its way elsewhere: the whole analysis, as a value.

Hosts are looked at as if they were idle: what they have in total counts, not what is free, so that a busy host never
looks impossible. A demand *fits* where a host that is ready meets it. It is *pending* where one could that is busy,
leased, quarantined, offline or not yet probed: waiting may help. It is *unsatisfiable* where none of the registered
hosts ever could.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pytest_disttest.model import Capabilities, Demand, Requirement

from .relaxing import Relaxation
from .survey import NearMiss, Seen

FITS: Final = "fits"
PENDING: Final = "pending"
UNSATISFIABLE: Final = "unsatisfiable"

READY: Final = "ready"
OUT: Final = ("disabled", "offline", "unprobed")
HELD: Final = ("quarantined", "leased", "busy")
STATES: Final = (*OUT, *HELD, READY)
"""How far a host has come. The first three are short of being probed; the next three are probed, but not free."""


class Standing(NamedTuple):
    """Where a host stands: one of STATES, why, and what it has (None where nobody knows; then it is not probed)."""

    state: str
    reason: str = ""
    capabilities: Capabilities | None = None


class HostRow(NamedTuple):
    """What a host is to a demand: *status* is ``met``, ``unmet``, ``unknown``, and "" where nothing is known of it.

    *code* says why it does not run the test, "" where it does: DISABLED, OFFLINE, PROBE_FAILED, QUARANTINED, LEASED,
    BUSY, DRAINED, REQUIREMENTS, CAPACITY (only too little of what tests use up), UNKNOWN_VALUE.
    """

    host: str
    state: str
    status: str
    code: str = ""
    reason: str = ""


class Failing(NamedTuple):
    """A condition, by its place, that a host is not known to meet, with what it has ("" for nothing)."""

    place: int
    have: str
    unknown: bool = False


class HostFailing(NamedTuple):
    """What one host lacks of an alternative; the condition that counts for it in the histogram stands first."""

    host: str
    failing: tuple[Failing, ...]


class ConditionRow(NamedTuple):
    """One condition: how many hosts meet it together with those before it (*cumulative*), and *alone*.

    *best* is the nearest value seen on any host, *nearest* the nearest on one that does not meet it, each None
    without one. *unknown* are hosts on which it could not be told, with the reason.
    """

    cumulative: int
    requirement: Requirement
    text: str
    alone: int
    best: Seen | None = None
    nearest: Seen | None = None
    near_misses: tuple[NearMiss, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()


class AlternativeRow(NamedTuple):
    """One alternative: its conditions, the *hosts* that meet it (whatever their state), what the others lack."""

    conditions: tuple[ConditionRow, ...]
    hosts: tuple[str, ...]
    failing: tuple[HostFailing, ...]
    relaxations: tuple[Relaxation, ...]


class Explanation(NamedTuple):
    """All that is to be said of a demand: *hosts* run it now, *later* are those that could and why they do not.

    *funnel* counts the hosts that are left after each stage. *alternatives* are those of the demand, the best first.
    *histogram* counts the hosts that are out by what puts them out; *codes* are the reasons, the commonest first.
    """

    demand: Demand
    verdict: str
    codes: tuple[str, ...]
    hosts: tuple[str, ...]
    later: tuple[tuple[str, str], ...]
    funnel: tuple[tuple[str, int], ...]
    rows: tuple[HostRow, ...]
    alternatives: tuple[AlternativeRow, ...]
    histogram: tuple[tuple[str, int], ...]

    @property
    def summary(self) -> str:
        """One line: ``0/5 hosts: 2 gpu.count, 1 gpu.cuda, 2 gpu.memory``."""
        head = f"{len(self.hosts)}/{len(self.rows)} hosts"
        return f"{head}: {', '.join(f'{count} {word}' for word, count in self.histogram)}" if self.histogram else head
