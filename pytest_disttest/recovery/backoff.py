"""How long to wait before something is tried again."""

from __future__ import annotations

from collections.abc import Callable

Dice = Callable[[], float]
"""Gives a random number from 0 up to, but not including, 1: ``random.random`` in real life."""


def full_jitter_s(attempt: int, dice: Dice, *, first_s: float = 1.0, most_s: float = 60.0) -> float:
    """Return the wait before retry number *attempt* (1 = the first), in seconds: anything up to the doubled limit.

    Many that failed together do not come back together. Raises ValueError if *attempt* < 1.
    Source: M. Brooker, "Exponential Backoff And Jitter" (full jitter), AWS Architecture Blog, 2015.
    """
    if attempt < 1:
        raise ValueError(f"retries are counted from 1, and {attempt} is none")
    return dice() * min(most_s, first_s * 2.0 ** min(attempt - 1, 64))
