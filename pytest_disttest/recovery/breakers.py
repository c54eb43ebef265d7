"""Breakers: a host, or a device, that fails too often is left out for a while, then tried with care."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from .backoff import Dice, full_jitter_s

ERRORS: Final = 3
FIRST_WAIT_S: Final = 60.0
LONGEST_WAIT_S: Final = 3600.0


class State(str, Enum):
    """Whether a breaker lets tests through: all, none, or one to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


TRANSITIONS: Final[Mapping[tuple[State, str], State]] = MappingProxyType(
    {
        (State.CLOSED, "error"): State.CLOSED,
        (State.CLOSED, "third error"): State.OPEN,
        (State.CLOSED, "success"): State.CLOSED,
        (State.OPEN, "due"): State.HALF_OPEN,
        (State.HALF_OPEN, "error"): State.OPEN,
        (State.HALF_OPEN, "success"): State.CLOSED,
    }
)
"""All there is: what is not listed changes nothing. "due" is the end of the wait, and a probe that found all well."""


class Breaker(NamedTuple):
    """*errors* in a row while closed, *openings* without a success between them; *retry_at* while open.

    *retry_at* is in the seconds of the clock that the caller uses. *reason* says what opened it.
    """

    state: State = State.CLOSED
    errors: int = 0
    openings: int = 0
    retry_at: float = 0.0
    reason: str = ""


def after_error(breaker: Breaker, reason: str, now: float, dice: Dice) -> Breaker:
    """Return the breaker after an error that is the host's, or device's, own."""
    if breaker.state is State.OPEN:
        return breaker
    errors = breaker.errors + 1
    happened = "third error" if breaker.state is State.CLOSED and errors >= ERRORS else "error"
    state = TRANSITIONS[breaker.state, happened]
    if state is not State.OPEN:
        return breaker._replace(errors=errors, reason=reason)
    openings = breaker.openings + 1
    return Breaker(state, errors, openings, now + _wait_s(openings, dice), reason)


def after_success(breaker: Breaker) -> Breaker:
    """Return the breaker after something went well there; while open, nothing is asked to."""
    return breaker if breaker.state is State.OPEN else Breaker()


def when_due(breaker: Breaker, now: float, *, is_well: bool = True) -> Breaker:
    """Return the breaker as it is at *now*: half-open once the wait is over and a probe found all well."""
    if breaker.state is not State.OPEN or now < breaker.retry_at or not is_well:
        return breaker
    return breaker._replace(state=TRANSITIONS[State.OPEN, "due"])


def _wait_s(openings: int, dice: Dice) -> float:
    """Return a wait between half of the limit and all of it: a host that just failed is not tried at once."""
    limit_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(openings - 1, 16))
    return limit_s / 2 + full_jitter_s(1, dice, first_s=limit_s / 2, most_s=limit_s / 2)
