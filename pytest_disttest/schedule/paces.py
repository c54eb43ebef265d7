"""How fast classes of machines prove to be where nothing was known of them."""

from __future__ import annotations

from pytest_disttest.schedule.forecast import RECENT

SLOWEST, FASTEST = 4.0, 0.25
"""Bounds of the pace that is believed of a class of machines: times longer, or shorter, than predicted."""


class Paces(dict[str, float]):
    """By class of machines, how many times longer than predicted a case takes there."""

    def learn(self, hw_class: str, known_s: float | None, took_s: float) -> None:
        """A case of which *known_s* was predicted has taken *took_s* there; without either that says nothing."""
        if hw_class and known_s and took_s > 0:
            pace = self.get(hw_class, 1.0)
            self[hw_class] = pace * (max(FASTEST, min(SLOWEST, took_s / known_s)) / pace) ** RECENT
