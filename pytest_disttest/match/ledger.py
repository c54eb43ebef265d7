"""What a host has to give, and who holds what of it: grants are made as a whole or not at all, so nobody deadlocks."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from pytest_disttest.model import NOTHING, Capabilities, Demand, Grant

from .costs import Cost, capacity_of, costs_of
from .usage import Holding, Usage, holding_of


class DeviceRoom(NamedTuple):
    """Which part of a device is free: 1.0 for one that nobody uses, 0.0 for a whole one in somebody's hands."""

    kind: str
    id: str
    share: float


class Free(NamedTuple):
    """What a host could give right now: processors, bytes, units of its pools, parts of its devices.

    *holders* are the tests (or workers with plain tests) that hold something, *exclusive* whether one has it all.
    """

    cores: float
    memory: int
    pools: tuple[tuple[str, int], ...]
    devices: tuple[DeviceRoom, ...]
    holders: int
    exclusive: bool


class Ledger:
    """The book of one host. A plain test costs ``min(1, processors / workers)`` of a processor.

    *workers* is how many the host has at most. Keys tell holders apart: any hashable value. A device is whole in one
    hand or shared at any moment; of several that would do, the smallest and least special one is given.
    """

    def __init__(self, host: str, capabilities: Capabilities, *, workers: int = 1) -> None:
        self.host = host
        self.capabilities = capabilities
        self.capacity = capacity_of(capabilities, workers=workers)
        self._held: dict[Hashable, Holding] = {}
        self._away: set[tuple[str, str]] = set()
        self._lost: set[tuple[str, str]] = set()
        self._usage = Usage()
        self._costs: dict[Demand, tuple[Cost, ...]] = {}
        self._lacks: dict[tuple[Demand, int], frozenset[str]] = {}  # as long as nothing changes hands

    def grant(self, demand: Demand, key: Hashable, *, memory: int = 0) -> Grant | None:
        """Give *key* all that *demand* asks for: the first alternative with room; None, and nothing, without room.

        *memory* is what the test is known to take in bytes, for one that declares none; at most all there is.
        Raises ValueError for a key that holds something already.
        """
        if key in self._held:
            raise ValueError(f"{key!r} holds something of {self.host} already")
        for cost in self._possible(demand):
            asked = self._with_memory(cost, memory)
            if not self._usage.lacks(asked, self.capacity):
                holding = holding_of(self.host, asked, self._usage)
                self._held[key] = holding
                self._usage.add(holding)
                self._lacks.clear()
                return holding.grant
        return None

    def release(self, key: Hashable) -> None:
        """Take back all that *key* holds. Raises ValueError for one that holds nothing."""
        if key not in self._held:
            raise ValueError(f"{key!r} holds nothing of {self.host}")
        self._usage.add(self._held.pop(key), -1)
        self._lacks.clear()

    def holds(self, key: Hashable) -> bool:
        """Whether *key* holds something."""
        return key in self._held

    def granted(self, key: Hashable) -> Grant:
        """Return what *key* holds. Raises KeyError for one that holds nothing."""
        return self._held[key].grant

    def takes(self, key: Hashable) -> frozenset[str]:
        """Return the names of all that *key* holds, as `lacks` says them."""
        return self._held[key].takes

    def could(self, demand: Demand) -> bool:
        """Whether the host could ever meet *demand*, were nothing running there."""
        return bool(self._possible(demand))

    def lacks(self, demand: Demand, *, memory: int = 0, apart_from: Hashable = None) -> frozenset[str]:
        """Return the names of what is missing to grant *demand* now: empty where it could be granted.

        Those of the first alternative that the host could ever meet; ``host`` alone where it never could. With
        *apart_from* as if that key held nothing.
        """
        mine = self._held.get(apart_from)
        if mine is not None:
            self._usage.add(mine, -1)
            missing = self._missing(demand, memory)
            self._usage.add(mine)
            return missing
        known = self._lacks.get((demand, memory))
        if known is None:
            known = self._lacks[demand, memory] = self._missing(demand, memory)
        return known

    def _missing(self, demand: Demand, memory: int) -> frozenset[str]:
        found = [self._usage.lacks(self._with_memory(c, memory), self.capacity) for c in self._possible(demand)]
        if not found:
            return frozenset({"host"})
        return found[0] if all(found) else frozenset()

    def would_take(self, demand: Demand, *, memory: int = 0) -> frozenset[str]:
        """Return the names of all that a grant to *demand* would take now: empty where there is no room."""
        for cost in self._possible(demand):
            asked = self._with_memory(cost, memory)
            if not self._usage.lacks(asked, self.capacity):
                return holding_of(self.host, asked, self._usage).takes
        return frozenset()

    def lose(self, kind: str, device: str, why: str = "lost") -> None:
        """Do not give this device again, until it is restored. Who holds it keeps it until released."""
        self._lost.add((kind, device))
        self._costs.clear()
        self._lacks.clear()
        self.capabilities = self.capabilities._replace(
            devices=tuple(
                each._replace(fault=why) if (each.kind, each.id) == (kind, device) else each
                for each in self.capabilities.devices
            )
        )

    def restore(self, kind: str, device: str) -> None:
        """A device that was lost can be given again. Harmless for one that was not."""
        if (kind, device) in self._lost:
            self.lose(kind, device, "")
            self._lost.discard((kind, device))

    def put_away(self, kind: str, device: str) -> None:
        """Give this device to nobody until it is brought back: others than we use it. Harmless when repeated."""
        self._move(kind, device, is_away=True)

    def bring_back(self, kind: str, device: str) -> None:
        """A device that was put away can be given again. Harmless when repeated."""
        self._move(kind, device, is_away=False)

    def _move(self, kind: str, device: str, *, is_away: bool) -> None:
        if ((kind, device) in self._away) != is_away:
            self._away ^= {(kind, device)}
            self._usage.occupy(kind, device, 1 if is_away else -1)
            self._lacks.clear()

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds anything."""
        return not self._held

    @property
    def free(self) -> Free:
        """What could be given right now."""
        usage, capacity = self._usage, self.capacity
        if usage.exclusive:
            return Free(0.0, 0, (), (), usage.holders, exclusive=True)
        return Free(
            cores=float(capacity.cores - usage.cores),
            memory=max(0, capacity.memory - usage.memory),
            pools=tuple((name, units - usage.pools[name]) for name, units in sorted(capacity.pools.items())),
            devices=tuple(
                DeviceRoom(device.kind, device.id, max(0.0, float(usage.left(device))))
                for device in self.capabilities.devices
                if not device.fault
            ),
            holders=usage.holders,
            exclusive=False,
        )

    def _possible(self, demand: Demand) -> tuple[Cost, ...]:
        """Return the costs of the alternatives that the drained host could bear."""
        if demand == NOTHING and NOTHING not in self._costs:
            self._costs[NOTHING] = (Cost(self.capacity.slot),)
        found = self._costs.get(demand)
        if found is None:
            empty = Usage()
            costs = () if self.capabilities.drained else costs_of(demand, self.capabilities, self.capacity)
            found = tuple(cost for cost in costs if not empty.lacks(cost, self.capacity))
            self._costs[demand] = found
        return found

    def _with_memory(self, cost: Cost, memory: int) -> Cost:
        if not memory or cost.memory:
            return cost
        return cost._replace(memory=min(memory, self.capacity.memory))
