"""``hw_requires``: a test asks for something while it runs, and is skipped where its host does not have it.

For what a marker cannot say: conditions that depend on a parameter, a file, another fixture. The host is probed here,
for the families that are asked for, once in each process (and what is slow is kept on the host). What no probe can
tell comes from the controller: ``workerinput["hw_owned"]`` has the facts that the host's owner vouches for, and
``workerinput["hw_profile"]`` is all there is to know of a simulated host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_disttest import markers
from pytest_disttest.errors import BadMarker
from pytest_disttest.match import why_not
from pytest_disttest.match.profiles import read_facts, read_profile
from pytest_disttest.model import Capabilities, Demand
from pytest_disttest.needs import families_asked
from pytest_disttest.worker.facts import host_facts

OBSERVED = ("os", "arch", "cpu.processors", "hostname")
LIMIT_S = 30.0
"""How long a test waits for the probes, which have limits of their own."""

_KNOWN: pytest.StashKey[dict[frozenset[str], Capabilities]] = pytest.StashKey()


def require(node: pytest.Item, *conditions: str, **needs: Any) -> None:
    """Skip the running test unless this host has what is asked for, in the words of the ``hw`` mark.

    What could not be found out is not there. Raises BadMarker for words that the mark would not take, and for what can
    only be granted before a test begins: a share of a device, or the host for oneself.
    """
    __tracebackhide__ = True
    demand = markers.demand_of([("hw", conditions, needs)], node.nodeid)
    if demand._replace(alternatives=Demand().alternatives, workload="") != Demand():
        raise BadMarker(
            "hw_requires() takes conditions only", place=node.nodeid, hint="say the rest with @pytest.mark.hw(…)"
        )
    name = str(_workerinput(node.config).get("hw_host", "local"))
    why = why_not(demand, {name: _capabilities(node.config, families_asked(demand))})
    if why:
        pytest.skip(f"host {name} lacks what the test asks for: {why}")


def _capabilities(config: pytest.Config, families: frozenset[str]) -> Capabilities:
    told = _workerinput(config).get("hw_profile")
    if told is not None:
        return read_profile(told)
    known = config.stash.setdefault(_KNOWN, {})
    if families not in known:
        known[families] = _probed(families, _workerinput(config).get("hw_owned", {}))
    return known[families]


def _probed(families: frozenset[str], owned: Mapping[str, Any]) -> Capabilities:
    from pytest_disttest.worker.probing import probe_host

    found = read_profile(probe_host(families, limit_s=LIMIT_S)) if families else Capabilities()
    basic = {key: value for key, value in host_facts().items() if key in OBSERVED}
    facts = {**read_facts(basic), **found.facts}
    vouched = {key: value for key, value in read_facts(owned).items() if key not in facts or _is_its_owners(key)}
    unknown = {key: why for key, why in found.unknown.items() if key not in vouched}
    return found._replace(facts={**facts, **vouched}, unknown=unknown)


def _is_its_owners(key: str) -> bool:
    """Whether nobody but its owner can say this of a host."""
    return key == "tag" or key.startswith("resource.")


def _workerinput(config: pytest.Config) -> dict[str, Any]:
    found: dict[str, Any] = getattr(config, "workerinput", {})
    return found
