"""Devices that others hold: passed over for a while, then tried again, or until somebody says what became of them."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Grant

AWAY_S = 2.0
"""How long a device is passed over that another run held when it was needed."""


class Elsewhere:
    """The devices of *ledgers*, by place, that other runs were found to hold, or that are being repaired."""

    def __init__(self, ledgers: Mapping[str, Ledger]) -> None:
        self._ledgers = ledgers
        self._until: dict[tuple[str, str, str], float] = {}
        self._held: set[tuple[str, str, str]] = set()

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
        for key in over:
            del self._until[key]
            self._release(key)
        return bool(over)

    def hold(self, place: str, kind: str, device: str) -> None:
        """Give a device to nobody until it is let go."""
        if place in self._ledgers:
            self._ledgers[place].put_away(kind, device)
            self._held.add((place, kind, device))

    def let_go(self, place: str, kind: str, device: str) -> None:
        """A device need not be held any more. Harmless for one that is not."""
        if (key := (place, kind, device)) in self._held:
            self._held.discard(key)
            self._release(key)

    def _release(self, key: tuple[str, str, str]) -> None:
        if key not in self._held and key not in self._until:
            place, kind, device = key
            self._ledgers[place].bring_back(kind, device)
