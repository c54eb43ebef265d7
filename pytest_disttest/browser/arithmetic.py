"""What a browser is given to compute, and what must come out: small whole numbers, exact in every float there is.

They are drawn anew for each probe, so that nothing but computing gives the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

SIDE: Final = 8
"""Rows and columns of the matrices: sums stay below 2048, up to which half precision is exact."""
LARGEST: Final = 9


class Question(NamedTuple):
    """Three square matrices with *side* rows, row after row."""

    side: int
    a: tuple[int, ...]
    b: tuple[int, ...]
    bias: tuple[int, ...]


def question(random: Random, side: int = SIDE) -> Question:
    """Return matrices of whole numbers from -9 to 9, as *random* has it."""
    a, b, bias = (tuple(random.randint(-LARGEST, LARGEST) for _ in range(side * side)) for _ in range(3))
    return Question(side, a, b, bias)


def product(asked: Question) -> list[int]:
    """Return a times b, row after row."""
    n = asked.side
    rows = [asked.a[row * n : row * n + n] for row in range(n)]
    columns = [asked.b[column::n] for column in range(n)]
    return [sum(x * y for x, y in zip(row, column, strict=True)) for row in rows for column in columns]


def layer(asked: Question) -> list[int]:
    """Return relu(a times b plus bias): what one layer of a network does."""
    return [max(0, value + add) for value, add in zip(product(asked), asked.bias, strict=True)]


def together(invocations: int) -> list[int]:
    """Return what the invocations of a workgroup write, each a number of its own."""
    return [number * number + 1 for number in range(invocations)]


def agree(found: object, expected: Sequence[int]) -> bool:
    """Whether *found* is a list of just these numbers."""
    return isinstance(found, list) and found == list(expected)
