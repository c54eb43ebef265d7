"""Hosts that open, cannot be used, fall silent or are lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.places import places_on
from pytest_disttest.controller.run import Run
from pytest_disttest.controller.workerwork import WorkerWork
from pytest_disttest.errors import DisttestError, HostUnusable
from pytest_disttest.match import offered
from pytest_disttest.schedule import HostJoined, HostLost

if TYPE_CHECKING:
    from pytest_disttest.controller.calling import Calling
    from pytest_disttest.controller.probation import Probation
    from pytest_disttest.controller.reconnecting import Reconnecting
    from pytest_disttest.controller.trials import Trials

BEAT_S = 2.0
PATIENCE_S = 5.0
"""So long the hosts that are ready wait for the others before they begin without them."""


class HostWork:
    """Takes what hosts do, and lets the run know.

    *ask* asks a host that comes late for what tests want to know, and tells whether there is an answer to wait for.
    """

    def __init__(self, run: Run, workers: WorkerWork, ask: Callable[[HostLink], bool]) -> None:
        self._run = run
        self._workers = workers
        self._ask = ask
        self._beaten_at = 0.0
        self._first_ready_at: float | None = None
        self._reconnecting: Reconnecting | None = None
        self._calling: Calling | None = None
        self._probation: Probation | None = None

    @property
    def is_awaiting(self) -> bool:
        """Whether a host that was lost may come back for what is left."""
        return self._reconnecting is not None and self._reconnecting.is_awaited

    @property
    def reconnecting(self) -> Reconnecting:
        """Who tries lost hosts again; made, and imported, for the first of them."""
        if self._reconnecting is None:
            from pytest_disttest.controller.reconnecting import Reconnecting

            self._reconnecting = Reconnecting(self._run, self.trials, self._give_up)
        return self._reconnecting

    @cached_property
    def trials(self) -> Trials:
        """Who watches hosts that are back; made, and imported, for the first of them."""
        from pytest_disttest.controller.trials import Trials

        return Trials(self._run, self._workers.enlist_late)

    @property
    def probation(self) -> Probation:
        """Who lets quarantined hosts back in; made, and imported, for the first of them."""
        if self._probation is None:
            from pytest_disttest.controller.probation import Probation

            self._probation = Probation(self._run, self.trials)
        return self._probation

    @property
    def calling(self) -> Calling:
        """Who calls hosts again that were not there; made, and imported, for the first of them."""
        if self._calling is None:
            from pytest_disttest.controller.calling import Calling

            self._calling = Calling(self._run)
        return self._calling

    def opened(self, link: HostLink, connection: Any, summary: Any) -> None:
        """A host is connected and has the suite's files; its agent is about to speak."""
        link.connection, link.synced = connection, summary
        if link.losses and summary is not None:
            self.reconnecting.synced(link, summary.seconds)

    def hello(self, link: HostLink, facts: dict[str, Any]) -> None:
        """An agent speaks: its host is ready, and its worker processes warm up at once, if they do not already."""
        link.facts = facts
        link.state = "ready"
        count = link.host.workers or facts["cpu.processors"]
        link.send("live", self._run.live)
        self._beat(link, self._run.settings.heartbeat_s)  # at once: the link may be cut before the first regular beat
        link.workers = count
        if link.late:
            if not self._ask(link):
                self.join(link)
        elif self._is_on_probation(link):
            self.probation.begin(link)
        elif not (self._reconnecting is not None and self._reconnecting.is_back(link)):
            for _ in range(link.first_workers - link.slots_used):
                self._run.roster.spawn(link)
        python, system = facts["python"], f"{facts['os']}-{facts['arch']}"
        self._run.screen.host_ready(
            link.host.name, workers=count, python=python, platform=system, synced=sync_words(link.synced)
        )
        self._record(link, python=python, platform=facts["platform"], workers=count)

    def are_open(self, now: float) -> bool:
        """Whether the run may begin: all hosts are ready or unusable, or the others have waited long enough."""
        if not any(link.state == "opening" for link in self._run.fleet.links.values()):
            return True
        if self._first_ready_at is None and self._run.ready_links:
            self._first_ready_at = now
        return self._first_ready_at is not None and now - self._first_ready_at > PATIENCE_S

    def begin_without_late(self) -> None:
        """Those that are not ready yet join when they are."""
        for name, link in self._run.fleet.links.items():
            if link.state == "opening":
                link.late = True
                self._run.tallies[name].problem = "was not ready in time"
                self._run.screen.note(f"host {name} is not ready yet: the run begins without it, and it joins later")
        for name in self._calling.names if self._calling is not None else ():
            self._run.screen.note(f"host {name} is called again while tests run, and joins when it answers")

    def join(self, link: HostLink) -> None:
        """A host is ready after the others have begun: its workers collect, and take their part of what is left."""
        if self._calling is not None:
            self._calling.joined(link)
        if self._run.scheduler is not None and not self._takes_part(link):
            return
        if self._is_on_probation(link):
            self.probation.begin(link)
            return
        words = f"joined after {self._run.elapsed_s:.0f} s"
        self._run.screen.note(f"host {link.host.name} has {words}")
        self._run.tallies[link.host.name].problem = words
        self._run.journal.note("host-late", words, host=link.host.name)
        for _ in range(link.first_workers):
            self._workers.enlist_late(link)

    def unusable(self, link: HostLink, error: DisttestError) -> None:
        """A host cannot take part; the run goes on with the others."""
        if self._is_on_probation(link):
            self.probation.failed(link)
        elif link.losses and link.state == "opening":
            self.reconnecting.failed(link, error.message, time.monotonic())
            return
        link.state = "unusable"
        if self.calling.missed(link, error, time.monotonic()):
            return
        reason = error.message.removeprefix(f"host {link.host.name}: ")  # where it stands, the host is named already
        self._run.tallies[link.host.name].problem = reason
        self._run.screen.host_unusable(link.host.name, reason, error.hint)
        self._record(link, state="quarantined" if link.barred else "unusable", reason=reason)
        self._run.end_if_nobody_is_left()

    def refuse(self, name: str, error: DisttestError) -> None:
        """A ready host proves unfit: its workers part, and the run goes on with the others."""
        link = self._run.fleet.links[name]
        self._workers.vanished(self._run.roster.on(name), error.message)
        for place in places_on(self._run, name):
            self._run.decide(HostLost(place))
        self.unusable(link, error)
        if link.connection is not None:
            link.connection.kill()

    def tell_barred(self, link: HostLink) -> None:
        """A host is quarantined since an earlier run."""
        self.probation.barred(link)
        quarantine = self._run.quarantine
        hint = quarantine.hint if quarantine is not None else ""
        self.unusable(link, HostUnusable(link.host.name, "quarantined", link.barred, hint=hint))

    def bar(self, name: str, reason: str) -> None:
        """Too much failed on a host that passed elsewhere: the others go on without it, if there are any."""
        link = self._run.fleet.links.get(name)  # one of an earlier run may not be in this one
        if link is None or link.state != "ready" or self._run.stopping:
            return
        if all(other is link for other in self._run.ready_links):
            self._run.screen.note(f"host {name} is the last one and stays, or it would be {reason}")
            self._run.recoveries.stays(name)
            return
        link.barred = reason
        self.probation.barred(link)
        self._run.journal.note("quarantined", reason, host=name)
        quarantine = self._run.quarantine
        hint = quarantine.hint if quarantine is not None else ""
        self.refuse(name, HostUnusable(name, "quarantined", reason, hint=hint))

    def lost(self, link: HostLink, why: str = "the connection ended") -> None:
        """A host is gone: what its workers had not ended goes to the others."""
        if link.state == "opening":
            self.unusable(link, HostUnusable(link.host.name, "lost", why))
        if link.state != "ready":
            return
        link.state = "gone"
        name = link.host.name
        self._run.tallies[name].problem = why
        self._run.journal.note("host-lost", why, host=name)
        self._run.fleet.abandon(link)
        self._workers.vanished(self._run.roster.on(name), f"host lost: {why}")
        hint = self.reconnecting.lost(link, time.monotonic())
        self._run.screen.host_unusable(
            name, f"host {name} is lost: {why}", hint or "its tests go to other hosts that fit"
        )
        if not hint:
            self._give_up(link)

    def _is_on_probation(self, link: HostLink) -> bool:
        return self._probation is not None and self._probation.is_opening(link)

    def _give_up(self, link: HostLink) -> None:
        """A host does not come back: nothing waits for it any more."""
        link.state = "gone"
        for place in places_on(self._run, link.host.name):
            self._run.decide(HostLost(place))
        self._run.end_if_nobody_is_left()

    def _takes_part(self, link: HostLink) -> bool:
        """Tell the scheduler of a host that the plan did not know; return whether its owner lets it take part."""
        from pytest_disttest.controller.planning import ledgers_of
        from pytest_disttest.match import eligibility

        name, has = link.host.name, link.capabilities
        if has.drained:
            self.refuse(name, HostUnusable(name, "drained", f"is drained: {has.drained}"))
            return False
        _, unfit = eligibility(self._run.collected.cases, {name: has})
        self._run.decide(HostJoined(name, ledgers_of(self._run, {})[name], frozenset(unfit)))
        return True

    def watch(self, now: float) -> None:
        """Give up hosts that have been silent for longer than the heartbeat allows; let all hear that we live."""
        limit_s = self._run.settings.heartbeat_s
        if self._reconnecting is not None:
            self._reconnecting.look(now)
        if self._calling is not None:
            self._calling.look(now)
        if self._probation is not None:
            self._probation.look()
        if "trials" in self.__dict__:
            self.trials.look()
        for link in self._run.ready_links:
            if now - link.heard_at > limit_s:
                self.lost(link, f"silent for {limit_s:g} s")
        if now - self._beaten_at >= min(BEAT_S, limit_s / 3):
            self._beaten_at = now
            for link in self._run.ready_links:
                self._beat(link, limit_s)

    def _beat(self, link: HostLink, limit_s: float) -> None:
        """The agent is to be more patient than we are: the controller decides first that a host is lost."""
        try:
            link.send("beat", 2 * limit_s)
        except HostUnusable as error:
            self.lost(link, error.message)

    def _record(
        self,
        link: HostLink,
        *,
        python: str = "",
        platform: str = "",
        workers: int = 0,
        state: str = "ready",
        reason: str = "",
    ) -> None:
        self._run.journal.host(
            link.host.name,
            transport=link.host.transport,
            address=link.host.address,
            python=python,
            platform=platform,
            workers=workers,
            capabilities=offered(link.facts, link.host).facts if state == "ready" else {},
            state=state,
            reason=reason,
        )


def sync_words(summary: Any) -> str:
    """Return how much of the suite had to travel, in a few words; "" where files are shared."""
    if summary is None:
        return ""
    size = f"{summary.sent_bytes / 1e6:.1f} MB" if summary.sent_bytes >= 1e5 else f"{summary.sent_bytes / 1e3:.1f} kB"
    deleted = f", {summary.deleted} deleted" if summary.deleted else ""
    return f"{summary.sent_files} of {summary.files} files, {size}{deleted}, {summary.seconds:.1f} s"
