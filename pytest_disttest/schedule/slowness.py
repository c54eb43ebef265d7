"""Hosts that got slow: what tests take there, against what was expected of that very class of machines.

Single tests err by a factor of two, so a host counts as slow only when the mean of its tests is off by more than
chance would bring about, compared with the other hosts: a run that is slow as a whole shifts nothing.
"""

from __future__ import annotations

import math

MEMORY = 0.05
"""Weight of the newest test in a host's mean."""
FEWEST = 3
"""So many tests must have ended on a host before it is judged."""
SLOW = math.log(1.4)
"""How far off, as a logarithm, it must be at least,"""
DOUBT = 2.0
"""and besides, over the square root of the number of its tests: four standard deviations of usual errors."""
SLOWEST = math.log(8.0)
TELLING_S = 0.05
CLIP = math.log(20.0)
"""No single test says more than this, which hangs or was skipped."""


class Slowness(dict[str, float]):
    """By place, how many times longer than expected tests take there; only those that are slow are in it."""

    def __init__(self) -> None:
        super().__init__()
        self._means: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def note(self, place: str, expected_s: float, took_s: float) -> None:
        """A test of which *expected_s* was expected at *place* took *took_s*; tiny ones say nothing."""
        if min(expected_s, took_s) <= 0 or max(expected_s, took_s) < TELLING_S:
            return
        error = max(-CLIP, min(CLIP, math.log(took_s / expected_s)))
        count = self._counts[place] = self._counts.get(place, 0) + 1
        mean = self._means.get(place, 0.0)
        self._means[place] = mean + max(MEMORY, 1 / count) * (error - mean)
        if count >= FEWEST:
            self._judge(place)

    def _judge(self, place: str) -> None:
        others = sorted(m for name, m in self._means.items() if name != place and self._counts[name] >= FEWEST)
        off = self._means[place] - others[len(others) // 2] if others else 0.0
        if off > SLOW + DOUBT / math.sqrt(min(self._counts[place], 2 / MEMORY)):
            self[place] = math.exp(min(off, SLOWEST))
        else:
            self.pop(place, None)
