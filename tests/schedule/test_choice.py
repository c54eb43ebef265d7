"""Which host is taken where several could, and how the weights of the factors follow what choices cost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.schedule.choice import (
    DEFAULTS,
    FACTORS,
    HIGHEST,
    LOWEST,
    Choice,
    Vector,
    Weights,
    adjusted,
    best,
    regret,
)

PARTS = st.floats(0, 1)
vectors = st.builds(Vector, st.floats(0.001, 1000), PARTS, PARTS, PARTS, PARTS)
weights_within = st.builds(Weights, *(st.floats(low, high) for low, high in zip(LOWEST, HIGHEST, strict=True)))


def choice(mine: Vector, **others: Vector) -> Choice:
    return Choice(0, "mine", "gw0", mine, tuple(others.items()))


@pytest.mark.parametrize(
    ("one", "other", "winners"),
    [
        ({"finish_s": 1.0}, {"finish_s": 2.0, "preference": 1.0}, "one"),
        ({"finish_s": 1.0}, {"finish_s": 1.09, "preference": 1.0}, "other"),
        ({"finish_s": 1.0, "preference": 0.5}, {"finish_s": 1.0, "fit": 1.0, "preference": 0.4}, "one"),
        ({"finish_s": 1.0, "fit": 0.0}, {"finish_s": 1.05, "fit": 1.0}, "other"),
        ({"finish_s": 1.0, "fit": 0.0, "warmth": 1.0}, {"finish_s": 1.0, "fit": 1.0, "reliability": 0.9}, "other"),
        ({"finish_s": 1.0, "reliability": 0.9}, {"finish_s": 1.0, "reliability": 0.2, "warmth": 1.0}, "one"),
        ({"finish_s": 1.0, "warmth": 1.0}, {"finish_s": 1.0}, "one"),
        ({"finish_s": 1.0}, {"finish_s": 1.0}, "one other"),
    ],
)
def test_the_factors_count_in_their_order(one: dict[str, Any], other: dict[str, Any], winners: str):
    """An early finish first, within a tenth of it preference, then fit, reliability, warmth; equals are all best."""
    assert {*winners.split()} == best({"one": Vector(**one), "other": Vector(**other)}, DEFAULTS)


@given(st.dictionaries(st.sampled_from("abcdef"), vectors, min_size=1), weights_within)
def test_the_best_is_nearly_the_earliest_and_the_order_of_hosts_says_nothing(
    options: dict[str, Vector], weights: Weights
):
    """However the others are weighed, nobody waits longer than the tolerance for a better host."""
    found = best(options, weights)

    earliest_s = min(vector.finish_s for vector in options.values())
    assert found
    assert all(options[name].finish_s <= earliest_s * (1 + weights.tolerance) for name in found)
    assert found == best(dict(reversed(options.items())), weights)


@given(vectors, vectors, st.floats(0, 10_000), weights_within)
def test_no_weight_leaves_its_bounds(mine: Vector, other: Vector, took_s: float, weights: Weights):
    """Whatever a choice cost, and wherever the weights stood."""
    made = choice(mine, other=other)
    moved = adjusted(weights, made, regret(made, took_s))

    assert all(low <= value <= high for low, value, high in zip(LOWEST, moved, HIGHEST, strict=True))


def test_what_argued_for_a_loss_weighs_less():
    """A preferred host took twice as long as the other had promised: preference, and what it may cost, count less."""
    made = choice(Vector(1.05, preference=1.0), other=Vector(1.0))
    loss = regret(made, 2.0)
    moved = adjusted(DEFAULTS, made, loss)

    assert loss == pytest.approx(1.0)
    assert moved.preference < DEFAULTS.preference
    assert moved.tolerance < DEFAULTS.tolerance
    assert (DEFAULTS.fit, DEFAULTS.reliability, DEFAULTS.warmth) == (moved.fit, moved.reliability, moved.warmth)


def test_what_argued_for_a_gain_weighs_more():
    """The warm host was faster than the other had promised."""
    made = choice(Vector(1.0, warmth=1.0), other=Vector(1.0))
    moved = adjusted(DEFAULTS, made, regret(made, 0.5))

    assert moved.warmth > DEFAULTS.warmth
    assert [getattr(DEFAULTS, name) for name in FACTORS[:3]] == [getattr(moved, name) for name in FACTORS[:3]]


def test_a_choice_of_one_teaches_nothing():
    """There was nothing to compare it with."""
    made = choice(Vector(1.0, preference=1.0))

    assert (0.0, DEFAULTS) == (regret(made, 9.0), adjusted(DEFAULTS, made, 1.0))


def test_bad_luck_ends_at_the_bounds():
    """A hundred losses in a row leave every weight somewhere."""
    weights = DEFAULTS
    for _ in range(100):
        weights = adjusted(weights, choice(Vector(1.05, 1.0, 1.0, 1.0, 1.0), other=Vector(1.0, 0, 0, 0, 0)), 1.0)

    assert weights == LOWEST
