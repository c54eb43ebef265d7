"""Conditions as keyword arguments: the short form, in which a bare value means what is mostly meant by it.

At least so much of what is counted or ordered, the same for text, all of several words of a set, one of several
other words, a version or one below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_disttest.errors import BadMarker
from pytest_disttest.model import Requirement

from .conditions import leading, limited, stated, subject
from .families import from_family, is_family
from .splitting import conditions_in
from .values import BARE, requirement, shown_value
from .versions import versions_below
from .vocabulary import Key

# Numbers that name a thing: a host with a higher one does not have more of it.
_IDENTIFIERS: Final = ("cpu.family", "cpu.model", "cpu.stepping")


def from_keywords(keywords: Mapping[str, Any], place: str) -> list[Requirement]:
    """Return the requirements of keyword arguments: ``cores=4`` asks for at least, ``os="linux"`` for equal.

    A text may begin with an operator: ``os="!= windows"``, ``python=">=3.11, <3.14"``. A mapping speaks of what
    belongs to its word: ``resource={"jtag": 1}``. Raises BadMarker at *place*.
    """
    return [found for word, value in keywords.items() for found in from_keyword(word, value, place)]


def from_keyword(word: str, value: object, place: str) -> list[Requirement]:
    """Return what one keyword asks for."""
    if isinstance(value, Mapping):
        return [found for last, inner in value.items() for found in from_keyword(f"{word}.{last}", inner, place)]
    found = from_family(word, value, place) if is_family(word) else None
    return _of_key(word, value, place) if found is None else found


def _of_key(word: str, value: object, place: str) -> list[Requirement]:
    key, implied = subject(word, place)
    # the dashes of a key that Python would not let the user write are said as they are
    shown = key.name if key.kind == "set" or "_" in word else word
    if isinstance(value, list | tuple | set | frozenset):
        return implied + _list(key, value, place, shown=shown)
    if isinstance(value, str) and leading(value) is not None:
        return implied + [found for part in conditions_in(value) for found in _limit(word, part, place, shown=shown)]
    if isinstance(value, bool) and key.kind == "version":  # package={"torch": True}
        value = "exists" if value else "absent"
    if isinstance(value, str) and value in BARE and key.kind not in ("text", "set", "level"):
        return [*implied, requirement(key, value, "", place, origin=f"{shown} {value}")]
    return implied + _bare(key, value, place, shown=shown)


def _limit(word: str, part: str, place: str, *, shown: str) -> list[Requirement]:
    """Return what a text that begins with an operator asks for; each of several begins with one."""
    found = leading(part)
    if found is None:
        raise BadMarker(
            f"hw({shown}=…): {part!r} begins with no operator", place=place, hint="write it as '>= 3.11, < 3.14'"
        )
    return stated(word, *found, place=place, origin=f"{shown} {found[0]} {found[1]}")


def _list(key: Key, values: Any, place: str, *, shown: str) -> list[Requirement]:
    ordered = sorted(values, key=str)
    if key.kind == "set":
        return [found for each in ordered for found in _bare(key, each, place, shown=shown)]
    written = ", ".join(shown_value(key.kind, each) for each in ordered)
    return [requirement(key, "in", ordered, place, origin=f"{shown} in ({written})")]


def _bare(key: Key, value: object, place: str, *, shown: str) -> list[Requirement]:
    operator = _meant(key)
    if key.kind == "version" and isinstance(value, str | int) and versions_below(f"{value}.*"):
        value = f"{value}.*"
    written = str(value) if key.kind == "size" else shown_value(key.kind, value)
    return limited(key, operator, value, place, origin=f"{shown} {operator} {written}")


def _meant(key: Key) -> str:
    """Return the operator that a bare value of *key* stands for."""
    at_least = key.kind in ("number", "size", "level") and key.name not in _IDENTIFIERS
    return ">=" if at_least else "="
