"""Who keeps the books of hosts: made with the run where tests ask for something, else when the first one asks anew.

Most runs never need it: what it is made of is imported only then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_disttest.match.ledger import Ledger
    from pytest_disttest.model import Demand, Plan
    from pytest_disttest.schedule.asking import Asking
    from pytest_disttest.schedule.choice import Weights
    from pytest_disttest.schedule.granting import Granting
    from pytest_disttest.schedule.stock import Stock
    from pytest_disttest.schedule.workers import Worker

    Books = Mapping[str, Ledger] | Callable[[], Mapping[str, Ledger]]
    """The ledger of each place, or what makes them should they be needed."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """What granting goes by, beside the stock; see `Scheduler` for what each is."""

    demands: Mapping[int, Demand]
    books: Books
    memory: Mapping[int, int]
    predicted_on: Mapping[tuple[int, str], float]
    reliability: Mapping[str, float]
    classes: Mapping[str, str]
    weights: Weights | None

    def asking(self, plan: Plan) -> Asking:
        """Return who asks for what in *plan*."""
        from pytest_disttest.schedule.asking import Asking

        ledgers = self.books if isinstance(self.books, Mapping) else self.books()
        return Asking(plan, self.demands, ledgers, self.memory)

    def granting(self, stock: Stock, workers: Mapping[str, Worker], asking: Asking) -> Granting:
        """Return who grants what is asked for; the *workers* that are there already are known to it."""
        from pytest_disttest.schedule.granting import Granting
        from pytest_disttest.schedule.outlook import Outlook

        outlook = Outlook(stock, asking, self.predicted_on, self.reliability, self.classes)
        granting = Granting(stock, workers, asking, outlook, self.weights)
        for worker in workers.values():
            granting.welcome(worker)
        return granting
