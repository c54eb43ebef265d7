"""How far to trust: who of two guessed better so far, and how wide the truth scatters around what was guessed.

Everything here is kept apart by how well a test is known: on this class of hosts, on others only, not at all.
"""

from __future__ import annotations

import math

HERE, ELSEWHERE, NEW = range(3)
"""How well a test is known."""
LEVELS = 3
BINS = 7
"""One for each decade from 10 µs to 10 s and more: short tests scatter more than long ones."""
FEWEST = 30
"""Before so many comparisons the model has not proved itself."""
MEMORY = 0.01
RUN_MEMORY = 0.3
STEP = 0.02
NOISE = 0.05
"""Variance of a test's logarithms that is assumed at first: about 22 %."""
LEAST_NOISE, MOST_NOISE = 0.0004, 2.0
NORMAL_Q90 = 1.2816


def bin_of(log_s: float) -> int:
    """Return which decade a time belongs to."""
    place = int((log_s + 11.513) * 0.43429)  # ln 1e-5, 1 / ln 10
    return 0 if place < 0 else place if place < BINS else BINS - 1


class Trust:
    """Running errors of the model and of the medians, and the quantiles of what they leave unexplained.

    The quantiles follow their observations as in adaptive conformal inference (Gibbs and Candès, 2021): each
    observation beyond the told ninth decile pushes it up nine times as far as one below draws it down, so that it
    holds in nine of ten cases whatever the errors' distribution. There is one cell for each level and decade, and one
    for all decades of a level, which speaks for those that have seen little.
    """

    __slots__ = ("compared", "median_error", "model_error", "noise", "noises_seen", "q50", "q90", "runs", "seen")

    def __init__(self) -> None:
        self.compared = [0] * LEVELS
        self.model_error = [0.0] * LEVELS
        self.median_error = [0.0] * LEVELS
        self.noise = [NOISE] * BINS
        self.noises_seen = [0] * BINS
        self.runs = [0.0]
        self.seen = [0] * (LEVELS * (BINS + 1))
        self.q50 = [0.0] * (LEVELS * (BINS + 1))
        self.q90 = [NORMAL_Q90] * (LEVELS * (BINS + 1))

    def is_model_better(self, level: int) -> bool:
        """Whether the model's error was no larger than that of the medians, in comparisons enough to tell."""
        return self.compared[level] >= FEWEST and self.model_error[level] <= self.median_error[level]

    @property
    def run_std(self) -> float:
        """How much whole runs differ from what their hosts' level let expect."""
        return math.sqrt(self.runs[0])

    def note_shift(self, shift: float) -> None:
        """Take note of how much slower than expected a whole run was."""
        self.runs[0] += RUN_MEMORY * (shift * shift - self.runs[0])

    def compare(self, level: int, model_error: float, median_error: float) -> None:
        """Take note of how far off both were."""
        self.compared[level] = seen = self.compared[level] + 1
        rate = max(MEMORY, 1.0 / seen)
        self.model_error[level] += rate * (abs(model_error) - self.model_error[level])
        self.median_error[level] += rate * (abs(median_error) - self.median_error[level])

    def calibrate(self, level: int, place: int, error: float) -> None:
        """Take note of an *error* of what was told, in standard deviations, the shift of its whole run taken off."""
        whole = level * (BINS + 1) + BINS
        cell = whole - BINS + place
        if self.seen[cell] < FEWEST:
            self.q50[cell], self.q90[cell] = self.q50[whole], self.q90[whole]
        self._follow(whole, error)
        self._follow(cell, error)

    def _follow(self, cell: int, error: float) -> None:
        self.seen[cell] = seen = self.seen[cell] + 1
        q50, q90 = self.q50[cell], self.q90[cell]
        self.q50[cell] = _within(q50 + (STEP if error > q50 else -STEP) / 2, -1.0, 1.0)
        step = max(STEP, 0.5 / math.sqrt(seen)) if seen < 625 else STEP  # 0.5 / 25 = STEP
        self.q90[cell] = _within(q90 + step * (0.9 if error > q90 else -0.1), 0.3, 8.0)

    def quantiles(self, level: int, centre: float, std: float) -> tuple[float, float]:
        """Return median and ninth decile, in seconds, of what is told as *centre* and *std* in logarithms.

        The decile leaves room for a run that is slow as a whole, too.
        """
        cell = level * (BINS + 1) + bin_of(centre)
        if self.seen[cell] < FEWEST:
            cell = level * (BINS + 1) + BINS
        q50 = centre + self.q50[cell] * std
        margin = math.hypot(self.q90[cell] * std, NORMAL_Q90 * self.run_std)
        return math.exp(q50), math.exp(max(q50, centre + margin))

    def scatter(self, place: int, squared: float) -> None:
        """Take note of the *squared* error of a test that was seen before, what its terms leave open not counted."""
        self.noises_seen[place] = seen = self.noises_seen[place] + 1
        rate = max(MEMORY, 1.0 / (seen + 4))
        self.noise[place] = _within(self.noise[place] + rate * (squared - self.noise[place]), LEAST_NOISE, MOST_NOISE)

    def plain(self) -> dict[str, list[float]]:
        """Return all of it as builtins."""
        return {name: [round(value, 6) for value in getattr(self, name)] for name in self.__slots__}

    @classmethod
    def from_plain(cls, plain: dict[str, list[float]]) -> Trust:
        """Return what `plain` gave; LookupError or ValueError for anything else."""
        trust = cls()
        for name in cls.__slots__:
            values = plain[name]
            if len(values) != len(getattr(trust, name)):
                raise ValueError(f"{name}: {len(values)} values")
            setattr(trust, name, values)
        return trust


def _within(value: float, least: float, most: float) -> float:
    return least if value < least else min(value, most)
