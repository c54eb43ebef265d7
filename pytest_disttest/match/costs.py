"""What a demand takes of a host: cores, memory, units of pools, devices or shares of them, sessions, the disk.

A lower bound on what is consumed (``cores``, ``memory``, ``resource.*``) also reserves so much. A device is asked for
whole where nobody said ``share``. A browser may serve several tests: each takes a session, of which a host has as
many as processors (Selenium Grid's default), and so that part of the browser.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final, NamedTuple

from pytest_disttest.model import Capabilities, Demand, Device, Requirement
from pytest_disttest.needs import key_of

from .groups import alternatives_of
from .matcher import devices_for, devices_wanted, meets_alternative

BROWSER: Final = "browser"
_FINEST: Final = 1_000_000
"""Shares are told apart down to a millionth, so that three thirds are a whole."""


class Capacity(NamedTuple):
    """What a host has to give while nothing runs there.

    *cores* are processors, *slot* is what a plain test takes of them. *sessions* are browser sessions, *disk* how many
    tests may load its disk at once: one on a disk that turns, else two.
    """

    cores: Fraction
    slot: Fraction
    memory: int
    pools: dict[str, int]
    sessions: int
    disk: int


class DeviceCost(NamedTuple):
    """*number* devices of a kind, of those in *fitting* (the smallest and least special first).

    *share* is 1 for whole devices. *share_bytes*, where it is not 0, says the share as memory. *memory* is what a
    device must have at least, in bytes.
    """

    kind: str
    number: int
    fitting: tuple[Device, ...]
    share: Fraction = Fraction(1)
    share_bytes: int = 0
    memory: int = 0

    def share_of(self, device: Device) -> Fraction:
        """Return which part of *device* is asked for; above 1 where that is more than it has."""
        if not self.share_bytes:
            return self.share
        memory = memory_of(device)
        return Fraction(self.share_bytes, memory) if memory else Fraction(1)

    def memory_on(self, device: Device) -> int:
        """Return the bytes that a test will find free on *device*: what it asked for, of which its share is enough."""
        if self.share_bytes or self.share < 1:
            return int(self.share_of(device) * memory_of(device))
        return self.memory


class Cost(NamedTuple):
    """What one alternative takes of one host. *exclusive* says that nothing else may run there."""

    cores: Fraction
    memory: int = 0
    pools: tuple[tuple[str, int], ...] = ()
    devices: tuple[DeviceCost, ...] = ()
    sessions: int = 0
    disk: int = 0
    exclusive: bool = False


def reserves(demand: Demand) -> bool:
    """Whether a test with *demand* takes more of its host than room for one plain test, wherever it runs."""
    return (
        bool(demand.exclusive)
        or demand.workload in ("io", BROWSER)
        or any(_reserves(alternative) for alternative in demand.alternatives)
    )


def _reserves(alternative: tuple[Requirement, ...]) -> bool:
    if devices_wanted(alternative):
        return True
    return any(
        least > (1 if requirement.key.startswith("cpu.") else 0)
        for requirement in alternative
        if (least := _least(requirement))
    )


def capacity_of(capabilities: Capabilities, *, workers: int) -> Capacity:
    """Return what a host with *workers* has to give; as many processors, where it does not say how many it has."""
    facts = capabilities.facts
    processors = facts.get("cpu.processors")
    cores = _exact(processors) if isinstance(processors, int | float) and processors > 0 else Fraction(workers)
    memory = facts.get("memory")
    prefix = "resource."
    return Capacity(
        cores=cores,
        slot=min(Fraction(1), cores / max(workers, 1)),
        memory=int(memory) if isinstance(memory, int | float) else 0,
        pools={
            key.removeprefix(prefix): int(units)
            for key, units in facts.items()
            if key.startswith(prefix) and isinstance(units, int | float)
        },
        sessions=max(1, int(cores)),
        disk=1 if facts.get("disk.rotational") is True else 2,
    )


def costs_of(demand: Demand, capabilities: Capabilities, capacity: Capacity) -> tuple[Cost, ...]:
    """Return what each alternative that the host meets would take of it, in the order of the demand."""
    return tuple(
        _cost(demand, alternative, capabilities, capacity)
        for alternative in alternatives_of(demand)
        if meets_alternative(alternative, capabilities)
    )


def _cost(demand: Demand, alternative: tuple[Requirement, ...], capabilities: Capabilities, capacity: Capacity) -> Cost:
    exclusive = demand.exclusive == "host"
    devices = _devices(demand, alternative, capabilities, capacity)
    sessions = sum(min(cost.number, capacity.sessions) for cost in devices if cost.kind == BROWSER)
    if demand.exclusive == BROWSER:
        sessions = capacity.sessions
    elif demand.workload == BROWSER:
        sessions = max(1, sessions)
    return Cost(
        cores=capacity.cores if exclusive else max(capacity.slot, _cores(alternative, capabilities, capacity)),
        memory=int(_most(alternative, "memory")),
        pools=tuple(
            (key.removeprefix("resource."), int(units))
            for key in sorted({r.key for r in alternative if r.key.startswith("resource.")})
            if (units := _most(alternative, key))
        ),
        devices=devices,
        sessions=sessions,
        disk=1 if demand.workload == "io" else 0,
        exclusive=exclusive,
    )


def _cores(alternative: tuple[Requirement, ...], capabilities: Capabilities, capacity: Capacity) -> Fraction:
    """Return the processors that are asked for, at most all; a physical core stands for as many as it has threads."""
    physical = capabilities.facts.get("cpu.cores")
    threads = (
        max(Fraction(1), capacity.cores / _exact(physical))
        if isinstance(physical, int | float) and physical > 0
        else Fraction(1)
    )
    asked = max(_most(alternative, "cpu.processors"), _most(alternative, "cpu.cores") * threads)
    return min(asked, capacity.cores)  # more than 3 of 3.5 are all of them


def _devices(
    demand: Demand, alternative: tuple[Requirement, ...], capabilities: Capabilities, capacity: Capacity
) -> tuple[DeviceCost, ...]:
    found = {kind: best_fit(devices) for kind, devices in devices_for(alternative, capabilities).items()}
    wanted = devices_wanted(alternative)
    costs = []
    for kind in sorted({*wanted, *({demand.exclusive} - {"", "host"})}):
        if kind == demand.exclusive:
            every = best_fit(d for d in capabilities.devices if d.kind == kind and not d.fault and not _is_drawn(d))
            every = every or found.get(kind, ())
            costs.append(DeviceCost(kind, len(every), every))
        elif kind == BROWSER:
            costs.append(DeviceCost(kind, wanted[kind], found[kind], Fraction(1, capacity.sessions)))
        else:
            share, least = max(_exact(demand.share), Fraction(1, _FINEST)), _memory_asked(alternative, kind)
            costs.append(DeviceCost(kind, wanted[kind], found[kind], share, demand.share_bytes, least))
    return tuple(costs)


def best_fit(devices: Iterable[Device]) -> tuple[Device, ...]:
    """Return *devices* in the order in which they are given away: the smallest first, of equals the least special.

    The more a device is said to have (features, APIs, versions), the more special it is.
    """
    return tuple(sorted(devices, key=lambda device: (memory_of(device), _words(device), device.id)))


def memory_of(device: Device) -> int:
    """Return a device's own memory in bytes, 0 where it is not known."""
    memory = device.facts.get(f"{device.kind}.memory", 0)
    return int(memory) if isinstance(memory, int | float) else 0


