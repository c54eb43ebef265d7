"""Hosts that were lost while tests run are tried again, and come back on trial.

Theory of operation. A host whose connection ends, or that falls silent, is *away*: its workers are gone, and what they
had goes to others. It is opened again after a wait, as often as ``--hw-reconnect`` says, each wait drawn from twice the
range of the one before; what earlier runs know of such hosts may ask for fewer calls or longer waits. Nobody waits for
that as long as others have work; only when what is left could run nowhere else does the run go on for its sake. A host
that answers is on trial (`trials`). A host that was
lost for the third time, or does not come back, is gone, and what only it could run ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.recovering import HOST
from pytest_disttest.controller.run import Run
from pytest_disttest.controller.trials import Trials, start_over
from pytest_disttest.recovery.backoff import Dice, full_jitter_s
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.record import Waits
from pytest_disttest.recovery.steps import Step
from pytest_disttest.reports.wording import plural

LOSSES: Final = 3
"""The loss after which a host is not tried any more."""
FIRST_S: Final = 1.0
MOST_S: Final = 60.0
OPENING_S: Final = 150.0
"""After so long an agent that was started and has not said hello will not: the limits of opening are 30 and 60 s."""


class Reconnecting:
    """Knows which hosts are away.

    *give_up* hears of a host that does not come back.
    """

    def __init__(
        self,
        run: Run,
        trials: Trials,
        give_up: Callable[[HostLink], None],
        dice: Dice = random.random,
    ) -> None:
        self._run = run
        self._trials = trials
        self._give_up = give_up
        self._dice = dice
        self._tries = run.settings.reconnects
        self._due: dict[str, float] = {}
        self._opening: dict[str, float] = {}
        self._lost_at: dict[str, float] = {}
        self._waits: dict[str, Waits] = {}

    def may_return(self, link: HostLink) -> bool:
        """Whether a host that was just lost is to be tried again: while tests run, and not for ever."""
        run = self._run
        is_running = run.scheduler is not None and run.remaining > 0
        return is_running and not run.stopping and run.ending is None and link.losses < LOSSES - 1 and self._tries > 0

    def lost(self, link: HostLink, now: float) -> str:
        """A ready host is lost; return what is to be said of that, "" where it is lost for good."""
        name = link.host.name
        self._trials.drop(name)
        if not self.may_return(link):
            return ""
        link.losses += 1
        start_over(self._run, link)
        self._lost_at[name] = now
        step = Step.RESPAWN_AGENT if link.is_local else Step.RECONNECT  # on this machine there is no way to be lost
        self._waits[name] = self._run.recoveries.waits(step, name, Waits(self._tries, FIRST_S, OPENING_S))
        self._run.recoveries.began((HOST, name), step, FailureClass.HOST_LOST, name)
        self._wait(link, now)
        return (
            f"its tests go to other hosts that fit; it is tried again, up to {plural(self._waits[name].calls, 'time')}"
        )

    def failed(self, link: HostLink, why: str, now: float) -> None:
        """A try to open a host again has failed."""
        self._opening.pop(link.host.name, None)
        if link.connection is not None:
            link.connection.kill()
        if link.tries >= (calls := self._waits[link.host.name].calls):
            del self._lost_at[link.host.name]
            self._run.recoveries.ended((HOST, link.host.name), succeeded=False)
            self._run.tallies[link.host.name].problem += f"; not back after {_tries(calls)}: {why}"
            self._give_up(link)
        else:
            self._wait(link, now)

    def synced(self, link: HostLink, seconds: float) -> None:
        """The files of a host that is being opened again are up to date; that took so long."""
        self._run.recoveries.took(Step.RESYNC, FailureClass.HOST_LOST, link.host.name, seconds)

    def is_back(self, link: HostLink) -> bool:
        """Whether a host that says hello was lost before; then it is on trial, and has its first worker."""
        name = link.host.name
        lost_at = self._lost_at.pop(name, None)
        if lost_at is None:
            return False
        self._opening.pop(name, None)
        link.tries = 0
        self._run.recoveries.ended((HOST, name), succeeded=True)
        words = f"back after {time.monotonic() - lost_at:.0f} s"
        self._run.tallies[name].problem += f"; {words}"
        self._run.journal.note("host-back", words, host=name)
        self._trials.begin(link)
        return True

    def look(self, now: float) -> None:
        """Open hosts whose wait is over, while there is work."""
        for name, due in list(self._due.items()):
            if now >= due and self.is_awaited:
                del self._due[name]
                link = self._run.fleet.links[name]
                link.tries += 1
                self._opening[name] = now
                self._run.fleet.reopen(link)
        for name, began in list(self._opening.items()):
            if now - began > (limit_s := self._waits[name].limit_s):
                self.failed(self._run.fleet.links[name], f"no answer within {limit_s:g} s", now)

    @property
    def is_awaited(self) -> bool:
        """Whether a host is away, or being opened again, that might have something to do."""
        run = self._run
        return bool(self._lost_at) and run.remaining > 0 and not run.stopping

    def _wait(self, link: HostLink, now: float) -> None:
        link.state = "away"
        first_s = self._waits[link.host.name].first_s
        self._due[link.host.name] = now + full_jitter_s(link.tries + 1, self._dice, first_s=first_s, most_s=MOST_S)


def _tries(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"
