"""On which host a case should run, where several could take it: by several factors, which are kept to be shown.

What a host cannot do is no factor: it is not asked. Of the hosts that can, those count on which the case would end
nearly as early as on the best one (within *tolerance*). Of these the one with the highest weighted sum is taken: of
preference, best fit (so that special hosts stay free), reliability, and fixtures that stand there already. Each
factor lies between 0 and 1, and by default outweighs all that follow it.

What a choice turned out to cost, against what the fastest other host promised, moves the weights a little: a factor
that argued for a loss weighs less. None leaves its bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import NamedTuple


class Vector(NamedTuple):
    """What speaks for a host: the seconds until the case would have ended there (less is better), then factors.

    *preference* is the weight of the preferences that the host meets over that of all; *fit* is 1 for the smallest
    and least special of the hosts in question, 0 for the most special one; *reliability* is the share of attempts
    without a fault of the host; *warmth* is 1 where fixtures or the file itself are there already, else 0.
    """

    finish_s: float
    preference: float = 0.0
    fit: float = 1.0
    reliability: float = 1.0
    warmth: float = 0.0


class Weights(NamedTuple):
    """How much each factor counts. *tolerance* is the part of the earliest finish that a better host may cost."""

    tolerance: float = 0.10
    preference: float = 8.0
    fit: float = 4.0
    reliability: float = 2.0
    warmth: float = 1.0


DEFAULTS = Weights()
LOWEST = Weights(0.02, 4.0, 2.0, 1.0, 0.5)
HIGHEST = Weights(0.20, 16.0, 8.0, 4.0, 2.0)
RATE = 0.1
"""How much one choice that cost as much again as it should moves the weights."""
FACTORS = ("preference", "fit", "reliability", "warmth")


class Choice(NamedTuple):
    """Why a case went to *host*: its vector, and those of the *alternatives*, by name; *weights* as they were then."""

    case: int
    host: str
    worker: str
    vector: Vector
    alternatives: tuple[tuple[str, Vector], ...] = ()
    weights: Weights = DEFAULTS


def score(vector: Vector, weights: Weights) -> float:
    """Return the weighted sum of the factors."""
    return (
        vector.preference * weights.preference
        + vector.fit * weights.fit
        + vector.reliability * weights.reliability
        + vector.warmth * weights.warmth
    )


def best(options: Mapping[str, Vector], weights: Weights) -> frozenset[str]:
    """Return the hosts that are as good as any, of *options* by name; there must be one."""
    earliest_s = min(vector.finish_s for vector in options.values())
    latest_s = earliest_s * (1 + weights.tolerance)
    scores = {name: score(vector, weights) for name, vector in options.items() if vector.finish_s <= latest_s}
    highest = max(scores.values())
    return frozenset(name for name, found in scores.items() if found >= highest - 1e-9)


def regret(choice: Choice, took_s: float) -> float:
    """Return what *choice* cost over what the fastest alternative promised, as a part of that: -1 to 1.

    0 where there was none.
    """
    if not choice.alternatives:
        return 0.0
    promised_s = _fastest(choice).finish_s
    return max(-1.0, min(1.0, (took_s - promised_s) / promised_s)) if promised_s > 0 else 0.0


def adjusted(weights: Weights, choice: Choice, loss: float) -> Weights:
    """Return *weights* after a choice with a regret of *loss*; none leaves `LOWEST` and `HIGHEST`."""
    if not choice.alternatives or not loss:
        return weights
    fastest = _fastest(choice)
    moved = {
        factor: getattr(weights, factor)
        * exp(-RATE * loss * (getattr(choice.vector, factor) - getattr(fastest, factor)))
        for factor in FACTORS
    }
    tolerance = weights.tolerance
    if choice.vector.finish_s > fastest.finish_s:
        tolerance *= exp(-RATE * loss)
    return within_bounds(Weights(tolerance, **moved))


def within_bounds(weights: Weights) -> Weights:
    """Return the weights nearest to *weights* that none may leave."""
    return Weights(*(max(low, min(high, value)) for low, value, high in zip(LOWEST, weights, HIGHEST, strict=True)))


def _fastest(choice: Choice) -> Vector:
    return min((vector for _, vector in choice.alternatives), key=lambda vector: vector.finish_s)
