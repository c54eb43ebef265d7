"""What the rooms of the controller share during one run."""

from __future__ import annotations

import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from pytest_disttest.controller.collection import Collected
from pytest_disttest.controller.hosts import Fleet, HostLink
from pytest_disttest.controller.roster import Roster
from pytest_disttest.errors import DisttestError
from pytest_disttest.model import Grant, Outcome
from pytest_disttest.options import Settings
from pytest_disttest.reports.screen import Screen
from pytest_disttest.schedule import Event, Scheduler
from pytest_disttest.store.journal import Journal

if TYPE_CHECKING:
    from pytest_disttest.controller.quarantine import Quarantine
    from pytest_disttest.controller.recovering import Recovering


def _undecided(_event: Event) -> None:
    """Stand in until the loop takes the decisions."""


def _unrefused(_host: str, _error: DisttestError) -> None:
    """Stand in until the loop knows the hosts."""


@dataclass(slots=True)
class Tally:
    """What a host did, for the table at the end."""

    outcomes: dict[Outcome, int] = field(default_factory=lambda: defaultdict(int))
    busy_s: float = 0.0
    restarts: int = 0
    problem: str = ""


@dataclass(slots=True)
class Run:
    """One run: what was asked for, who takes part, what is known so far.

    *decide* hands an event to the scheduler and carries out its answer. *refuse_host* takes a host that proves
    unfit, by its name, out of the run. *collect_reports* are of collectors that failed or were skipped: host, worker,
    report, and the place in the walk. *refusals* tells why a worker could not collect a case. On
    *forked_hosts* workers are forks of one that has collected. *grants* are what open cases were given.
    *quarantine* is there where a host was, or is to be, left out, *recovering* once something had to be recovered.
    *may_replace* tells whether another worker comes for one that crashes. *began_at* is when it did, on the clock of
    ``time.monotonic``, and *ended_at* when cases did, where a test has a deadline. *stopping*
    means that nothing is handed out any more; *ending* is the exception that ends the run before its time. *planned*
    is how many cases were known when the plan was made.
    """

    config: pytest.Config
    session: pytest.Session
    settings: Settings
    fleet: Fleet
    roster: Roster
    screen: Screen
    journal: Journal
    live: bool
    collected: Collected
    decide: Callable[[Event], None] = _undecided
    refuse_host: Callable[[str, DisttestError], None] = _unrefused
    scheduler: Scheduler | None = None
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    collect_reports: list[tuple[str, str, Any, int]] = field(default_factory=list)
    refusals: dict[int, str] = field(default_factory=dict)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    forked_hosts: set[str] = field(default_factory=set)
    grants: dict[int, Grant] = field(default_factory=dict)
    planned: int = 0
    quarantine: Quarantine | None = None
    recovering: Recovering | None = None
    may_replace: bool = True
    began_at: float = 0.0
    ended_at: dict[int, float] = field(default_factory=dict)
    stopping: bool = False
    ending: BaseException | None = None

    @property
    def remaining(self) -> int:
        """How many cases have no outcome yet; 0 before the plan is made."""
        return self.scheduler.remaining if self.scheduler is not None else 0

    @property
    def controller(self) -> str:
        """The name in which leases on devices are taken."""
        return f"{socket.gethostname()}:{os.getpid()}"

    @property
    def elapsed_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.began_at

    @property
    def recoveries(self) -> Recovering:
        """What is tried to recover; made, and imported, when it is first needed."""
        if self.recovering is None:
            from pytest_disttest.controller.recovering import Recovering

            self.recovering = Recovering(self.journal, self.hw_class)
        return self.recovering

    def hw_class(self, host: str) -> str:
        """Return the class of a host, "" where it was not probed or does not take part."""
        link = self.fleet.links.get(host)
        return "" if link is None or link.found is None else link.found.hw_class

    @property
    def has_choices(self) -> bool:
        """Whether hosts were chosen for cases that ask for something."""
        return bool(self.grants) or (self.scheduler is not None and bool(self.scheduler.choices))

    @property
    def ready_links(self) -> list[HostLink]:
        """Return the hosts that take part now."""
        return [link for link in self.fleet.links.values() if link.state == "ready"]

    def nodeid(self, case: int) -> str:
        """Return the node id of a case."""
        return self.collected.cases[case].nodeid

    def end_early(self, error: BaseException) -> None:
        """End the run with *error* as soon as the loop comes round; the first such wish counts."""
        if not self.stopping and self.ending is None:
            self.ending = error

    def end_if_nobody_is_left(self) -> None:
        """A run without workers cannot finish what is open; say so instead of waiting."""
        opening = any(link.state in ("opening", "away") for link in self.fleet.links.values())
        if self.stopping or opening or self.roster.alive or not self.roster.nodes:
            return
        if self.scheduler is not None and not self.scheduler.remaining:
            return
        missing = f": {self.remaining} tests did not run" if self.scheduler is not None else ""
        self.end_early(self.session.Interrupted(f"no worker is left{missing}"))
