"""What is taken of a host at a moment, and whether a cost still has room beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from pytest_disttest.model import Device, DeviceGrant, Grant

from .costs import Capacity, Cost, DeviceCost

HOST = "host"
CORES = "cores"


@dataclass(slots=True)
class Holding:
    """What somebody holds: the *cost*, the *devices* that it was given of each kind, and the *grant* that says so."""

    cost: Cost
    devices: tuple[tuple[DeviceCost, tuple[Device, ...]], ...]
    grant: Grant

    @property
    def takes(self) -> frozenset[str]:
        """The names of all that it takes, as `Usage.lacks` says them."""
        cost = self.cost
        return frozenset(
            {HOST, CORES}
            | {name for name, amount in (("memory", cost.memory), ("disk", cost.disk)) if amount}
            | ({"sessions"} if cost.sessions else set())
            | {f"resource.{name}" for name, _ in cost.pools}
            | {token(device) for _, devices in self.devices for device in devices}
        )


@dataclass(slots=True)
class Usage:
    """What is taken, added up; of each device the share that is."""

    cores: Fraction = Fraction(0)
    memory: int = 0
    pools: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    disk: int = 0
    holders: int = 0
    exclusive: bool = False
    devices: dict[str, Fraction] = field(default_factory=dict)

    def add(self, holding: Holding, sign: int = 1) -> None:
        """Count *holding* in (1) or out (-1)."""
        cost = holding.cost
        self.cores += sign * cost.cores
        self.memory += sign * cost.memory
        self.sessions += sign * cost.sessions
        self.disk += sign * cost.disk
        self.holders += sign
        if cost.exclusive:
            self.exclusive = sign > 0
        for name, units in cost.pools:
            self.pools[name] += sign * units
        for device_cost, devices in holding.devices:
            for device in devices:
                self.occupy(device.kind, device.id, sign * device_cost.share_of(device))

    def occupy(self, kind: str, device: str, share: Fraction | int) -> None:
        """Count *share* of a device in, or out where it is negative."""
        name = f"{kind}:{device}"
        self.devices[name] = self.devices.get(name, Fraction(0)) + share

    def lacks(self, cost: Cost, capacity: Capacity) -> frozenset[str]:
        """Return the names of what is missing for *cost*: empty where there is room for all of it."""
        if self.exclusive or (cost.exclusive and self.holders):
            return frozenset({HOST})
        missing = {
            name
            for name, wanted, taken, have in (
                (CORES, cost.cores, self.cores, capacity.cores),
                ("memory", cost.memory, self.memory, capacity.memory),
                ("sessions", cost.sessions, self.sessions, capacity.sessions),
                ("disk", cost.disk, self.disk, capacity.disk),
            )
            if wanted and taken + wanted > have
        }
        missing.update(
            f"resource.{name}" for name, units in cost.pools if self.pools[name] + units > capacity.pools.get(name, 0)
        )
        for device_cost in cost.devices:
            full = [device for device in device_cost.fitting if not self._has_room(device, device_cost)]
            if len(device_cost.fitting) - len(full) < device_cost.number:
                missing.update(map(token, full) if full else [device_cost.kind])
        return frozenset(missing)

    def pick(self, cost: DeviceCost) -> tuple[Device, ...]:
        """Return the devices to give for *cost*: of shared ones the fullest that suffices, else in the order given."""
        roomy = [device for device in cost.fitting if self._has_room(device, cost)]
        roomy.sort(key=lambda device: -self._taken(device))  # stable: untouched ones stay in order, and come last
        return tuple(roomy[: cost.number])

    def left(self, device: Device) -> Fraction:
        """Return which part of *device* is free."""
        return 1 - self._taken(device)

    def _taken(self, device: Device) -> Fraction:
        return self.devices.get(token(device), Fraction(0))

    def _has_room(self, device: Device, cost: DeviceCost) -> bool:
        """Whether *cost* may have *device*: shares add up to 1 at most, so that it is whole in one hand or shared."""
        return self._taken(device) + cost.share_of(device) <= 1


def token(device: Device) -> str:
    """Return a name for *device* that is its own on its host."""
    return f"{device.kind}:{device.id}"


def holding_of(host: str, cost: Cost, usage: Usage) -> Holding:
    """Return what is given for *cost*, for which there must be room."""
    devices = tuple((each, usage.pick(each)) for each in cost.devices)
    grant = Grant(
        host=host,
        cores=float(cost.cores),
        memory=cost.memory,
        devices=tuple(
            DeviceGrant(device.kind, device.id, float(each.share_of(device)), device.facts, each.memory_on(device))
            for each, picked in devices
            for device in picked
        ),
        pools=cost.pools,
        exclusive=cost.exclusive,
    )
    return Holding(cost, devices, grant)