def _words(device: Device) -> int:
    return sum(len(value) if isinstance(value, tuple | list) else 1 for value in device.facts.values())


def _is_drawn(device: Device) -> bool:
    """Whether a device is a renderer in software: nothing to keep others away from."""
    return device.facts.get("gpu.kind") == "software"


def _most(alternative: tuple[Requirement, ...], key: str) -> Fraction:
    return max((_least(r) for r in alternative if r.key == key), default=Fraction(0))


def _least(requirement: Requirement) -> Fraction:
    """Return how much of a consumed key *requirement* reserves: its lower bound, 0 without one.

    More than a whole number of things is at least one more; more than so many bytes are so many, near enough.
    """
    key, value = key_of(requirement.key), requirement.value
    if key is None or not key.consumed or key.owner != "host" or requirement.operator not in ("=", ">=", ">"):
        return Fraction(0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fraction(0)
    least = _exact(value)
    return Fraction(int(least) + 1) if requirement.operator == ">" and key.kind == "number" else least


def _memory_asked(alternative: tuple[Requirement, ...], kind: str) -> int:
    """Return the bytes that each device of a *kind* must have at least, 0 where nothing is said of that."""
    said = (r.value for r in alternative if r.key == f"{kind}.memory" and r.operator in ("=", ">=", ">"))
    return max((int(value) for value in said if isinstance(value, int | float)), default=0)


def _exact(number: float) -> Fraction:
    return Fraction(number).limit_denominator(_FINEST)
