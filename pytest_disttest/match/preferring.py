"""How much a test would like a host, beyond what it needs."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_disttest.model import Capabilities, Demand, Device, Preference, Requirement

from .groups import alternatives_of, is_count
from .lookup import MET, answer, devices_of
from .matcher import devices_for, meets_alternative
from .operators import as_number, owner_of, tester


def preference(demand: Demand, capabilities: Capabilities, others: Iterable[Capabilities]) -> float:
    """Return how well a host that fits serves the preferences of *demand*: from 0 (none) to 1 (all; or there are none).

    A preference counts with its weight where one of the devices that the test could be given meets it. ``max`` and
    ``min`` count in proportion, between the least and the most that this host and *others* (those that fit) have.
    """
    total = sum(each.weight for each in demand.prefer)
    if not total:
        return 1.0
    fleet = [capabilities, *others]
    return sum(each.weight * _degree(each, demand, capabilities, fleet) for each in demand.prefer) / total


def _degree(preferred: Preference, demand: Demand, capabilities: Capabilities, fleet: Iterable[Capabilities]) -> float:
    wish = preferred.requirement
    if wish.operator not in ("max", "min"):
        return 1.0 if _is_met(wish, demand, capabilities) else 0.0
    mine = _most(wish, demand, capabilities)
    amounts = [amount for each in fleet if (amount := _most(wish, demand, each)) is not None]
    if mine is None:
        return 0.0
    least, most = min(amounts), max(amounts)
    if least == most:
        return 1.0
    part = (mine - least) / (most - least)
    return part if wish.operator == "max" else 1.0 - part


def _is_met(wish: Requirement, demand: Demand, capabilities: Capabilities) -> bool:
    test, kind = tester(wish), owner_of(wish.key)
    if not kind:
        return answer(wish, test, capabilities.facts, (capabilities.unknown,)).status == MET
    devices = _candidates(kind, wish, demand, capabilities)
    if is_count(wish):
        return test(len(devices))
    return any(answer(wish, test, d.facts, (d.unknown, capabilities.unknown)).status == MET for d in devices)


def _most(wish: Requirement, demand: Demand, capabilities: Capabilities) -> float | None:
    """Return the amount that a host has, of devices that of the best one; None without one."""
    kind = owner_of(wish.key)
    if not kind:
        facts = [capabilities.facts]
    else:
        devices = _candidates(kind, wish, demand, capabilities)
        if is_count(wish):
            return len(devices)
        facts = [device.facts for device in devices]
    amounts = [n for each in facts if (have := each.get(wish.key)) is not None and (n := as_number(have)) is not None]
    if not amounts:
        return None
    return max(amounts) if wish.operator == "max" else min(amounts)


def _candidates(kind: str, wish: Requirement, demand: Demand, capabilities: Capabilities) -> list[Device]:
    """Return the devices of *kind* that the test could be given; all that count, where it asks for none."""
    found: dict[str, Device] = {}
    for alternative in alternatives_of(demand):
        if meets_alternative(alternative, capabilities):
            found |= {device.id: device for device in devices_for(alternative, capabilities).get(kind, ())}
    return list(found.values()) or list(devices_of(capabilities, kind, software=wish.key == "gpu.kind"))
