"""What a host, or a device of it, says of a key: a value, that it has none, or that nobody could tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from pytest_disttest.model import Capabilities, Device, Requirement, Value

from .operators import Test, kind_of, owner_of

MET: Final = "met"
UNMET: Final = "unmet"
UNKNOWN: Final = "unknown"
"""The three answers. What is unknown matches nothing, and is told apart from a no."""

# What the owner says, which no probe looks for; all else that has no probe of its own is the system's.
_DECLARED: Final = ("tag", "resource", "location", "fact")


class Answer(NamedTuple):
    """One of the three answers; *have* is the value that was seen, None without one, *why* says why it is unknown."""

    status: str
    have: Value | None = None
    why: str = ""


def why_unknown(key: str, kind: str, unknowns: Iterable[Mapping[str, str]]) -> str:
    """Return why nobody could tell *key*, "" where it is not said to be unknown.

    Looks for the key itself, then for the families that it belongs to (``webgpu.limit.x``, ``webgpu.limit``,
    ``webgpu``), last for the *kind* of device ("" for a key of the host) or for the probe that would have found it:
    ``python`` for packages, ``system`` for what has no probe of its name. In each of *unknowns*, the nearer first.
    """
    for unknown in unknowns:
        if unknown:
            for name in _families(key, kind):
                if name in unknown:
                    return unknown[name] or "not known"
    return ""


def answer(
    requirement: Requirement, test: Test, facts: Mapping[str, Value], unknowns: Iterable[Mapping[str, str]]
) -> Answer:
    """Return whether *facts* meet a requirement, whose *test* it is.

    A fact that is there counts before what is said to be unknown. What is in neither is something that the host does
    not have: it meets ``absent``, and as an empty set what sets may not contain; nothing else, ``!=`` included.
    """
    key = requirement.key
    have = facts.get(key)
    if have is not None:
        return Answer(MET if test(have) else UNMET, have)
    why = why_unknown(key, owner_of(key), unknowns)
    if why:
        return Answer(UNKNOWN, None, why)
    return Answer(MET if absence_meets(requirement, test) else UNMET)


def absence_meets(requirement: Requirement, test: Test) -> bool:
    """Whether a host without the fact meets *requirement*."""
    return requirement.operator == "absent" or (kind_of(requirement.key) == "set" and test(()))


def devices_of(capabilities: Capabilities, kind: str, *, software: bool) -> tuple[Device, ...]:
    """Return the devices of *kind* that count: without a fault, software renderers only if *software* says so."""
    return tuple(device for device in capabilities.devices if device.kind == kind and counts(device, software=software))


def counts(device: Device, *, software: bool) -> bool:
    """Whether a device is one: a faulty one is of no use, and a renderer in software is no GPU unless asked for."""
    return not device.fault and (software or device.facts.get("gpu.kind") != "software")


@lru_cache(maxsize=1024)
def _families(key: str, kind: str) -> tuple[str, ...]:
    """Return the names under which *key* may be said to be unknown: its own first, last the probe that looks for it."""
    names = [key]
    while "." in names[-1]:
        names.append(names[-1].rpartition(".")[0])
    first = names[-1]
    if kind:
        names.append(kind)
    elif first == "package":
        names.append("python")
    elif first not in _DECLARED:
        names.append("system")
    return tuple(dict.fromkeys(names))
