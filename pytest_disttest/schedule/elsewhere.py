"""Devices that other runs hold: passed over for a while, then tried again."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Grant

AWAY_S = 2.0
"""How long a device is passed over that another run held when it was needed."""


class Elsewhere:
    """The devices of *ledgers*, by place, that other runs were found to hold."""

    def __init__(self, ledgers: Mapping[str, Ledger]) -> None:
        self._ledgers = ledgers
        self._until: dict[tuple[str, str, str], float] = {}

    def __bool__(self) -> bool:
        return bool(self._until)

    def put_away(self, place: str, grant: Grant, now: float) -> None:
        """Another run holds a device of *grant*, nobody knows which: none of them is given to anybody for a while."""
        for device in grant.devices:
            self._ledgers[place].put_away(device.kind, device.id)
            self._until[place, device.kind, device.id] = now + AWAY_S

    def bring_back(self, now: float) -> bool:
        """Return whether devices are given again, because their time is over."""
        over = [key for key, until in self._until.items() if now >= until]
        for place, kind, device in over:
            del self._until[place, kind, device]
            self._ledgers[place].bring_back(kind, device)
        return bool(over)
