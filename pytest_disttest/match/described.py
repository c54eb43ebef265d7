"""What a host has, from all who tell: its agent's hello, its probes, its owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pytest_disttest.model import Capabilities, Host, Value
from pytest_disttest.needs import family_of_key, probed_keys

from .operators import listed
from .vouched import with_declared

BASIC: Final = ("os", "arch", "cpu.processors", "hostname")
"""What every agent says at its start, unasked."""
NOT_ASKED: Final = "not probed"


def described(
    host: Host, hello: Mapping[str, Any], found: Capabilities | None, asked: Iterable[str] = ()
) -> Capabilities:
    """Return what *host* has: the basic facts of *hello*, what its probes *found*, and what its owner says.

    A family of facts that is not among those *asked* for is unknown. A simulated host is what its file says; what that
    leaves out of the basic facts is this machine's.
    """
    told = host.simulated or found or Capabilities()
    facts: dict[str, Value] = {**basic_facts(hello), **told.facts}
    unknown = dict(told.unknown)
    if host.simulated is None:
        unknown = {**_not_asked(frozenset(asked), facts), **unknown}
    observed = told._replace(facts=facts, unknown=unknown)
    judged = with_declared(observed, dict(host.declared)) if host.declared else observed
    tags = dict.fromkeys((*listed(facts.get("tag", ())), *host.tags))
    return judged._replace(facts={**judged.facts, **owned(host), "tag": tuple(tags)})


def basic_facts(hello: Mapping[str, Any]) -> dict[str, Value]:
    """Return the facts in an agent's hello, by keys of the vocabulary."""
    facts: dict[str, Value] = {key: hello[key] for key in BASIC if key in hello}
    if "python" in hello:
        facts["python.version"] = hello["python"]
    return facts | _frozen(hello.get("lab", {}))


def _frozen(facts: Mapping[str, Any]) -> dict[str, Value]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}


def owned(host: Host) -> dict[str, Value]:
    """Return what only its owner can say of a host: its tags and its pools."""
    return {"tag": tuple(host.tags), **{f"resource.{name}": units for name, units in host.pools}}


def families_declared(host: Host) -> frozenset[str]:
    """Return the families that must be asked for to see whether the host has what its owner declares."""
    return frozenset(family for key, _ in host.declared if (family := family_of_key(key)))


def merged(known: Capabilities | None, told: Capabilities) -> Capabilities:
    """Return two answers of one host as one: what the later one tells of a key counts."""
    if known is None:
        return told
    ids = {(device.kind, device.id) for device in told.devices}
    facts = {**known.facts, **told.facts}
    unknown = {key: why for key, why in {**known.unknown, **told.unknown}.items() if key not in facts}
    return Capabilities(
        facts=facts,
        devices=(*(device for device in known.devices if (device.kind, device.id) not in ids), *told.devices),
        unknown=unknown,
        degraded=tuple(dict.fromkeys((*known.degraded, *told.degraded))),
        drained=told.drained or known.drained,
        hw_class=told.hw_class or known.hw_class,
        host_id=told.host_id or known.host_id,
        sw_env=told.sw_env or known.sw_env,
    )


def unanswered(families: Iterable[str], why: str) -> Capabilities:
    """Return the answer of a host that gives none: nothing is known of what it was asked."""
    asked = frozenset(families)
    return Capabilities(unknown={key: why for key, family in probed_keys().items() if family in asked})


def _not_asked(asked: frozenset[str], facts: Mapping[str, Value]) -> dict[str, str]:
    return {key: NOT_ASKED for key, family in probed_keys().items() if family not in asked and key not in facts}
