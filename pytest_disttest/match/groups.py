"""An alternative taken apart: what is asked of the host itself, and what of each kind of device.

All that is asked of one kind must hold on one device, and ``KIND.count`` is about how many such devices there are.
Without a condition on the count one is enough. Where a count allows no device at all (``gpu.count = 0``), and where
every condition says ``absent``, no device is asked for: then it is about what the host must not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from pytest_disttest.model import Demand, Requirement
from pytest_disttest.needs import shown_size

from .lookup import MET, UNKNOWN, UNMET
from .operators import as_number, listed, owner_of, tester

Alternative = tuple[Requirement, ...]

_MOST: Final = 10_000
"""More devices than any host has: a bound where nobody says how many there may be."""


class Group(NamedTuple):
    """What an alternative asks of one kind of device.

    *each* are the conditions on a device, *number* those on how many there are. *software* is true where renderers in
    software count, because the alternative speaks of ``gpu.kind``.
    """

    kind: str
    each: tuple[Requirement, ...]
    number: tuple[Requirement, ...]
    software: bool

    @property
    def is_ban(self) -> bool:
        """Whether no device is asked for: all that is said is what none of them may have."""
        return not self.number and all(r.operator == "absent" for r in self.each)

    @property
    def least(self) -> int:
        """How many devices must be there; 0 where none is asked for."""
        return 0 if self.is_ban else least(self.number, 1 if self.each else 0)

    def enough(self, sure: int, possible: int) -> str:
        """Return whether *sure* devices do, where up to *possible* may meet the conditions: met, unmet or unknown."""
        return enough(self.number, min(1, self.least), sure, possible)


def alternatives_of(demand: Demand) -> tuple[Alternative, ...]:
    """Return a demand's alternatives; a share in bytes asks for a device that has them."""
    if not demand.share_bytes:
        return demand.alternatives
    return tuple(_with_share(alternative, demand.share_bytes) for alternative in demand.alternatives)


def _with_share(alternative: Alternative, size: int) -> Alternative:
    kinds = (group.kind for group in parted(alternative)[1] if group.least and group.kind != "browser")
    return (
        *alternative,
        *(Requirement(f"{kind}.memory", ">=", size, f"share of {shown_size(size)}") for kind in kinds),
    )


def is_count(requirement: Requirement) -> bool:
    """Whether a requirement is about the number of devices of a kind."""
    return requirement.key in ("gpu.count", "accel.count", "browser.count")


def speaks_of_kind(alternative: Sequence[Requirement]) -> bool:
    """Whether renderers in software count as GPUs here."""
    return "gpu.kind" in [requirement.key for requirement in alternative]


@lru_cache(maxsize=4096)
def parted(alternative: Alternative, *, software: bool | None = None) -> tuple[Alternative, tuple[Group, ...]]:
    """Return what is asked of the host, and of each kind of device, both in the order given.

    *software* overrules whether renderers in software count, for a part of a longer alternative.
    """
    own: list[Requirement] = []
    by_kind: dict[str, list[Requirement]] = {}
    for requirement in alternative:
        kind = owner_of(requirement.key)
        (by_kind.setdefault(kind, []) if kind else own).append(requirement)
    if software is None:
        software = speaks_of_kind(alternative)
    groups = (
        Group(
            kind, tuple(r for r in asked if not is_count(r)), tuple(r for r in asked if is_count(r)), software=software
        )
        for kind, asked in by_kind.items()
    )
    return tuple(own), tuple(groups)


def unlimited(devices: int) -> int:
    """Return how many devices there may be where *devices* are known and nobody could look for more."""
    return devices + _MOST


def _numbers(requirements: Sequence[Requirement]) -> list[float]:
    return [n for r in requirements for part in listed(r.value) if (n := as_number(part)) is not None]


@lru_cache(maxsize=4096)
def _allowed(number: tuple[Requirement, ...], devices: int) -> bool:
    return all(tester(r)(devices) for r in number)


@lru_cache(maxsize=4096)
def least(number: tuple[Requirement, ...], first: int) -> int:
    """Return the smallest number of devices from *first* on that the conditions on it allow, 0 where there is none."""
    reach = range(first, 2 + max((int(n) for n in _numbers(number)), default=0))
    return next((n for n in reach if _allowed(number, n)), 0)


@lru_cache(maxsize=4096)
def enough(number: tuple[Requirement, ...], floor: int, sure: int, possible: int) -> str:
    """Return whether the number of devices does, of which *sure* are there and at most *possible*.

    Met where every number that there can be is allowed, unmet where none is; fewer than *floor* never are. Past the
    greatest number that a condition names all numbers are alike.
    """
    alike = 2 + max((int(n) for n in _numbers(number)), default=0)
    tried = range(sure, max(sure, min(possible, max(alike, sure + 1))) + 1)
    allowed = [n >= floor and _allowed(number, n) for n in tried]
    return MET if all(allowed) else UNKNOWN if any(allowed) else UNMET
