"""Breakers open after three errors, wait, are tried with care, and close."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from pytest_disttest.recovery.breakers import (
    ERRORS,
    LONGEST_WAIT_S,
    TRANSITIONS,
    Breaker,
    State,
    after_error,
    after_success,
    when_due,
)


def failing(breaker: Breaker, times: int, now: float = 0.0) -> Breaker:
    """Return the breaker after so many errors."""
    for _ in range(times):
        breaker = after_error(breaker, "no space left", now, lambda: 0.5)
    return breaker


def test_the_third_error_in_a_row_opens_it():
    """A success between them begins the count anew."""
    assert State.CLOSED is failing(Breaker(), 2).state
    assert State.CLOSED is failing(after_success(failing(Breaker(), 2)), 2).state
    opened = failing(Breaker(), 3, now=100.0)
    assert Breaker(State.OPEN, 3, 1, 100.0 + 45.0, "no space left") == opened


def test_it_is_half_open_when_its_time_has_come_and_a_probe_finds_all_well():
    """Not before, and not where something still is wrong."""
    opened = failing(Breaker(), 3)

    assert opened == when_due(opened, 44.9)
    assert opened == when_due(opened, 45.0, is_well=False)
    assert State.HALF_OPEN is when_due(opened, 45.0).state


def test_the_canary_decides():
    """A success closes it for good; an error opens it for twice the time."""
    half = when_due(failing(Breaker(), 3), 1000.0)

    assert Breaker() == after_success(half)
    assert (State.OPEN, 2, 1000.0 + 90.0) == failing(half, 1, 1000.0)[:1] + failing(half, 1, 1000.0)[2:4]


def test_an_open_one_hears_nothing():
    """What still comes in from before does not count."""
    opened = failing(Breaker(), 3)

    assert opened == failing(opened, 5, 7.0) == after_success(opened)


class BreakerMachine(RuleBasedStateMachine):
    """Whatever happens, the table is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now, self.before = Breaker(), 0.0, Breaker()

    @rule(die=st.floats(0, 1, exclude_max=True))
    def an_error(self, die: float) -> None:
        self.before, self.breaker = self.breaker, after_error(self.breaker, "why", self.now, lambda: die)

    @rule()
    def a_success(self) -> None:
        self.before, self.breaker = self.breaker, after_success(self.breaker)

    @rule(passed_s=st.floats(0, 5000), is_well=st.booleans())
    def time_passes(self, passed_s: float, is_well: bool) -> None:
        self.now += passed_s
        self.before, self.breaker = self.breaker, when_due(self.breaker, self.now, is_well=is_well)

    @invariant()
    def steps_are_the_tables(self) -> None:
        if self.before.state is not self.breaker.state:
            assert self.breaker.state in {to for (at, _), to in TRANSITIONS.items() if at is self.before.state}

    @invariant()
    def an_open_one_waits_a_while_and_says_why(self) -> None:
        if self.breaker.state is State.OPEN and self.before.state is not State.OPEN:
            assert self.now < self.breaker.retry_at <= self.now + LONGEST_WAIT_S
            assert self.breaker.reason and self.breaker.errors >= ERRORS


TestBreaker = BreakerMachine.TestCase
