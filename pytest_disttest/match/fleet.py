"""Many hosts judged at once: each distinct requirement is looked at once, whatever number of tests asks for it.

Theory of operation: hosts, and the devices of each kind, are the rows of tables; a set of rows is the bits of an int.
A table keeps for each key which values there are and in which rows. A requirement is tested against the distinct
values only, and what several ask together is an AND of ints. Fifty hosts and ten thousand tests then cost little more
than the distinct requirements do. What the answers mean stands in `lookup` and `groups`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_disttest.model import Capabilities, Device, Requirement, Value
from pytest_disttest.needs import kind_of_device

from .groups import Alternative, Group, parted, speaks_of_kind, unlimited
from .lookup import MET, UNKNOWN, absence_meets, counts, why_unknown
from .operators import listed, tester


class Judged(NamedTuple):
    """Sets of hosts as bits, in the order of the fleet's names: those that meet what was asked, those that may."""

    met: int
    unknown: int


class Column(NamedTuple):
    """One key in all rows: its values and where they are, where it is unknown and why, where it is not had."""

    values: tuple[tuple[Value, int], ...]
    unknown: int
    absent: int
    whys: Mapping[int, str]


class Table:
    """Rows of facts, each with what is unknown of it (the nearer first)."""

    def __init__(self, rows: Sequence[tuple[Mapping[str, Value], tuple[Mapping[str, str], ...]]]) -> None:
        self._rows = rows
        self._columns: dict[str, Column] = {}
        self._judged: dict[Requirement, Judged] = {}

    def column(self, key: str) -> Column:
        """Return the column of *key*."""
        found = self._columns.get(key)
        if found is None:
            found = self._columns[key] = self._read(key)
        return found

    def judged(self, requirement: Requirement) -> Judged:
        """Return the rows that meet *requirement* alone, and those that may."""
        found = self._judged.get(requirement)
        if found is None:
            test, column = tester(requirement), self.column(requirement.key)
            met = 0
            for value, rows in column.values:
                if test(value):
                    met |= rows
            if column.absent and absence_meets(requirement, test):
                met |= column.absent
            found = self._judged[requirement] = Judged(met, column.unknown)
        return found

    def _read(self, key: str) -> Column:
        kind = kind_of_device(key)
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
        self._groups: dict[Group, Judged] = {}
        self._sets: dict[int, frozenset[str]] = {}

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

    def judged(self, alternative: Alternative, *, software: bool | None = None) -> Judged:
        """Return the hosts, drained or not, that meet an alternative as a whole, and those that may."""
        own, groups = parted(alternative, software=software)
        met = possible = self.everywhere
        for requirement in own:
            found = self.hosts.judged(requirement)
            met &= found.met
            possible &= found.met | found.unknown
        for group in groups:
            found = self.group(group)
            met &= found.met
            possible &= found.met | found.unknown
        return Judged(met, possible & ~met)

    def alone(self, requirement: Requirement, alternative: Alternative) -> Judged:
        """Return the hosts that meet one requirement of an alternative alone, and those that may."""
        if not kind_of_device(requirement.key):
            return self.hosts.judged(requirement)
        return self.judged((requirement,), software=speaks_of_kind(alternative))

    def devices(self, kind: str) -> DeviceRows:
        """Return the devices of *kind* of all hosts."""
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = self._read(kind)
        return found

    def group(self, group: Group) -> Judged:
        """Return the hosts on which enough devices meet all that is asked of one, and those on which they may."""
        found = self._groups.get(group)
        if found is None:
            found = self._groups[group] = self._judged_group(group)
        return found

    def rows_for(self, group: Group) -> tuple[int, int]:
        """Return the devices that meet all that a group asks of one, and those that do or may."""
        kind = self.devices(group.kind)
        met = possible = self.counted(group)
        for requirement in group.each:
            found = kind.table.judged(requirement)
            met &= found.met
            possible &= found.met | found.unknown
        return met, possible

    def counted(self, group: Group) -> int:
        """Return the devices that count for a group."""
        kind = self.devices(group.kind)
        rows = (1 << len(kind.devices)) - 1
        return rows if group.software else rows & ~kind.software

    def _judged_group(self, group: Group) -> Judged:
        kind = self.devices(group.kind)
        counted = self.counted(group)
        rows, possible_rows = self.rows_for(group)
        met = unknown = 0
        for row, mine in enumerate(kind.of_host):
            if group.is_ban:
                status = _ban(mine & counted, rows, possible_rows, unsure=row in kind.open)
            else:
                possible = (mine & possible_rows).bit_count()
                status = group.enough((mine & rows).bit_count(), unlimited(possible) if row in kind.open else possible)
            if status == MET:
                met |= 1 << row
            elif status == UNKNOWN:
                unknown |= 1 << row
        return Judged(met, unknown)

    def _read(self, kind: str) -> DeviceRows:
        devices: list[tuple[int, Device]] = []
        of_host = []
        for row, offered in enumerate(self.capabilities):
            mine = [
                (row, device) for device in offered.devices if device.kind == kind and counts(device, software=True)
            ]
            of_host.append(((1 << len(mine)) - 1) << len(devices))
            devices += mine
        return DeviceRows(
            Table([(device.facts, (device.unknown, self.capabilities[row].unknown)) for row, device in devices]),
            tuple(devices),
            tuple(of_host),
            sum(1 << place for place, (_, device) in enumerate(devices) if not counts(device, software=False)),
            {
                row: why
                for row, offered in enumerate(self.capabilities)
                if (why := why_unknown(f"{kind}.count", kind, (offered.unknown,)))
            },
        )


def bits(rows: int) -> Iterator[int]:
    """Yield the rows of a set, the lowest first."""
    while rows:
        lowest = rows & -rows
        yield lowest.bit_length() - 1
        rows ^= lowest


def _ban(mine: int, rows: int, possible: int, *, unsure: bool) -> str:
    """Return whether all devices of a host lack what they must not have."""
    if mine & ~possible:
        return "unmet"
    return UNKNOWN if unsure or mine & ~rows else MET
