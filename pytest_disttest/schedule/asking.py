"""Which cases ask for something of their host, what that is, and which hosts could ever give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_disttest.match.costs import reserves
from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import NOTHING, Demand, Plan
from pytest_disttest.schedule.joining import with_host


class Asking:
    """The *demands* of cases, those that ask for nothing left out, and the ledgers of hosts (more exactly: of places).

    *memory* is what cases are known to take in bytes. A case is *costly* if it takes more than room for one plain
    test; others only prefer some hosts. Costly cases go only where a ledger could give what they ask for.
    """

    def __init__(
        self, plan: Plan, demands: Mapping[int, Demand], ledgers: Mapping[str, Ledger], memory: Mapping[int, int]
    ) -> None:
        self._demands = {case: demand for case, demand in demands.items() if demand.prefer or reserves(demand)}
        self.ledgers = dict(ledgers)
        self._memory = memory
        self._numbers: dict[Demand, int] = {}
        self.signs = {case: self._number(demand) for case, demand in self._demands.items()}
        costly = {demand for demand in self._numbers if reserves(demand)}
        self._costly = frozenset(case for case, demand in self._demands.items() if demand in costly)
        self._everywhere = frozenset(ledgers)
        self._able: dict[Demand, frozenset[str]] = {}
        self._fits = plan.eligible  # whatever devices are lost
        self.plan = replace(plan, eligible=self._eligible())

    def ask_anew(self, case: int, demand: Demand) -> int:
        """From now on *case* asks for *demand*, which takes something of a host; return its sign."""
        self._demands[case] = demand
        self._costly |= {case}
        before = self.plan.eligible
        self._fits = {**self._fits, case: before.get(case, self._everywhere)}
        self.plan = replace(self.plan, eligible={**before, case: self._fits[case] & self._could(demand)})
        self.signs[case] = self._number(demand)
        return self.signs[case]

    def join(self, place: str, ledger: Ledger, unfit: frozenset[int]) -> None:
        """A host is there that was not when the plan was made; it does not meet the demands of the cases *unfit*."""
        before = self._everywhere
        self.ledgers[place] = ledger
        self._everywhere |= {place}
        self._able.clear()
        fits = with_host(self._fits, place, unfit)
        self._fits = {**dict.fromkeys(unfit - fits.keys(), before), **fits}
        self.plan = replace(self.plan, eligible=self._eligible())

    def _number(self, demand: Demand) -> int:
        return self._numbers.setdefault(demand, len(self._numbers) + 1)

    def demand(self, case: int) -> Demand:
        """Return what *case* asks for; a plain one asks for nothing."""
        return self._demands.get(case, NOTHING)

    def memory(self, case: int) -> int:
        """Return the bytes that *case* is known to take, 0 where nobody knows."""
        return self._memory.get(case, 0)

    def is_costly(self, case: int) -> bool:
        """Whether *case* takes more than room for one plain test."""
        return case in self._costly

    def costly_at(self, ledger: Ledger) -> list[int]:
        """Return the costly cases that could run where *ledger* is kept."""
        places = {place for place, other in self.ledgers.items() if other is ledger}
        return [case for case in sorted(self._costly) if not places.isdisjoint(self.plan.eligible[case])]

    def lose(self, place: str, kind: str, device: str) -> None:
        """A device is of no use any more: fewer cases may fit its host, and all places that share its ledger."""
        ledger = self.ledgers.get(place)
        if ledger is not None:
            ledger.lose(kind, device)
            self._able.clear()
            self.plan = replace(self.plan, eligible=self._eligible())

    def restore(self, place: str, kind: str, device: str) -> None:
        """A device that was lost is of use again."""
        ledger = self.ledgers.get(place)
        if ledger is not None:
            ledger.restore(kind, device)
            self._able.clear()
            self.plan = replace(self.plan, eligible=self._eligible())

    def _eligible(self) -> Mapping[int, frozenset[str]]:
        """Return the hosts that fit each case, and could give what it asks for."""
        fits, everywhere = self._fits, self._everywhere
        return {
            **fits,
            **{case: fits.get(case, everywhere) & self._could(self._demands[case]) for case in self._costly},
        }

    def _could(self, demand: Demand) -> frozenset[str]:
        found = self._able.get(demand)
        if found is None:
            found = frozenset(place for place, ledger in self.ledgers.items() if ledger.could(demand))
            self._able[demand] = found
        return found
