"""Many hosts judged at once: each distinct requirement is looked at once, whatever number of tests asks for it.

Theory of operation: hosts, and the devices of each kind, are the rows of tables; a set of rows is the bits of an int.
A table keeps for each key which values there are and in which rows. A requirement is tested against the distinct
values only, and what several ask together is an AND of ints. Thousands of different limits make few different sets
of rows, so what follows from sets of devices (are there enough on a host?) is kept by these sets, and what follows
from an alternative as a whole by the codes of its facets. What the answers mean stands in `lookup` and `groups`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pytest_disttest.model import Capabilities, Device, Requirement, Value

from .groups import Alternative, enough, is_count, least, speaks_of_kind, unlimited
from .lookup import MET, UNKNOWN, absence_meets, counts, why_unknown
from .operators import kind_of, listed, owner_of, tester


class Judged(NamedTuple):
    """Sets of rows as bits: those that meet what was asked, those that may."""

    met: int
    unknown: int


class Column(NamedTuple):
    """One key in all rows: its values and where they are, where it is unknown and why, where it is not had."""

    values: tuple[tuple[Value, int], ...]
    unknown: int
    absent: int
    whys: Mapping[int, str]


class Facet(NamedTuple):
    """What a requirement is to a fleet: *rows* are hosts, or devices of its *kind* (none for one on their number).

    Requirements that differ only in limits between which no host lies have the same *code*.
    """

    requirement: Requirement
    kind: str
    is_number: bool
    rows: Judged
    code: int


class Quota(NamedTuple):
    """How many devices are asked for: by conditions on their *number*, or one where conditions are on *each*.

    *is_ban* where no device is asked for, for they may only lack something.
    """

    number: tuple[Requirement, ...] = ()
    each: bool = False
    is_ban: bool = True

    def joined(self, facet: Facet) -> Quota:
        """Return the quota with one requirement more."""
        if facet.is_number:
            return Quota((*self.number, facet.requirement), self.each, is_ban=False)
        return Quota(self.number, each=True, is_ban=self.is_ban and facet.requirement.operator == "absent")

    @property
    def least(self) -> int:
        """How many devices must be there; 0 where none is asked for."""
        return 0 if self.is_ban else least(self.number, 1 if self.each else 0)


class Table:
    """Rows of facts, each with what is unknown of it (the nearer first)."""

    def __init__(self, rows: Sequence[tuple[Mapping[str, Value], tuple[Mapping[str, str], ...]]]) -> None:
        self._rows = rows
        self._columns: dict[str, Column] = {}

    def column(self, key: str) -> Column:
        """Return the column of *key*."""
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = self._read(key)
        return found

    def judged(self, requirement: Requirement) -> Judged:
        """Return the rows that meet *requirement* alone, and those that may."""
        test, column = tester(requirement), self.column(requirement.key)
        met = 0
        for value, rows in column.values:
            if test(value):
                met |= rows
        if column.absent and absence_meets(requirement, test):
            met |= column.absent
        return Judged(met, column.unknown)

    def _read(self, key: str) -> Column:
        kind = owner_of(key)
        values: dict[Any, tuple[Value, int]] = {}
        unknown = absent = 0
        whys = {}
        for row, (facts, unknowns) in enumerate(self._rows):
            value = facts.get(key)
            if value is not None:
                # Python takes True, 1 and 1.0 for the same key of a dict.
                name = (type(value), listed(value) if isinstance(value, tuple | list) else value)
                values[name] = value, values.get(name, (value, 0))[1] | 1 << row
            elif why := why_unknown(key, kind, unknowns):
                unknown |= 1 << row
                whys[row] = why
            else:
                absent |= 1 << row
        return Column(tuple(values.values()), unknown, absent, whys)


class DeviceRows(NamedTuple):
    """The devices of one kind without a fault: *of_host* has the rows of each host, *software* those of renderers.

    *open* are the hosts on which nobody could look for devices, with the reason.
    """

    table: Table
    devices: tuple[tuple[int, Device], ...]
    of_host: tuple[int, ...]
    everything: int
    software: int
    open: Mapping[int, str]


class Fleet:
    """Hosts with known capabilities, and what was found out about them so far. *names* are sorted."""

    def __init__(self, hosts: Mapping[str, Capabilities]) -> None:
        self.names = tuple(sorted(hosts))
        self.capabilities = tuple(hosts[name] for name in self.names)
        self.everywhere = (1 << len(self.names)) - 1
        self.drained = sum(1 << row for row, offered in enumerate(self.capabilities) if offered.drained)
        self.hosts = Table([(offered.facts, (offered.unknown,)) for offered in self.capabilities])
        self._kinds: dict[str, DeviceRows] = {}
        self._facets: dict[Requirement, Facet] = {}
        self._enough: dict[tuple[str, int, int, int, Quota], Judged] = {}
        self._sets: dict[int, frozenset[str]] = {}
        self._codes: dict[tuple[object, ...], int] = {}
        self._wholes: dict[tuple[int, ...], Judged] = {}
        self._alone: dict[tuple[int, bool], Judged] = {}

    def named(self, hosts: int) -> frozenset[str]:
        """Return the names of a set of hosts; equal sets are one object."""
        found = self._sets.get(hosts)
        if found is None:
            found = self._sets[hosts] = frozenset(self.names[row] for row in bits(hosts))
        return found

    def fitting(self, alternatives: Sequence[Alternative]) -> int:
        """Return the hosts that meet one of the *alternatives* and are not drained."""
        met = 0
        for alternative in alternatives:
            met |= self.judged(alternative).met
        return met & ~self.drained

    def judged(self, alternative: Alternative) -> Judged:
        """Return the hosts, drained or not, that meet an alternative as a whole, and those that may: its last step."""
        facets = [self.facet(requirement) for requirement in alternative]
        name = tuple([facet.code for facet in facets])
        found = self._wholes.get(name)
        if found is None:
            found = self._wholes[name] = self._whole(facets, software=speaks_of_kind(alternative))
        return found

    def _whole(self, facets: Sequence[Facet], *, software: bool) -> Judged:
        met = possible = self.everywhere
        kinds: dict[str, list[Facet]] = {}
        for facet in facets:
            if facet.kind:
                kinds.setdefault(facet.kind, []).append(facet)
            else:
                met &= facet.rows.met
                possible &= facet.rows.met | facet.rows.unknown
        for kind, asked in kinds.items():
            found = self._together(kind, asked, self.counted(kind, software=software))
            met &= found.met
            possible &= found.met | found.unknown
        return Judged(met, possible & ~met)

    def _together(self, kind: str, facets: Sequence[Facet], counted: int) -> Judged:
        """Return the hosts on which enough of the devices that are *counted* are all that *facets* ask, and may be."""
        sure = maybe = counted
        quota = Quota()
        for facet in facets:
            quota = quota.joined(facet)
            if not facet.is_number:
                sure &= facet.rows.met
                maybe &= facet.rows.met | facet.rows.unknown
        return self.enough(kind, sure, maybe, quota, counted=counted)

    def steps(self, alternative: Alternative) -> tuple[Judged, ...]:
        """Return for each requirement the hosts that meet it and all before it, and those that may."""
        software = speaks_of_kind(alternative)
        met = possible = self.everywhere
        rows: dict[str, tuple[int, int, Quota]] = {}
        groups: dict[str, Judged] = {}
        steps = []
        for requirement in alternative:
            facet = self.facet(requirement)
            if not facet.kind:
                met &= facet.rows.met
                possible &= facet.rows.met | facet.rows.unknown
            else:
                counted = self.counted(facet.kind, software=software)
                sure, maybe, quota = rows.get(facet.kind, (counted, counted, Quota()))
                quota = quota.joined(facet)
                if not facet.is_number:
                    sure &= facet.rows.met
                    maybe &= facet.rows.met | facet.rows.unknown
                rows[facet.kind] = sure, maybe, quota
                groups[facet.kind] = self.enough(facet.kind, sure, maybe, quota, counted=counted)
            sure, maybe = met, possible
            for found in groups.values():
                sure &= found.met
                maybe &= found.met | found.unknown
            steps.append(Judged(sure, maybe & ~sure))
        return tuple(steps)

    def alone(self, requirement: Requirement, *, software: bool) -> Judged:
        """Return the hosts that meet one requirement alone, and those that may; *software* renderers count or not."""
        facet = self.facet(requirement)
        if not facet.kind:
            return facet.rows
        name = facet.code, software
        found = self._alone.get(name)
        if found is None:
            counted = self.counted(facet.kind, software=software)
            found = self._alone[name] = self._together(facet.kind, [facet], counted)
        return found

    def facet(self, requirement: Requirement) -> Facet:
        """Return what a requirement is to this fleet."""
        found = self._facets.get(requirement)
        if found is None:
            kind, is_number = owner_of(requirement.key), is_count(requirement)
            table = self.devices(kind).table if kind else self.hosts
            rows = Judged(0, 0) if is_number else table.judged(requirement)
            code = self._code(requirement, rows, is_number=is_number)
            found = self._facets[requirement] = Facet(requirement, kind, is_number, rows, code)
        return found

    def _code(self, requirement: Requirement, rows: Judged, *, is_number: bool) -> int:
        """Return the number of all requirements with which the same follows for every host; see ``Facet``.

        Their limits count where they are numbers of devices, or levels: these can be eased to an ancestor only.
        """
        counts = is_number or kind_of(requirement.key) == "level"
        name = requirement.key, requirement.operator, rows, requirement.value if counts else None
        return self._codes.setdefault(name, len(self._codes))

    def devices(self, kind: str) -> DeviceRows:
        """Return the devices of *kind* of all hosts."""
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = self._read(kind)
        return found

    def counted(self, kind: str, *, software: bool) -> int:
        """Return the devices that count, renderers in *software* or not."""
        devices = self.devices(kind)
        return devices.everything if software else devices.everything & ~devices.software

    def enough(self, kind: str, sure: int, maybe: int, quota: Quota, *, counted: int) -> Judged:
        """Return the hosts on which the devices *sure* are enough, and those on which these and *maybe* may be."""
        name = kind, sure, maybe, counted, quota
        found = self._enough.get(name)
        if found is None:
            found = self._enough[name] = self._judged(kind, sure, maybe, quota, counted)
        return found

    def _judged(self, kind: str, sure: int, maybe: int, quota: Quota, counted: int) -> Judged:
        devices = self.devices(kind)
        floor = min(1, quota.least)
        met = unknown = 0
        for row, mine in enumerate(devices.of_host):
            if quota.is_ban:
                status = _ban(mine & counted, sure, maybe, unsure=row in devices.open)
            else:
                possible = (mine & maybe).bit_count()
                possible = unlimited(possible) if row in devices.open else possible
                status = enough(quota.number, floor, (mine & sure).bit_count(), possible)
            if status == MET:
                met |= 1 << row
            elif status == UNKNOWN:
                unknown |= 1 << row
        return Judged(met, unknown)

    def _read(self, kind: str) -> DeviceRows:
        devices: list[tuple[int, Device]] = []
        of_host = []
        for row, offered in enumerate(self.capabilities):
            mine = [(row, each) for each in offered.devices if each.kind == kind and counts(each, software=True)]
            of_host.append(((1 << len(mine)) - 1) << len(devices))
            devices += mine
        return DeviceRows(
            Table([(device.facts, (device.unknown, self.capabilities[row].unknown)) for row, device in devices]),
            tuple(devices),
            tuple(of_host),
            (1 << len(devices)) - 1,
            sum(1 << place for place, (_, device) in enumerate(devices) if not counts(device, software=False)),
            {
                row: why
                for row, offered in enumerate(self.capabilities)
                if (why := why_unknown(f"{kind}.count", kind, (offered.unknown,)))
            },
        )


@lru_cache(maxsize=1 << 16)
def bits(rows: int) -> tuple[int, ...]:
    """Return the rows of a set, the lowest first: few sets are asked for again and again."""
    found = []
    while rows:
        lowest = rows & -rows
        found.append(lowest.bit_length() - 1)
        rows ^= lowest
    return tuple(found)


def _ban(mine: int, sure: int, maybe: int, *, unsure: bool) -> str:
    """Return whether all devices of a host lack what they must not have."""
    if mine & ~maybe:
        return "unmet"
    return UNKNOWN if unsure or mine & ~sure else MET
