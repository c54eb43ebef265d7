"""What speaks for each host that could take a case now or soon: its vector, from what workers do at the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from pytest_disttest.match.costs import BROWSER
from pytest_disttest.match.ledger import Ledger
from pytest_disttest.match.preferring import preference
from pytest_disttest.model import Demand
from pytest_disttest.needs import kind_of_device
from pytest_disttest.schedule.asking import Asking
from pytest_disttest.schedule.choice import Vector
from pytest_disttest.schedule.fragments import Fit, Fragment
from pytest_disttest.schedule.paces import Paces
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

NOMINAL_S = 0.1
"""How long a case may take while nothing is known of any."""

Special = tuple[int, int, int, int]


class Outlook:
    """Looks at the workers from where a case could run. All answers are by place.

    *predicted_on* has seconds by case and class of machine, *reliability* the share of attempts without a fault of
    the host (1.0 where nothing is said). *classes* are those of machines, by place.
    """

    def __init__(
        self,
        stock: Stock,
        asking: Asking,
        predicted_on: Mapping[tuple[int, str], float],
        reliability: Mapping[str, float],
        classes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._stock = stock
        self._asking = asking
        self._predicted_on = predicted_on
        self._reliability = reliability
        self._classes = classes
        self._preferences: dict[tuple[Demand, frozenset[str] | None], dict[str, float]] = {}
        self._by_place: dict[str, dict[str, Worker]] = {}
        self._specials: dict[tuple[Demand | None, str], Special] = {}
        self.paces = Paces()

    def options(self, fragment: Fragment, now: float, is_free: Callable[[str], bool]) -> dict[str, Vector]:
        """Return the vector of each place where the next case can run at once, or when somebody is through.

        *is_free* says whether what the case asks for could be given at a place.
        """
        case = fragment.head
        hosts = fragment.fit.hosts
        finishes = {
            place: wait_s + self.duration_s(case, place)
            for place in (self._by_place if hosts is None else self._by_place.keys() & hosts)
            if (wait_s := self._wait_s(place, fragment.fit, now, is_free)) is not None
        }
        demand = self._asking.demand(case)
        order = sorted({self.special(place, demand) for place in finishes})
        return {
            place: Vector(
                finish_s,
                self._preference(demand, fragment.fit, place),
                1.0 if len(order) < 2 else 1 - order.index(self.special(place, demand)) / (len(order) - 1),
                self._reliability.get(place, 1.0),
                float(any(self._is_warm(worker, fragment) for worker in self._by_place[place].values())),
            )
            for place, finish_s in finishes.items()
        }

    def welcome(self, worker: Worker) -> None:
        """*worker* begins."""
        self._by_place.setdefault(worker.host, {})[worker.name] = worker

    def dismiss(self, worker: Worker) -> None:
        """*worker* is lost."""
        del self._by_place[worker.host][worker.name]

    def has_workers(self, place: str) -> bool:
        """Whether somebody at *place* may be given work yet."""
        return any(not worker.finished for worker in self._by_place.get(place, {}).values())

    def at(self, ledger: Ledger) -> list[Worker]:
        """Return the workers where *ledger* is kept."""
        places = (place for place in self._by_place if self._asking.ledgers.get(place) is ledger)
        return [worker for place in places for worker in self._by_place[place].values()]

    def _wait_s(self, place: str, fit: Fit, now: float, is_free: Callable[[str], bool]) -> float | None:
        """Return how long until a worker is idle and the host has room; None where nobody can tell that it will be."""
        workers = [w for w in self._by_place[place].values() if not w.finished and fit.admits(w.name, place)]
        is_idle = any(not worker.given for worker in workers)  # one that has not asked yet will, at once
        if is_idle and is_free(place):
            return 0.0
        if is_idle:  # it is the room that lacks, which others on the host have
            ledger = self._asking.ledgers.get(place)
            workers = workers if ledger is None else self.at(ledger)
        return min((self._busy_s(worker, now) for worker in workers if worker.given), default=None)

    def _busy_s(self, worker: Worker, now: float) -> float:
        mean_s = self._stock.forecast.mean_s
        default_s = NOMINAL_S if mean_s is None else mean_s
        return worker.busy_s(self._stock.forecast.expected_of(worker.given, default_s), now)

    # durations

    def duration_s(self, case: int, place: str) -> float:
        """Return how long *case* may take at *place*: as on machines of that class, else as ever, at their pace."""
        hw_class = self._hw_class(place)
        found = self._predicted_on.get((case, hw_class))
        if found is not None:
            return found
        expected_s = self._stock.forecast.expected_s(case)
        return (NOMINAL_S if expected_s is None else expected_s) * self.paces.get(hw_class, 1.0)

    def learn(self, case: int, place: str, took_s: float) -> None:
        """A class of machines is as fast as it proves to be, within bounds, where it is known how long cases take."""
        hw_class = self._hw_class(place)
        if (case, hw_class) not in self._predicted_on:
            self.paces.learn(hw_class, self._stock.forecast.known.get(case), took_s)

    def _hw_class(self, place: str) -> str:
        if place in self._classes:
            return self._classes[place]
        ledger = self._asking.ledgers.get(place)
        return "" if ledger is None else ledger.capabilities.hw_class

    # what a host is

    def special(self, place: str, demand: Demand | None = None) -> Special:
        """Return how much more *place* has than *demand* asks for, or than a plain test does: less is less special.

        Devices, pools, then memory and processors (how often doubled).
        """
        key = demand, place
        if key not in self._specials:
            ledger = self._asking.ledgers.get(place)
            self._specials[key] = (0, 0, 0, 0) if ledger is None else _special(ledger, demand)
        return self._specials[key]

    def _preference(self, demand: Demand, fit: Fit, place: str) -> float:
        """Return how well *place* serves the preferences, against all that fit; 0 where there are none."""
        if not demand.prefer:
            return 0.0
        key = demand, fit.hosts
        if key not in self._preferences:
            ledgers = self._asking.ledgers
            fitting = {
                name: ledger.capabilities for name, ledger in ledgers.items() if fit.hosts is None or name in fit.hosts
            }
            self._preferences[key] = {
                name: preference(demand, mine, fitting.values()) for name, mine in fitting.items()
            }
        return self._preferences[key].get(place, 0.0)

    def _is_warm(self, worker: Worker, fragment: Fragment) -> bool:
        """Whether fixtures that *fragment* needs may stand at *worker*, or it alone has collected its file."""
        using = worker.using
        if using is not None and using.home == fragment.home:
            return True
        return worker.name in self._stock.backlog.keeps and self._stock.backlog.is_kept(worker.name, fragment)


def _special(ledger: Ledger, demand: Demand | None) -> Special:
    asked = {r.key for alternative in demand.alternatives for r in alternative} if demand is not None else set()
    kinds = {kind_of_device(key) for key in asked}
    facts = ledger.capabilities.facts
    return (
        sum(not d.fault and d.kind not in (BROWSER, *kinds) for d in ledger.capabilities.devices),
        sum(f"resource.{name}" not in asked for name in ledger.capacity.pools),
        int(_number(facts.get("memory", 0))).bit_length(),  # equal machines differ by some megabytes
        int(ledger.capacity.cores).bit_length(),
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
