"""Which devices of a host an alternative may take: stands in until the matcher of devices lies here."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_disttest.model import Capabilities, Device, Requirement
from pytest_disttest.needs.vocabulary import kind_of_device

from .matcher import satisfies


def meets_alternative(alternative: Sequence[Requirement], capabilities: Capabilities) -> bool:
    """Whether a host, drained or not, meets every requirement of an alternative."""
    own = [r for r in alternative if not kind_of_device(r.key)]
    wanted, found = devices_wanted(alternative), devices_for(alternative, capabilities)
    return all(satisfies(r, capabilities.facts) for r in own) and all(
        len(found[kind]) >= count for kind, count in wanted.items()
    )


def devices_for(alternative: Sequence[Requirement], capabilities: Capabilities) -> dict[str, tuple[Device, ...]]:
    """Return by kind the devices that meet what *alternative* asks of one, in the host's order."""
    return {
        kind: tuple(
            device
            for device in capabilities.devices
            if device.kind == kind
            and not device.fault
            and all(
                satisfies(r, device.facts)
                for r in alternative
                if kind_of_device(r.key) == kind and not r.key.endswith(".count")
            )
        )
        for kind in devices_wanted(alternative)
    }


def devices_wanted(alternative: Sequence[Requirement]) -> dict[str, int]:
    """Return by kind how many devices an alternative asks for at least: 1 where it only says what one must be."""
    wanted: dict[str, int] = {}
    for requirement in alternative:
        kind = kind_of_device(requirement.key)
        if kind:
            count = requirement.value if requirement.key.endswith(".count") else 1
            wanted[kind] = max(wanted.get(kind, 0), count if isinstance(count, int) else 1)
    return wanted
