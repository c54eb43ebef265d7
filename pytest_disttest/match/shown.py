"""Values and conditions in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_disttest.model import Requirement, Value
from pytest_disttest.needs import shown as as_condition
from pytest_disttest.needs import shown_size

from .operators import as_number, kind_of, lineage

_MOST_NAMES: Final = 6
_LONGEST: Final = 60


def condition(requirement: Requirement) -> str:
    """Return a requirement as its user wrote it, else as he could have."""
    return requirement.origin or as_condition(requirement)


def shown(key: str, value: Value) -> str:
    """Return a fact's value: sizes in both families of units, a set joined by ``+``, a level without its ancestors."""
    kind = kind_of(key)
    if kind == "level":
        return lineage(value)[0] if value else "nothing"
    if isinstance(value, tuple | list):
        text = "+".join(sorted(map(str, value))) or "nothing"
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rpartition('+')[0]}+…"
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = as_number(value)
    return shown_size(int(number)) if kind == "size" and number is not None else str(value)


def names(hosts: Iterable[str]) -> str:
    """Return host names, sorted; of many only the first ones and how many more there are."""
    ordered = sorted(hosts)
    more = len(ordered) - _MOST_NAMES
    return ", ".join(ordered) if more <= 0 else f"{', '.join(ordered[:_MOST_NAMES])} and {more} more"
