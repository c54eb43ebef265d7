"""What a field of a journal's line may hold: whoever reads one refuses everything else."""

from __future__ import annotations

from pytest_disttest.model import Value

LARGEST_COUNT = 2**31 - 1


def text(value: object) -> str:
    """Return *value* if it is a text; TypeError otherwise."""
    if not isinstance(value, str):
        raise TypeError(f"not a text: {value!r}")
    return value


def count(value: object) -> int:
    """Return *value* if it is a whole number that a column can hold; TypeError or ValueError otherwise."""
    if type(value) is not int:
        raise TypeError(f"not a number: {value!r}")
    check_counts(value)
    return value


def fact(value: object) -> Value:
    """Return *value* if it may be a fact's; lists become tuples. TypeError otherwise."""
    if isinstance(value, list):
        return tuple(v for v in value if isinstance(v, (str, int, float, bool)))
    if isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"not a capability's value: {value!r}")


def check_types(values: tuple[object, ...], types: tuple[type, ...]) -> None:
    """Refuse a row whose fields are not exactly of these types."""
    if tuple(map(type, values)) != types:
        raise TypeError(f"wrong types: {values!r}")


def check_counts(*values: int) -> None:
    """Refuse what no column of whole numbers could hold: a flipped bit must cost its line, not the run."""
    if min(values) < 0 or max(values) > LARGEST_COUNT:
        raise ValueError(f"not all of them counts: {values!r}")
