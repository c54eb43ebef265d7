"""A device that a test has lost is looked at again, with proof that it works: one that is gone is used no more at once.

Without that it takes three tests to learn that a device is gone. The probe runs on the host beside its tests; nobody
waits for it.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from pytest_disttest.controller.asking import particulars
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.recovering import REPROBE
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import HostUnusable, ProtocolFault
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.model import Capabilities
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.steps import Step

Judge = Callable[[str, str, str, str | None], None]
"""Hear of a device: its host, kind and id, and what is wrong with it, "" for nothing, None where nobody could tell."""


class Reprobing:
    """Knows which devices are looked at again. *judge* hears what was found."""

    def __init__(self, run: Run, judge: Judge) -> None:
        self._run = run
        self._judge = judge
        self._asked: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._then: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._openings: dict[str, int] = {}

    def ask(self, host: str, kind: str, device: str, *, anew: bool = False) -> None:
        """Let the host of a device look at all of that kind again, unless it does already.

        What it began to look at before does not count for one that is to be looked at *anew*.
        """
        link = self._run.fleet.links[host]
        if self._openings.get(host) != link.openings:  # whom that one asked before it was lost will not answer
            self._openings[host] = link.openings
            self._asked.pop(host, None)
            self._then.pop(host, None)
        waiting = self._asked[host]
        if anew and waiting:
            self._then[host].add((kind, device))
            return
        if (kind, device) in waiting or link.state != "ready" or link.host.simulated is not None:
            return
        if not any(other == kind for other, _ in waiting):
            with contextlib.suppress(HostUnusable):  # that it is lost is noticed elsewhere
                limit_s = self._run.settings.probe_timeout_s
                link.send("probe", (kind,), limit_s, True, particulars(link, verify=True))
        waiting.add((kind, device))
        self._run.recoveries.began((REPROBE, (host, kind, device)), Step.REPROBE, FailureClass.DEVICE, host)

    def heard(self, link: HostLink, profile: Mapping[str, Any]) -> bool:
        """Take an answer of a host's probes; false where nobody had asked for a second look."""
        host = link.host.name
        waiting = self._asked.pop(host, None)
        if not waiting:
            return False
        try:
            found = read_profile(profile)
        except ProtocolFault as fault:
            found = Capabilities(unknown={kind: fault.message for kind, _ in waiting})
        anew = self._then.pop(host, set())
        for kind, device in sorted(waiting):
            key = REPROBE, (host, kind, device)
            if (kind, device) in anew:
                self._run.recoveries.dropped(key)
                continue
            if kind in found.unknown:
                self._run.recoveries.dropped(key)
                self._judge(host, kind, device, None)
                continue
            why = _trouble(found, kind, device)
            self._run.recoveries.ended(key, succeeded=not why)
            self._judge(host, kind, device, why)
        for kind, device in sorted(anew):
            self.ask(host, kind, device)
        return True


def _trouble(found: Capabilities, kind: str, device: str) -> str:
    """Return what is wrong with a device, "" for nothing."""
    for each in found.devices:
        if (each.kind, each.id) == (kind, device):
            return each.fault
    return "it is not there any more"
