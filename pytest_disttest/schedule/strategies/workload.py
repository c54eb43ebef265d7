"""By what tests say they spend their time on: bounds for each kind, and hosts that suit it.

| kind | at once on a host | preferred hosts |
|---|---|---|
| compute | one for each processor, however many workers there are | many processors |
| memory | half of the workers | much memory |
| io | two, one on a disk that turns (the ledger's own rule) | disks that do not turn |
| browser | a session for each processor (the ledger's own rule) | many processors |

The bounds are kept by the ledgers of hosts, as all that tests ask for, so that nobody is overtaken for ever; a
preference yields to a host on which the test would end much earlier, as any other does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_disttest.model import Demand, Preference, Requirement
from pytest_disttest.schedule.guidance import Briefing, Guidance
from pytest_disttest.schedule.strategies import adaptive

POOL: Final = "workload-memory"
_TAKEN: Final[Mapping[str, Requirement]] = MappingProxyType(
    {
        "compute": Requirement("cpu.processors", ">=", 1, "workload compute"),
        "memory": Requirement(f"resource.{POOL}", ">=", 1, "workload memory"),
    }
)
"""What a test of a kind takes of its host beside what the ledgers see to anyway."""
_PREFERRED: Final[Mapping[str, Preference]] = MappingProxyType(
    {
        "compute": Preference(Requirement("cpu.processors", "max", "", "workload compute")),
        "memory": Preference(Requirement("memory", "max", "", "workload memory")),
        "io": Preference(Requirement("disk.rotational", "=", False, "workload io")),
        "browser": Preference(Requirement("cpu.processors", "max", "", "workload browser")),
    }
)


def guide(briefing: Briefing) -> Guidance:
    """Go as the default does, within the bounds of each kind."""
    found = {case: demand for case, demand in briefing.demands.items() if demand.workload}
    if not found:
        return adaptive.guide(briefing)
    made: dict[Demand, Demand] = {}
    for demand in found.values():
        if demand not in made:
            made[demand] = bounded(demand)
    pools = {host: {POOL: max(1, count // 2)} for host, count in briefing.workers.items()}
    return adaptive.guide(briefing)._replace(
        demands={case: made[demand] for case, demand in found.items()}, pools=pools
    )


guide.asks = frozenset({"memory", "disk"})  # type: ignore[attr-defined]  # see `Strategy`


def bounded(demand: Demand) -> Demand:
    """Return *demand* with what its kind takes of a host, and likes."""
    kind = demand.workload
    own = (_TAKEN[kind],) if kind in _TAKEN else ()
    return demand._replace(
        alternatives=tuple((*alternative, *own) for alternative in demand.alternatives),
        prefer=(*demand.prefer, _PREFERRED[kind]),
    )
