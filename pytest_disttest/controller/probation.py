"""Hosts that are quarantined come back within the run, once their breaker's wait is over: on trial, with one worker.

Nobody waits for them, and what only such a host could run was unplaced when it was left out. The first test that ends
well there closes the breaker; an error of the host's own opens it again, for longer.
"""

from __future__ import annotations

import time

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.places import places_on
from pytest_disttest.controller.run import Run
from pytest_disttest.controller.trials import Trials, start_over
from pytest_disttest.schedule import HostBack


class Probation:
    """Knows which hosts of a run are quarantined, and which are being opened for a trial."""

    def __init__(self, run: Run, trials: Trials) -> None:
        self._run = run
        self._trials = trials
        self._barred: dict[str, float] = {}
        self._opening: set[str] = set()

    def barred(self, link: HostLink) -> None:
        """A host is left out from now on."""
        self._barred[link.host.name] = time.monotonic()
        self._trials.drop(link.host.name)

    def look(self) -> None:
        """Open the hosts whose wait is over, while there is work."""
        run = self._run
        if not self._barred or run.scheduler is None or not run.remaining or run.stopping or run.quarantine is None:
            return
        for name in [name for name in self._barred if run.quarantine.lets_try(name, now=time.time())]:
            link = run.fleet.links[name]
            link.barred = ""
            if link.connection is None:  # it was left out from the start
                link.late = True
            else:
                start_over(run, link)
            self._opening.add(name)
            run.fleet.reopen(link)

    def is_opening(self, link: HostLink) -> bool:
        """Whether a host is being opened for its trial."""
        return link.host.name in self._opening

    def begin(self, link: HostLink) -> None:
        """A host that was to be opened for its trial takes part again."""
        name = link.host.name
        self._opening.discard(name)
        words = f"back on trial after {time.monotonic() - self._barred.pop(name):.0f} s"
        self._run.screen.note(f"host {name} is {words}")
        self._run.tallies[name].problem += f"; {words}"
        self._run.journal.note("host-back", words, host=name)
        for place in places_on(self._run, name):
            self._run.decide(HostBack(place))
        self._trials.begin(link)

    def failed(self, link: HostLink) -> None:
        """A host could not be opened for its trial: it stays out of this run."""
        self._opening.discard(link.host.name)
        self._barred.pop(link.host.name, None)
