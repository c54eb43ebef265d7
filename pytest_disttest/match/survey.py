"""What a fleet shows of each key: the value that comes nearest on each host, the best ones, the near misses."""

from __future__ import annotations

from typing import Final, NamedTuple

from pytest_disttest.model import Requirement, Value

from .fleet import Fleet, bits
from .operators import ORDER, UPWARD, as_number, kind_of, owner_of, rank
from .shown import shown

NEAR: Final = 0.05
"""A number that misses by at most so much of what is wanted is a near miss: an "80 GB" device has 79.65 GiB."""


class Have(NamedTuple):
    """A value on a host. *value* is None where several devices differ and none of them is the nearest."""

    text: str
    value: Value | None = None


class Seen(NamedTuple):
    """A value and the hosts that have it, sorted."""

    text: str
    hosts: tuple[str, ...]


class NearMiss(NamedTuple):
    """A host that misses a number by *gap*, as a part of what is wanted (0.004: 0.4 %)."""

    host: str
    text: str
    gap: float


class Survey:
    """A fleet, and what its hosts show of the keys that tests ask for; what was looked up once is kept."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self._haves: dict[tuple[str, str, bool], tuple[Have | None, ...]] = {}
        self._seen: dict[tuple[str, str, bool], tuple[tuple[Have, int], ...]] = {}
        self._nearest: dict[tuple[str, str, bool], tuple[tuple[float, int, str], ...]] = {}

    def haves(self, requirement: Requirement, *, software: bool) -> tuple[Have | None, ...]:
        """Return by row of the fleet what a host has of a requirement's key, None where it has nothing.

        Of devices it is the value that comes nearest: the most for ``>=``, the least for ``<=``.
        """
        name = self.name(requirement, software=software)
        if name not in self._haves:
            self._haves[name] = self._read_haves(*name)
        return self._haves[name]

    def seen(self, requirement: Requirement, *, software: bool) -> tuple[tuple[Have, int], ...]:
        """Return each value that is somewhere with the set of its hosts: the nearest first, else by its text."""
        name = self.name(requirement, software=software)
        if name not in self._seen:
            self._seen[name] = self._read_seen(*name)
        return self._seen[name]

    def name(self, requirement: Requirement, *, software: bool) -> tuple[str, str, bool]:
        """Return all that what a host shows depends on: the key, which way is nearer, whether renderers count."""
        return requirement.key, direction(requirement), software and bool(owner_of(requirement.key))

    def why_unknown(self, requirement: Requirement, row: int) -> str:
        """Return why a host's answer to a requirement is unknown."""
        kind = owner_of(requirement.key)
        if not kind:
            return self.fleet.hosts.column(requirement.key).whys.get(row, "not known")
        devices = self.fleet.devices(kind)
        if row in devices.open:
            return devices.open[row]
        whys = devices.table.column(requirement.key).whys
        return next((whys[place] for place in bits(devices.of_host[row]) if place in whys), "not known")

    def near_misses(self, requirement: Requirement, missing: int, *, software: bool) -> tuple[NearMiss, ...]:
        """Return the hosts among *missing* whose number misses by at most NEAR, the nearest first."""
        found = []
        for number, row, text in self._numbers(requirement, software=software):
            gap = gap_of(requirement, number)
            if gap is None or gap > NEAR:
                break
            if missing >> row & 1:
                found.append((gap, self.fleet.names[row], text))
        return tuple(NearMiss(host, text, gap) for gap, host, text in sorted(found))

    def _numbers(self, requirement: Requirement, *, software: bool) -> tuple[tuple[float, int, str], ...]:
        """Return the numbers that hosts have of a requirement's key, with row and text, the nearest first."""
        name = self.name(requirement, software=software)
        found = self._nearest.get(name)
        if found is None:
            haves = enumerate(self.haves(requirement, software=software))
            seen = [(row, have.text, have.value) for row, have in haves if have is not None and have.value is not None]
            known = [(number, row, text) for row, text, value in seen if (number := as_number(value)) is not None]
            known.sort(key=lambda each: each[0], reverse=direction(requirement) == "up")
            found = self._nearest[name] = tuple(known)
        return found

    def named(self, have: Have, rows: int) -> Seen:
        """Return a value with the names of its hosts."""
        return Seen(have.text, tuple(self.fleet.names[row] for row in bits(rows)))

    def _read_haves(self, key: str, order: str, software: bool) -> tuple[Have | None, ...]:
        if not owner_of(key):
            facts = [offered.facts.get(key) for offered in self.fleet.capabilities]
            return tuple(None if value is None else Have(shown(key, value), value) for value in facts)
        counted = self.fleet.counted(owner_of(key), software=software)
        return tuple(self._on_devices(key, order, counted, row) for row in range(len(self.fleet.names)))

    def _on_devices(self, key: str, order: str, counted: int, row: int) -> Have | None:
        kind = owner_of(key)
        devices = self.fleet.devices(kind)
        mine = list(bits(devices.of_host[row] & counted))
        if key == f"{kind}.count":
            return Have(str(len(mine)), len(mine)) if mine or row not in devices.open else None
        values = [value for place in mine if (value := devices.devices[place][1].facts.get(key)) is not None]
        if not values:
            return None
        ranks = [rank(kind_of(key), value) for value in values]
        if order and None not in ranks:
            best = (max if order == "up" else min)(range(len(values)), key=lambda place: ranks[place])
            return Have(shown(key, values[best]), values[best])
        texts = sorted({shown(key, value) for value in values})
        return Have(", ".join(texts), values[0] if len(texts) == 1 else None)

    def _read_seen(self, key: str, order: str, software: bool) -> tuple[tuple[Have, int], ...]:
        by_text: dict[str, tuple[Have, int]] = {}
        for row, have in enumerate(self._read_haves(key, order, software)):
            if have is not None:
                by_text[have.text] = have, by_text.get(have.text, (have, 0))[1] | 1 << row
        found = sorted(by_text.values(), key=lambda each: each[0].text)
        ranks = {have.text: rank(kind_of(key), have.value) for have, _ in found if have.value is not None}
        if order and len(ranks) == len(found) and None not in ranks.values():
            found.sort(key=lambda each: ranks[each[0].text], reverse=order == "up")
        return tuple(found)


def direction(requirement: Requirement) -> str:
    """Return whether more (``up``) or less (``down``) comes nearer to a requirement, "" where neither does."""
    if requirement.operator not in (*ORDER, "max", "min"):
        return ""
    return "up" if requirement.operator in UPWARD else "down"


def gap_of(requirement: Requirement, value: Value | None) -> float | None:
    """Return by which part of the wanted number *value* misses it, None where that means nothing."""
    if requirement.operator not in ORDER or kind_of(requirement.key) not in ("number", "size"):
        return None
    limit, number = as_number(requirement.value), None if value is None else as_number(value)
    if limit is None or number is None or limit <= 0:
        return None
    missing = limit - number if direction(requirement) == "up" else number - limit
    return max(0.0, missing / limit)
