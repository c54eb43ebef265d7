"""What keeps a host from an alternative: the smallest sets of conditions without which it would fit.

A host's own conditions must each hold, so all that do not are in its way. Of devices there may be several ways out:
to give up what one device lacks, or to ask for fewer of those that lack nothing. A way out is a set of conditions:
the bits of an int, by their place in the alternative. Hosts with the same ways out are worked out together. Which of
several equally small sets comes first is settled by these bits, never by the order of hosts or devices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from typing import Final, NamedTuple

from .fleet import Facet, Fleet, Judged, Quota, bits
from .groups import Alternative, enough, speaks_of_kind, unlimited
from .lookup import MET

MOST_WAYS: Final = 4
_MOST_DEVICES: Final = 6
"""Of so many devices, those that lack the least, pairs are tried: a way out that needs two of them at once."""
_MOST_KEPT: Final = 64

Lacking = tuple[int, int]
"""The conditions that a device is not known to meet, and those that it does not."""

Part = tuple[int, tuple[int, ...]]
"""Hosts (as bits) and their ways out, the smallest first; the empty set of conditions where they fit."""


class _Asked(NamedTuple):
    """What is asked of one kind of device: places and facets of the conditions on each, and on the number of them.

    *counted* are the devices that count.
    """

    kind: str
    each: tuple[tuple[int, Facet], ...]
    number_facets: tuple[tuple[int, Facet], ...]
    quota: Quota
    counted: int

    @property
    def absent(self) -> int:
        """The conditions that say ``absent``: their sets of rows do not tell them from others."""
        return sum(1 << place for place, facet in self.each if facet.requirement.operator == "absent")

    @property
    def number(self) -> tuple[int, ...]:
        return tuple(place for place, _ in self.number_facets)


_Apart = tuple[list[tuple[int, Facet]], list[_Asked]]
"""An alternative taken apart: what is asked of the host itself, and of each kind of device."""


class Obstacles:
    """What is in the way of a fleet's hosts; what was found out for sets of devices is kept."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._parts: dict[tuple[object, ...], tuple[Part, ...]] = {}
        self._ways: dict[tuple[object, ...], tuple[int, ...]] = {}
        self._apart: dict[Alternative, _Apart] = {}

    def parts(self, alternative: Alternative, hosts: int) -> list[Part]:
        """Return *hosts* parted by their ways out."""
        own, kinds = self._taken_apart(alternative)
        by_conditions = {0: hosts}
        for place, facet in own:
            by_conditions = _split(by_conditions, 1 << place, facet.rows.met)
        found: list[Part] = [(rows, (conditions,)) for conditions, rows in by_conditions.items()]
        for asked in kinds:
            parts = self._device_parts(asked)
            found = [
                (both, _combined(ways, others))
                for rows, ways in found
                for others_rows, others in parts
                if (both := rows & others_rows)
            ]
        return found

    def devices_left(self, alternative: Alternative, row: int, conditions: int, kind: str) -> list[int]:
        """Return the devices of a host that meet all that is asked of one but for *conditions*."""
        asked = next(each for each in self._taken_apart(alternative)[1] if each.kind == kind)
        left = self._fleet.devices(kind).of_host[row] & _without_renderers(asked, self._fleet)
        for place, facet in asked.each:
            if not conditions >> place & 1:
                left &= facet.rows.met
        return list(bits(left))

    def _taken_apart(self, alternative: Alternative) -> _Apart:
        found = self._apart.get(alternative)
        if found is None:
            if len(self._apart) >= _MOST_KEPT:
                self._apart.clear()  # a demand comes back to its alternatives at once, or never
            found = self._apart[alternative] = self._take_apart(alternative)
        return found

    def _take_apart(self, alternative: Alternative) -> _Apart:
        software = speaks_of_kind(alternative)
        own: list[tuple[int, Facet]] = []
        by_kind: dict[str, list[tuple[int, Facet]]] = {}
        for place, requirement in enumerate(alternative):
            facet = self._fleet.facet(requirement)
            (by_kind.setdefault(facet.kind, []) if facet.kind else own).append((place, facet))
        kinds = []
        for kind, facets in by_kind.items():
            quota = Quota()
            for _, facet in facets:
                quota = quota.joined(facet)
            kinds.append(
                _Asked(
                    kind,
                    tuple((place, facet) for place, facet in facets if not facet.is_number),
                    tuple((place, facet) for place, facet in facets if facet.is_number),
                    quota,
                    self._fleet.counted(kind, software=software),
                )
            )
        return own, kinds

    def _device_parts(self, asked: _Asked) -> tuple[Part, ...]:
        """Return all hosts parted by the ways out for one kind of device."""
        each = tuple((place, facet.rows) for place, facet in asked.each)
        name = asked.kind, each, asked.absent, asked.number, asked.quota, asked.counted
        found = self._parts.get(name)
        if found is None:
            found = self._parts[name] = tuple(self._parted(asked, each))
        return found

    def _parted(self, asked: _Asked, each: tuple[tuple[int, Judged], ...]) -> Iterable[Part]:
        devices = self._fleet.devices(asked.kind)
        met = self._hosts_that_meet(asked)
        by_ways: dict[tuple[int, ...], int] = {(0,): met}
        usable = _without_renderers(asked, self._fleet)
        for row, mine in enumerate(devices.of_host):
            if not met >> row & 1:
                lacking = tuple(sorted(_lacking(each, device) for device in bits(mine & usable)))
                ways = self._ways_out(asked, lacking, is_open=row in devices.open)
                by_ways[ways] = by_ways.get(ways, 0) | 1 << row
        return ((rows, ways) for ways, rows in by_ways.items() if rows)

    def _hosts_that_meet(self, asked: _Asked) -> int:
        sure = maybe = asked.counted
        for _, facet in asked.each:
            sure &= facet.rows.met
            maybe &= facet.rows.met | facet.rows.unknown
        return self._fleet.enough(asked.kind, sure, maybe, asked.quota, counted=asked.counted).met

    def _ways_out(self, asked: _Asked, lacking: tuple[Lacking, ...], *, is_open: bool) -> tuple[int, ...]:
        """Return the ways out of a host whose devices lack these conditions."""
        name = lacking, tuple(place for place, _ in asked.each), asked.absent, asked.number, asked.quota, is_open
        found = self._ways.get(name)
        if found is None:
            found = self._ways[name] = _ways_out(asked, lacking, is_open=is_open)
        return found


