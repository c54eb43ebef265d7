"""Tests that have something in common: a function's parameters, a class, a file, the suite."""

from __future__ import annotations

from collections.abc import Sequence

KEPT = 64
"""A group's median is that of so many newest times."""
FEWEST = 3
"""Fewer times say little about a group."""


class Weight:
    """A number that is not known for sure: its mean and its variance."""

    __slots__ = ("mean", "variance")

    def __init__(self, mean: float, variance: float) -> None:
        self.mean = mean
        self.variance = variance


class Group:
    """A term of the model, and the newest times of its members, as logarithms.

    *hosts* are further terms: what is special about this group on a class of hosts.
    """

    __slots__ = ("_sorted", "hosts", "source", "times", "weight")

    def __init__(self, source: str, weight: Weight) -> None:
        self.source = source
        self.weight = weight
        self.hosts: dict[str, Weight] = {}
        self.times: list[float] = []
        self._sorted: list[float] = []

    def add(self, time: float) -> None:
        """Take in one more time, and forget the oldest of too many."""
        times = self.times
        times.append(time)
        if len(times) > KEPT:
            del times[0]
        self._sorted = []

    @property
    def is_telling(self) -> bool:
        return len(self.times) >= FEWEST

    def centre_and_spread(self) -> tuple[float, float]:
        """Return the median and half of what lies between the 16 % that are shortest and the 16 % that are longest."""
        ordered = self._sorted
        if not ordered:
            ordered = self._sorted = sorted(self.times)
        last = len(ordered) - 1
        return middle(ordered), max((ordered[round(0.84 * last)] - ordered[round(0.16 * last)]) / 2, 0.1)


class Surroundings:
    """The groups that a test belongs to, narrowest first, and the model's terms for each class of hosts."""

    __slots__ = ("groups", "key", "kind", "terms")

    def __init__(self, key: tuple[str, str, str], groups: tuple[Group, ...], kind: Group) -> None:
        self.key = key
        self.groups = groups
        self.kind = kind
        self.terms: dict[str, tuple[Weight, ...]] = {}


def middle(ordered: Sequence[float]) -> float:
    """Return the median of a sorted sequence, which is not empty."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
