"""What becomes of hosts and their devices while tests run: known to the stock, and to the books once they are open.

A run in which no case asks for anything has no books. Should one ask later, they are opened as they would be by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_disttest.model import Plan
from pytest_disttest.schedule.accounting import Accounting
from pytest_disttest.schedule.events import DeviceBack, DeviceHeld, DeviceLost, HostJoined
from pytest_disttest.schedule.joining import with_host
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

if TYPE_CHECKING:
    from pytest_disttest.schedule.granting import Granting


class Changes:
    """Takes note of what changes, and tells *granting*, which is None as long as the books are closed."""

    def __init__(self, plan: Plan, accounting: Accounting, stock: Stock) -> None:
        self._plan = plan
        self._accounting = accounting
        self._stock = stock
        self._joined: list[HostJoined] = []
        self._devices: dict[tuple[str, str, str], DeviceLost | DeviceHeld] = {}

    def open_books(self, workers: Mapping[str, Worker]) -> Granting | None:
        """Return who grants what is asked for from now on; None where nobody knows what hosts have."""
        asking = self._accounting.asking(self._plan)
        if not asking.ledgers:
            return None
        for joined in self._joined:
            if joined.ledger is not None and joined.host not in asking.ledgers:
                asking.join(joined.host, joined.ledger, joined.unfit)
        for told in self._devices.values():
            if isinstance(told, DeviceLost):
                asking.lose(told.host, told.kind, told.device)
        granting = self._accounting.granting(self._stock, workers, asking)
        for told in self._devices.values():
            if isinstance(told, DeviceHeld):
                granting.hold(told.host, told.kind, told.device)
        return granting

    def join(self, event: HostJoined, granting: Granting | None) -> None:
        """A host is there that was not when the plan was made."""
        if granting is not None and event.ledger is not None:
            self._stock.narrow(granting.join(event.host, event.ledger, event.unfit))
            return
        self._plan = replace(self._plan, eligible=with_host(self._plan.eligible, event.host, event.unfit))
        self._joined.append(event)
        if self._plan.eligible:
            self._stock.narrow(self._plan.eligible)

    def lose(self, event: DeviceLost, granting: Granting | None) -> None:
        """A device is of no use any more."""
        if granting is None:
            self._devices[event.host, event.kind, event.device] = event
        else:
            self._stock.narrow(granting.lose(event.host, event.kind, event.device))

    def hold(self, event: DeviceHeld, granting: Granting | None) -> None:
        """A device is given to nobody until it is lost or back."""
        if granting is None:
            self._devices[event.host, event.kind, event.device] = event
        else:
            granting.hold(event.host, event.kind, event.device)

    def restore(self, event: DeviceBack, granting: Granting | None) -> None:
        """A device is of use again."""
        if granting is None:
            self._devices.pop((event.host, event.kind, event.device), None)
        else:
            self._stock.narrow(granting.restore(event.host, event.kind, event.device))
