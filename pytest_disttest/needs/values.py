"""The values of a key: which operators its kind has, and how a value is read, refused and written."""

from __future__ import annotations

import re
from typing import Final

from pytest_disttest.errors import BadMarker, did_you_mean
from pytest_disttest.model import Requirement, Scalar, Value

from .splitting import quoted
from .units import exact_size, size_in_bytes
from .versions import version_key
from .vocabulary import SYSTEMS, Key, key_of

_ORDER: Final = (">", ">=", "<", "<=")
_LISTS: Final = ("in", "not in")
_PATTERNS: Final = ("~", "!~")
BARE: Final = ("exists", "absent")
"""Operators that take no value."""

OPERATORS: Final = {
    "number": ("=", "!=", *_ORDER, *_LISTS, *BARE),
    "size": ("=", "!=", *_ORDER, *_LISTS, *BARE),
    "version": ("=", "!=", *_ORDER, *_PATTERNS, *_LISTS, *BARE),
    "text": ("=", "!=", *_PATTERNS, *_LISTS, *BARE),
    "set": ("=", "!=", *_PATTERNS, *_LISTS, *BARE),
    "flag": ("=", "!=", *BARE),
    # A host tells its own level and those below it. That another one lies above it, it cannot tell.
    "level": ("=", "!=", ">", ">=", *_LISTS, *BARE),
}
"""The operators that make sense for each kind of key."""

_TRUTHS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_DIGITS: Final = re.compile(r"[0-9]{1,40}")


def requirement(key: Key, operator: str, value: object, place: str, *, origin: str) -> Requirement:
    """Return one requirement; raises BadMarker for an operator or a value that its key does not have.

    *value* is a list for ``in`` and ``not in``, and not looked at for ``exists`` and ``absent``, which hold "".
    """
    operator = "=" if operator == "has" and key.kind == "set" else operator
    if operator not in OPERATORS[key.kind]:
        usable = ", ".join(OPERATORS[key.kind])
        raise BadMarker(
            f"hw({origin!r}): {operator!r} makes no sense for {key.name}", place=place, hint=f"usable here: {usable}"
        )
    read: Value
    if operator in BARE:
        read = ""
    elif isinstance(value, list):
        if not value:
            raise BadMarker(f"hw({origin!r}): an empty list", place=place, hint="name at least one value")
        read = tuple(sorted({scalar(key, operator, each, place, origin) for each in value}, key=_by_type))
    else:
        read = scalar(key, operator, value, place, origin)
    shown = "has" if (key.kind, operator) == ("set", "=") else operator
    return Requirement(key.name, shown, read, origin)


def scalar(key: Key, operator: str, value: object, place: str, origin: str) -> Scalar:
    """Return one value of *key* in its usual form; raises BadMarker for what is none.

    *operator* "" reads what a host has, of which more may be said than a condition can ask for.
    """
    if operator in _PATTERNS:
        return _pattern(value, place, origin)
    match key.kind:
        case "number":
            return _whole(value, place, origin)
        case "size":
            return _size(value, place, origin)
        case "version":
            return _version(value, place, origin, is_fact=not operator)
        case "flag":
            return _truth(value, place, origin)
    return _word(key, value, place, origin)


def _whole(value: object, place: str, origin: str) -> int:
    # A bool is an int to Python, and cores=True is a slip.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    raise BadMarker(f"hw({origin!r}): {value!r} is no whole number", place=place, hint="say it as 4 or as '>= 4'")


def _size(value: object, place: str, origin: str) -> int:
    try:
        return size_in_bytes(str(value))
    except ValueError as fault:
        why, _, hint = str(fault).partition(": ")
        raise BadMarker(f"hw({origin!r}): {why}", place=place, hint=hint) from None


def _version(value: object, place: str, origin: str, *, is_fact: bool) -> str:
    if isinstance(value, float):  # 3.10 and 3.1 are one number
        raise BadMarker(
            f"hw({origin!r}): a version is a text, not {value!r}", place=place, hint=f'put it in quotes: "{value}"'
        )
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or version_key(text) is None:
        raise BadMarker(f"hw({origin!r}): {value!r} is no version: it holds no number", place=place)
    if is_fact:
        return text
    if "*" in text:
        raise BadMarker(
            f"hw({origin!r}): {value!r} stands for many versions", place=place, hint="'3.11.*' goes with '=' alone"
        )
    if "+" in text:
        raise BadMarker(
            f"hw({origin!r}): what stands behind '+' is not compared",
            place=place,
            hint=r"search the text for it: 'package.torch ~ \+cu12'",
        )
    return text


def _truth(value: object, place: str, origin: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    raise BadMarker(f"hw({origin!r}): {value!r} is neither true nor false", place=place, hint="say true or false")


def _word(key: Key, value: object, place: str, origin: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadMarker(f"hw({origin!r}): {value!r} is no text", place=place, hint="say a word, or a list of words")
    word = key.normal(value)
    if key.known and word not in key.known:
        hint = did_you_mean(word, (*key.known, *(SYSTEMS if key.name == "os" else ())))
        raise BadMarker(f"hw({origin!r}): no {key.name} is called {value!r}", place=place, hint=hint)
    return word


def _pattern(value: object, place: str, origin: str) -> str:
    try:
        pattern = re.compile(str(value)).pattern
    except (re.error, OverflowError, RecursionError) as fault:
        raise BadMarker(f"hw({origin!r}): {value!r} is no regular expression: {fault}", place=place) from fault
    if not pattern:
        raise BadMarker(f"hw({origin!r}): an empty regular expression is found in everything", place=place)
    return pattern


def _by_type(value: Scalar) -> tuple[str, Scalar]:
    return type(value).__name__, value


def read_fact(name: str, value: object, place: str) -> Value:
    """Return what a person says a host has (``memory = "64 GiB"``) as a fact: bytes, a bool, a tuple for a set.

    For inventories and the files of a lab. Raises BadMarker for an unknown key or a value that it cannot have.
    """
    from .naming import named  # it tells unknown keys, which needs the values of none

    key = named(name, place)
    written = f"{name} = {value}"
    if isinstance(value, list | tuple) and key.kind in ("set", "level"):
        return tuple(scalar(key, "", word, place, written) for word in value)
    found = scalar(key, "", value, place, written)
    # Of a level told by its name alone the matcher knows what numbered ones lie below it.
    return (found,) if key.kind == "set" else found


def shown(requirement: Requirement) -> str:
    """Return *requirement* as a condition that reads the same: ``gpu.memory >= 16 GiB``, ``tag = rack1``."""
    key = key_of(requirement.key)
    kind = "text" if key is None else key.kind
    if requirement.operator in BARE:
        return f"{requirement.key} {requirement.operator}"
    operator = "=" if requirement.operator == "has" else requirement.operator
    if isinstance(requirement.value, tuple):
        return f"{requirement.key} {operator} ({', '.join(shown_value(kind, each) for each in requirement.value)})"
    return f"{requirement.key} {operator} {shown_value(kind, requirement.value)}"


def shown_value(kind: str, value: object) -> str:
    """Return a value as it stands in a condition on a key of this *kind*."""
    if isinstance(value, bool):
        return str(value).lower()
    if kind == "size" and isinstance(value, int):
        return exact_size(value)
    return quoted(value) if isinstance(value, str) else str(value)
