"""What a test would rather have: conditions with weights, and more or less of a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pytest_disttest.errors import BadMarker
from pytest_disttest.model import Preference, Requirement

from .conditions import from_text, subject

_ENDS: Final = ("max", "min")
_HEAVIEST: Final = 1e300  # neither infinite nor an integer that no float can hold


def preferences(value: object, place: str) -> tuple[Preference, ...]:
    """Return the preferences of ``{"gpu.device-name ~ H100": 10, "gpu.memory": "max"}`` or of a list of conditions.

    In a list each weighs 1; ``("max", 5)`` gives an end a weight, ``"gpu.memory max"`` says it in one text. Raises
    BadMarker for a weight that is no positive number, and for what is more than one condition.
    """
    if isinstance(value, str):
        value = [value]
    if isinstance(value, Mapping):
        return tuple(_preference(text, weight, place) for text, weight in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(_preference(text, 1.0, place) for text in value)
    raise BadMarker(f"hw(prefer={value!r}) is no list and no mapping", place=place, hint='prefer=["gpu exists"]')


def united(lists: Iterable[Iterable[Preference]]) -> tuple[Preference, ...]:
    """Return the preferences of several marks, sorted, each once: the weight that comes first is the closest."""
    found: dict[tuple[object, ...], Preference] = {}
    for each in (preference for one in lists for preference in one):
        asked = each.requirement
        found.setdefault((asked.key, asked.operator, asked.value), each)
    return tuple(sorted(found.values(), key=str))


def _preference(text: object, weight: object, place: str) -> Preference:
    key, _, end = text.strip().rpartition(" ") if isinstance(text, str) else ("", "", "")
    if key and end in _ENDS:
        return Preference(_end(key.strip(), end, place), _weight(weight, text, place))
    if isinstance(weight, str):
        return Preference(_end(str(text), weight, place), 1.0)
    if isinstance(weight, list | tuple) and len(weight) == 2:
        return Preference(_end(str(text), weight[0], place), _weight(weight[1], text, place))
    return Preference(_one(text, place), _weight(weight, text, place))


def _one(text: object, place: str) -> Requirement:
    found = from_text(text, place)
    if len(found) != 1:
        raise BadMarker(f"hw(prefer=…): {text!r} says {len(found)} things", place=place, hint="one condition to a text")
    return found[0]


def _end(word: str, end: object, place: str) -> Requirement:
    """Return the requirement that stands for most or least of *word*: its value is 0, and not looked at."""
    if end not in _ENDS:
        raise BadMarker(f"hw(prefer=…): {word!r} cannot be {end!r}", place=place, hint="'max', 'min', or a number")
    key, implied = subject(word, place)
    if key.kind not in ("number", "size") or implied:
        raise BadMarker(f"hw(prefer=…): {word} has no most and no least", place=place, hint="numbers and sizes do")
    return Requirement(key.name, str(end), 0, f"{word} {end}")


def _weight(weight: object, text: object, place: str) -> float:
    if isinstance(weight, int | float) and not isinstance(weight, bool) and 0 < weight <= _HEAVIEST:
        return float(weight)
    raise BadMarker(
        f"hw(prefer=…): {weight!r}, the weight of {text!r}, is no positive number", place=place, hint="say 10 or 0.5"
    )
