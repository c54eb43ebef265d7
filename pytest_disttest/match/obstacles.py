"""What keeps a host from an alternative: the smallest sets of conditions without which it would fit.

A host's own conditions must each hold, so all that do not are in its way. Of devices there may be several ways out:
to give up what one device lacks, or to ask for fewer of those that lack nothing. Sets of conditions are the bits of
an int, by their place in the alternative; which of several equally small sets comes first is settled by these bits,
never by the order of hosts or devices.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Final, NamedTuple

from pytest_disttest.model import Requirement

from .fleet import Fleet, bits
from .groups import Alternative, Group, parted
from .lookup import MET
from .operators import tester

MOST_WAYS: Final = 4
_MOST_DEVICES: Final = 6
"""Of so many devices, those that lack the least, pairs are tried: a way out that needs two of them at once."""


class Way(NamedTuple):
    """Conditions to give up, and what is left then: the *devices* (rows by kind) that would do, of each kind asked."""

    conditions: int
    devices: tuple[tuple[str, tuple[int, ...]], ...] = ()


class Obstacles:
    """What is in the way of hosts, group by group; what was found out for a group is kept."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._groups: dict[tuple[Group, tuple[int, ...], tuple[int, ...]], dict[int, tuple[Way, ...]]] = {}

    def ways(self, alternative: Alternative, hosts: int) -> dict[int, tuple[Way, ...]]:
        """Return by host (a row of *hosts*) the ways out, the smallest first: one empty one where it fits as it is."""
        own, groups = parted(alternative)
        missing = dict.fromkeys(bits(hosts), 0)
        places: dict[Requirement, int] = {}
        for place, requirement in enumerate(alternative):
            places.setdefault(requirement, place)
        for requirement in own:
            for row in bits(hosts & ~self._fleet.hosts.judged(requirement).met):
                missing[row] |= 1 << places[requirement]
        if not groups:
            return {row: (Way(conditions),) for row, conditions in missing.items()}
        by_group = [self._group_ways(group, places) for group in groups]
        return {
            row: _combined(conditions, [ways.get(row, (Way(0),)) for ways in by_group])
            for row, conditions in missing.items()
        }

    def _group_ways(self, group: Group, places: dict[Requirement, int]) -> dict[int, tuple[Way, ...]]:
        each, count = tuple(places[r] for r in group.each), tuple(places[r] for r in group.number)
        found = self._groups.get((group, each, count))
        if found is None:
            met = self._fleet.group(group).met
            rows = bits(self._fleet.everywhere & ~met)
            found = self._groups[group, each, count] = {row: self._ways_on(group, each, count, row) for row in rows}
        return found

    def _ways_on(self, group: Group, each: Sequence[int], count: Sequence[int], row: int) -> tuple[Way, ...]:
        """Return the ways out of one host for one kind of device."""
        lacking = self._lacking(group, each, row)
        everything = sum(1 << place for place in (*each, *count))
        if group.is_ban:
            # Where nobody could look for devices nothing can be said of what they have.
            held = everything if row in self._fleet.devices(group.kind).open else 0
            for missing in lacking.values():
                held |= missing
            return (Way(held),)
        ways = [_give_up(group, count, lacking, conditions) for conditions in _candidates(lacking)]
        found = [way for way in ways if way is not None]
        return _smallest([*found, Way(everything)])

    def _lacking(self, group: Group, each: Sequence[int], row: int) -> dict[int, int]:
        """Return by device the conditions that it is not known to meet."""
        kind = self._fleet.devices(group.kind)
        rows = kind.of_host[row] & self._fleet.counted(group)
        for requirement in group.each:
            if requirement.key == "gpu.kind":
                # Without this condition a renderer in software would not count at all.
                rows &= ~kind.software | kind.table.judged(requirement).met
        lacking = dict.fromkeys(bits(rows), 0)
        for place, requirement in zip(each, group.each, strict=True):
            met = kind.table.judged(requirement).met
            for device in lacking:
                if not met >> device & 1:
                    lacking[device] |= 1 << place
        return lacking


def _candidates(lacking: dict[int, int]) -> list[int]:
    """Return sets of conditions whose loss could help: what one device lacks, and what two of them do."""
    single = sorted(set(lacking.values()), key=_size)
    pairs = {one | other for one, other in combinations(single[:_MOST_DEVICES], 2)}
    return sorted({0, *single, *pairs}, key=_size)


def _give_up(group: Group, count: Sequence[int], lacking: dict[int, int], conditions: int) -> Way | None:
    """Return the way out by giving up *conditions* on devices, and those on their number that do not hold then."""
    left = tuple(device for device, missing in lacking.items() if not missing & ~conditions)
    if not left and group.least:
        return None
    number = len(left)
    refused = sum(1 << place for place, r in zip(count, group.number, strict=True) if not tester(r)(number))
    if not refused and group.enough(number, number) != MET:
        return None
    return Way(conditions | refused, ((group.kind, left),))


def _combined(own: int, by_group: Sequence[Sequence[Way]]) -> tuple[Way, ...]:
    ways = []
    for chosen in product(*by_group):
        conditions = own
        for way in chosen:
            conditions |= way.conditions
        ways.append(Way(conditions, tuple(devices for way in chosen for devices in way.devices)))
    return _smallest(ways)


def _smallest(ways: Sequence[Way]) -> tuple[Way, ...]:
    """Return the ways of which no other gives up a part only, the smallest first, at most MOST_WAYS."""
    kept: list[Way] = []
    for way in sorted(ways, key=lambda way: (_size(way.conditions), len(way.devices) == 0)):
        if not any(other.conditions & ~way.conditions == 0 for other in kept):
            kept.append(way)
    return tuple(kept[:MOST_WAYS])


def _size(conditions: int) -> tuple[int, int]:
    return conditions.bit_count(), conditions
