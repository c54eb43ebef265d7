"""Tests whose devices others hold as the run begins: that is said then, and not only when they come to wait.

Hosts are asked who holds their devices when they are asked what they have. A test for which all that is left elsewhere
does not do is *pending*. It takes part in the run all the same: it waits for the device, or goes where one gets free.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_disttest.match.explaining import Explainer
from pytest_disttest.match.explanation import FITS, READY, Explanation, Standing
from pytest_disttest.model import Capabilities, Demand
from pytest_disttest.reports.hosts import lease_words

CODE: Final = "LEASED"

Leases = Mapping[str, Sequence[Mapping[str, Any]]]
"""By host, a row for each of its devices that somebody holds; see `worker.leases.read_leases`."""


class Leased:
    """Explains anew what fits only where *leases* are in the way. *hosts* are where they stand otherwise."""

    def __init__(self, hosts: Mapping[str, Standing], leases: Leases) -> None:
        held = {name: rows for name, rows in leases.items() if rows and hosts[name].state == READY}
        self._without = Explainer({**hosts, **{name: _without(hosts[name], rows) for name, rows in held.items()}})
        self._held = Explainer({**hosts, **{name: _held(hosts[name], rows) for name, rows in held.items()}})

    def told(self, demand: Demand, otherwise: Explanation) -> Explanation:
        """Return the explanation of *demand*: the one it has *otherwise*, or that it is pending."""
        if otherwise.verdict != FITS or self._without.explain(demand).verdict == FITS:
            return otherwise
        return self._held.explain(demand)


def _without(standing: Standing, rows: Sequence[Mapping[str, Any]]) -> Standing:
    """Return what is left of a host: what somebody holds is of no use."""
    has = standing.capabilities or Capabilities()
    held = {(row["kind"], row["id"]) for row in rows}
    devices = tuple(
        device._replace(fault=device.fault or "leased") if (device.kind, device.id) in held else device
        for device in has.devices
    )
    return standing._replace(capabilities=has._replace(devices=devices))


def _held(standing: Standing, rows: Sequence[Mapping[str, Any]]) -> Standing:
    now = time.time()
    return standing._replace(state="leased", reason="; ".join(lease_words(row, now) for row in rows))
