"""What browsers are given to compute has one right answer."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.browser.arithmetic import LARGEST, Question, agree, layer, product, question, together

RANDOMS = st.integers().map(Random)


def test_a_product_of_matrices():
    """Rows times columns."""
    assert [19, 22, 43, 50] == product(Question(2, (1, 2, 3, 4), (5, 6, 7, 8), (0, 0, 0, 0)))


def test_a_layer_cuts_off_what_is_negative():
    """The product, the bias added, nothing below zero."""
    assert [20, 0, 43, 51] == layer(Question(2, (1, 2, 3, 4), (5, 6, 7, 8), (1, -23, 0, 1)))


@given(RANDOMS)
def test_numbers_are_exact_in_half_precision(random: Random):
    """No sum reaches 2048, whatever is drawn: a wrong number is a wrong computation, not rounding."""
    asked = question(random)

    assert max(map(abs, (*product(asked), *layer(asked)))) < 2048


@given(RANDOMS, st.integers(1, 12))
def test_the_unit_matrix_changes_nothing(random: Random, side: int):
    """The product with 1 is the other factor, from either side."""
    asked = question(random, side)
    unit = tuple(int(place % (side + 1) == 0) for place in range(side * side))

    assert list(asked.a) == product(asked._replace(b=unit))
    assert list(asked.b) == product(asked._replace(a=unit))


@given(RANDOMS)
def test_questions_differ(random: Random):
    """A browser cannot know the answer beforehand."""
    first, second = question(random), question(random)

    assert first != second
    assert all(-LARGEST <= number <= LARGEST for number in (*first.a, *first.b, *first.bias))


def test_only_the_same_numbers_agree():
    """Floats may be the same numbers; what is no list of numbers is not."""
    assert agree([1.0, 2.0], [1, 2])
    assert not any(agree(found, [1, 2]) for found in ([1], [1, 3], [1, 2, 3], None, "12", {"0": 1, "1": 2}))
    assert [1, 2, 5] == together(3)
