"""Every case against every host, in the form that a plan holds.

A suite that asks for nothing of its hosts is answered here; the rest of the room is only imported for one that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from pytest_disttest.model import NOTHING, Capabilities, Case, Demand

if TYPE_CHECKING:
    from .fleet import Fleet

_ANYTHING: Final = NOTHING.alternatives


def eligibility(
    cases: Iterable[Case], hosts: Mapping[str, Capabilities]
) -> tuple[Mapping[int, frozenset[str]], Mapping[int, str]]:
    """Return (eligible, unplaced) by case index, as `Plan` holds them.

    A case that fits every host is in neither; one that fits none is in *unplaced*, with the reason. A case that asks
    for nothing fits every host that is not drained. Without hosts only what asks for something is unplaced.
    """
    cases = tuple(cases)
    if _nobody_asks(cases, hosts):
        return {}, {}
    from .fleet import Fleet
    from .groups import alternatives_of

    fleet = Fleet(hosts)
    fitting: dict[Demand, int] = {}
    eligible: dict[int, frozenset[str]] = {}
    nowhere: dict[int, Demand] = {}
    for case in cases:
        demand = case.demand
        found = fitting.get(demand)
        if found is None:
            found = fitting[demand] = fleet.fitting(alternatives_of(demand))
        if not found and (hosts or demand.alternatives != _ANYTHING):
            nowhere[case.index] = demand
        elif found != fleet.everywhere:
            eligible[case.index] = fleet.named(found)
    return eligible, _reasons(nowhere, fleet) if nowhere else {}


def _nobody_asks(cases: Iterable[Case], hosts: Mapping[str, Capabilities]) -> bool:
    return not any(host.drained for host in hosts.values()) and all(
        case.demand.alternatives == _ANYTHING for case in cases
    )


def _reasons(nowhere: Mapping[int, Demand], fleet: Fleet) -> dict[int, str]:
    """Return why the cases fit nowhere, each distinct demand explained once."""
    from .reasons import reason
    from .survey import Survey

    survey = Survey(fleet)
    reasons = {demand: reason(demand, survey) for demand in dict.fromkeys(nowhere.values())}
    return {index: reasons[demand] for index, demand in nowhere.items()}