def _ways_out(asked: _Asked, devices: Sequence[Lacking], *, is_open: bool) -> tuple[int, ...]:
    """Return the smallest of the sets of conditions that are worth a try and really help; all of them always do."""
    each = sum(1 << place for place, _ in asked.each)
    single = sorted({lacking for lacking, _ in devices}, key=_size)[:_MOST_DEVICES]
    tried = {0, *single, *(one | other for one, other in combinations(single, 2)), each, _but_absent(asked, devices)}
    numbers = [sum(some) for size in range(len(asked.number) + 1) for some in combinations(_bits(asked.number), size)]
    ways = {one | other for one, other in product(tried, numbers)}
    return _smallest(way for way in ways if _helps(asked, way, devices, is_open=is_open))


def _bits(places: Iterable[int]) -> list[int]:
    return [1 << place for place in places]


def _but_absent(asked: _Asked, devices: Sequence[Lacking]) -> int:
    """Return all conditions on a device, without those that say ``absent`` and hold for every device."""
    held = sum(1 << place for place, _ in asked.each) & ~asked.absent
    for lacking, _ in devices:
        held |= lacking & asked.absent
    return held


def _helps(asked: _Asked, given_up: int, devices: Sequence[Lacking], *, is_open: bool) -> bool:
    """Whether a host meets what is left once some conditions are given up: the rules of `groups` over again."""
    quota, kept = Quota(), 0
    for place, facet in (*asked.each, *asked.number_facets):
        if not given_up >> place & 1:
            quota = quota.joined(facet)
            kept |= 1 << place
    if not kept:
        return True
    sure = sum(not lacking & kept for lacking, _ in devices)
    if quota.is_ban:
        return sure == len(devices) and not is_open
    possible = sum(not failing & kept for _, failing in devices)
    return enough(quota.number, min(1, quota.least), sure, unlimited(possible) if is_open else possible) == MET


def _lacking(each: Iterable[tuple[int, Judged]], device: int) -> Lacking:
    lacking = failing = 0
    for place, rows in each:
        if not rows.met >> device & 1:
            lacking |= 1 << place
            if not rows.unknown >> device & 1:
                failing |= 1 << place
    return lacking, failing


def _without_renderers(asked: _Asked, fleet: Fleet) -> int:
    """Return the devices that count, without renderers in software that would not once ``gpu.kind`` is given up."""
    rows = asked.counted
    for _, facet in asked.each:
        if facet.requirement.key == "gpu.kind":
            rows &= ~fleet.devices(asked.kind).software | facet.rows.met
    return rows


def _split(by_conditions: dict[int, int], condition: int, met: int) -> dict[int, int]:
    """Part hosts further by one condition: those that meet it, and those that would have to give it up."""
    found: dict[int, int] = {}
    for conditions, rows in by_conditions.items():
        if rows & met:
            found[conditions] = rows & met
        if rows & ~met:
            found[conditions | condition] = rows & ~met
    return found


def _combined(ways: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    if len(ways) == len(others) == 1:
        return (ways[0] | others[0],)
    return _smallest([one | other for one, other in product(ways, others)])


def _smallest(ways: Iterable[int]) -> tuple[int, ...]:
    """Return the ways of which no other gives up a part only, the smallest first, at most MOST_WAYS."""
    kept: list[int] = []
    for way in sorted(set(ways), key=_size):
        if not any(other & ~way == 0 for other in kept):
            kept.append(way)
    return tuple(kept[:MOST_WAYS])


def _size(conditions: int) -> tuple[int, int]:
    return conditions.bit_count(), conditions
