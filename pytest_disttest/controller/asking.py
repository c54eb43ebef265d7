"""Hosts are asked what they have: only what tests want to know, or what their owner vouches for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import HostUnusable, ProtocolFault
from pytest_disttest.match.changes import changes
from pytest_disttest.match.described import families_declared, merged, unanswered
from pytest_disttest.match.profiles import read_profile, write_profile
from pytest_disttest.model import Capabilities
from pytest_disttest.reports.wording import plural
from pytest_disttest.store.hardware import HostProfiled
from pytest_disttest.store.known_hosts import SeenHost, known_hosts, remember_hosts

GRACE_S = 5.0
"""How much longer than the probes may take their host may be silent: the message has to travel."""


class Asking:
    """Who was asked what, and who has answered. *until* runs the loop until a condition holds."""

    def __init__(self, run: Run, until: Callable[[Callable[[], bool]], None]) -> None:
        self._run = run
        self._until = until
        self._probes: dict[str, list[Any]] = {}
        self._told: set[str] = set()
        self._families: frozenset[str] = frozenset()
        self._remembered: dict[str, SeenHost] | None = None

    def ask_late(self, link: HostLink) -> bool:
        """Ask a host that the others did not wait for; return whether there is an answer to come."""
        self._ask(link, self._families | families_declared(link.host))
        return bool(link.unanswered)

    def ask_and_wait(self, families: frozenset[str]) -> None:
        """Ask every ready host for *families* and for what its owner vouches for, and wait until all have answered.

        What a host does not answer in time is unknown. A host that has less than was declared is drained: it takes no
        part in the run.
        """
        links = self._run.ready_links
        self._families |= families
        for link in links:
            self._ask(link, families | families_declared(link.host))
        waiting = [link for link in links if link.unanswered]
        if waiting:
            self._wait(waiting)
        for link in links:
            if link.state == "ready" and (link.asked or link.host.simulated is not None or link.host.declared):
                self.tell(link)

    def probed(self, link: HostLink, profile: dict[str, Any]) -> None:
        """A host has answered."""
        link.unanswered = ()
        try:
            told = read_profile(profile)
        except ProtocolFault as fault:
            told = unanswered(link.asked, fault.message)
        link.found = merged(link.found, told)
        link.leases += tuple(profile.get("leases", ()))
        self._probes.setdefault(link.host.name, []).extend(profile.get("probes", ()))

    def remember(self) -> None:
        """Keep what hosts have for later runs to compare with; to be called once, at the end."""
        links = [self._run.fleet.links[name] for name in sorted(self._told)]
        profiles = {link.host.name: write_profile(_seen(link)) for link in links if link.host.simulated is None}
        if profiles:
            remember_hosts(self._run.journal.path.parents[1], profiles, now=time.time())

    def _ask(self, link: HostLink, families: frozenset[str]) -> None:
        missing = tuple(sorted(families - link.asked))
        if not missing or link.host.simulated is not None:
            return
        link.asked |= frozenset(missing)
        limit_s = self._run.settings.probe_timeout_s
        try:
            link.send("probe", missing, limit_s, False, particulars(link, verify=self._run.settings.verify))
            link.unanswered = missing
        except HostUnusable as error:
            link.found = merged(link.found, unanswered(missing, error.message))

    def _wait(self, links: Sequence[HostLink]) -> None:
        asked = sorted({family for link in links for family in link.unanswered})
        if self._run.config.get_verbosity() >= 0:
            self._run.screen.note(f"asking {plural(len(links), 'host')} for {', '.join(asked)}")
        limit_s = self._run.settings.probe_timeout_s
        deadline = time.monotonic() + limit_s + GRACE_S
        self._until(lambda: time.monotonic() > deadline or not any(map(_is_awaited, links)))
        for link in filter(_is_awaited, links):
            link.found = merged(link.found, unanswered(link.unanswered, f"no answer within {limit_s:g} s"))
            self._run.screen.note(f"host {link.host.name}: no answer within {limit_s:g} s about {_listed(link)}")

    def tell(self, link: HostLink) -> None:
        """Keep what a host has, and say what is new or wrong about it."""
        name, has = link.host.name, link.capabilities
        self._told.add(name)
        profile = {**write_profile(has), "probes": self._probes.get(name, [])}
        self._run.journal.hardware(HostProfiled(name, profile))
        for reason in has.degraded:
            self._run.screen.note(f"host {name} is degraded: {reason}")
        for change in self._changes(link):
            self._run.screen.note(f"host {name} has changed: {change}")
        if has.drained:
            hint = "correct its facts in the inventory, or the host; `disttest probe` shows what it finds"
            self._run.refuse_host(name, HostUnusable(name, "drained", f"is drained: {has.drained}", hint=hint))

    def _changes(self, link: HostLink) -> Iterable[str]:
        if link.host.simulated is not None:
            return ()
        if self._remembered is None:
            self._remembered = known_hosts(self._run.journal.path.parents[1])
        before = self._remembered.get(link.host.name)
        if before is None:
            return ()
        try:
            return map(str, changes(read_profile(before.profile), _seen(link)))
        except ProtocolFault:  # whoever wrote that: there is nothing to compare with
            return ()


def particulars(link: HostLink, *, verify: bool) -> dict[str, Any]:
    """Return what a host's probes are told of it; with *verify* its devices are to show that they calculate."""
    return {
        "name": link.host.name,
        "directory": link.directory,
        "environment": dict(link.host.environment),
        "verify": verify,
    }


def _seen(link: HostLink) -> Capabilities:
    """Return what a host itself says, without what its owner does: only that can change by itself."""
    found = link.found or Capabilities()
    return found._replace(unknown={**found.unknown, **link.capabilities.unknown})


def _is_awaited(link: HostLink) -> bool:
    return bool(link.unanswered) and link.state == "ready"


def _listed(link: HostLink) -> str:
    return ", ".join(link.unanswered)
