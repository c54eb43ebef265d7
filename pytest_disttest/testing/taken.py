"""Counts anew, from the grants alone, what runs on a host: whoever gives more than there is is told so at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from pytest_disttest.model import Capabilities, Grant

SLIGHT = 1e-6
"""By how much sums of shares may be off."""


class HostOverfilled(AssertionError):
    """A scheduler gave away more of a host than it has."""


@dataclass(slots=True)
class Taken:
    """What runs on one host of *workers*: the grants of its cases; one without a grant takes a slot."""

    host: str
    capabilities: Capabilities
    workers: int
    grants: dict[int, Grant] = field(default_factory=dict)

    def begin(self, case: int, grant: Grant | None) -> None:
        """*case* begins; raises HostOverfilled where the host has not room for it."""
        self.grants[case] = grant if grant is not None else Grant(self.host, min(1.0, self._processors / self.workers))
        for fault in self._faults():
            raise HostOverfilled(f"{self.host} with {case}: {fault}; there run {self.grants}")

    def end(self, case: int) -> None:
        """*case* has ended, or is lost."""
        self.grants.pop(case, None)

    @property
    def _processors(self) -> float:
        found = self.capabilities.facts.get("cpu.processors", self.workers)
        return float(found) if isinstance(found, int | float) else float(self.workers)

    def _faults(self) -> list[str]:
        grants, facts = list(self.grants.values()), self.capabilities.facts
        faults = []
        if sum(grant.cores for grant in grants) > self._processors + SLIGHT:
            faults.append("more processors than it has")
        memory = facts.get("memory", 0)
        if isinstance(memory, int | float) and sum(grant.memory for grant in grants) > memory:
            faults.append("more memory than it has")
        if len(grants) > 1 and any(grant.exclusive for grant in grants):
            faults.append("something runs beside what is to run alone")
        units = Counter[str]()
        for grant in grants:
            units.update(dict(grant.pools))
        faults += [f"more {name} than it has" for name, count in units.items() if not self._has(name, count)]
        return faults + self._device_faults()

    def _has(self, pool: str, count: int) -> bool:
        units = self.capabilities.facts.get(f"resource.{pool}", 0)
        return isinstance(units, int | float) and count <= units

    def _device_faults(self) -> list[str]:
        shares: dict[tuple[str, str], float] = defaultdict(float)
        for grant in self.grants.values():
            for device in grant.devices:
                shares[device.kind, device.id] += device.share
        here = {(device.kind, device.id) for device in self.capabilities.devices}
        return [
            f"{kind} {name} " + ("is given more than once" if (kind, name) in here else "is not there")
            for (kind, name), share in shares.items()
            if share > 1 + SLIGHT or (kind, name) not in here
        ]
