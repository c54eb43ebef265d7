"""What each operator means for each kind of value: from a requirement to a test of what a host has.

Values of different kinds are never equal and never ordered: an answer that makes no sense is "no", not an error,
because a strange host must not stop the run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from pytest_disttest.model import Requirement, Scalar, Value
from pytest_disttest.needs import key_of, kind_of_device, version_key

Test = Callable[[Value], bool]

ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
UPWARD: Final = (">", ">=", "max")
"""Operators for which more is better."""

_EQUAL: Final = ("=", "has", "in")
_UNEQUAL: Final = ("!=", "not in")
_LEVEL: Final = re.compile(r"(?P<family>.+)_v(?P<number>\d{1,2})")


@lru_cache(maxsize=1024)
def kind_of(key: str) -> str:
    """Return the kind of a key's values as the vocabulary has it; ``text`` for a word that is not in it."""
    found = key_of(key)
    return "text" if found is None else found.kind


@lru_cache(maxsize=1024)
def owner_of(key: str) -> str:
    """Return the kind of device that a key is said of, "" for the host's own; the vocabulary's answer, kept."""
    return kind_of_device(key)


def listed(value: Value) -> tuple[Scalar, ...]:
    """Return a value as the tuple of its parts; what crossed a channel may be a list instead of a tuple."""
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def as_number(value: Value) -> float | None:
    """Return a number's value, None for text, for sets, and for truth values, which Python would count too."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def lineage(value: Value) -> tuple[str, ...]:
    """Return a level and all that it descends from, itself first.

    A fact may be that tuple already (a microarchitecture's ancestors are known where it was probed). Of a text alone
    only the numbered family is known: ``x86_64_v3`` descends from ``x86_64_v2``, ``x86_64_v1`` and ``x86_64``.
    """
    if not isinstance(value, str):
        return tuple(map(str, listed(value)))
    found = _LEVEL.fullmatch(value)
    if found is None:
        return (value,)
    family = found["family"]
    return (*(f"{family}_v{number}" for number in range(int(found["number"]), 0, -1)), family)


def rank(kind: str, value: Value) -> Any:
    """Return what orders values of *kind* (compare only with its like), None where they have no order."""
    if kind == "version":
        return _version(str(value))
    if kind == "level":
        return len(lineage(value))
    return None if kind in ("set", "flag") else as_number(value)


def tester(requirement: Requirement) -> Test:
    """Return the test of a value that *requirement* stands for; what is worth preparing is prepared once.

    A fact that is there meets ``exists`` and not ``absent``; an empty set is as good as none.
    """
    sign, wanted = requirement.operator, listed(requirement.value)
    kind = kind_of(requirement.key)
    if sign in ("exists", "absent"):
        return lambda have: (have not in ((), [])) == (sign == "exists")
    if sign in ("~", "!~"):
        patterns = [re.compile(str(pattern)) for pattern in wanted]
        return lambda have: any(p.search(str(part)) for part in _own(kind, have) for p in patterns) == (sign == "~")
    if sign in ORDER:
        return _ordered(kind, sign, wanted)
    if sign in _EQUAL or sign in _UNEQUAL:
        return _equal(kind, wanted, found=sign in _EQUAL)
    raise ValueError(f"no operator {sign!r} tests a value")


@lru_cache(maxsize=4096)
def _version(text: str) -> Any:
    return version_key(text)


def _own(kind: str, have: Value) -> tuple[Scalar, ...]:
    return lineage(have)[:1] if kind == "level" else listed(have)


def _ordered(kind: str, sign: str, wanted: tuple[Scalar, ...]) -> Test:
    """Return the test of an order; both sides must be one value each, of a kind that has an order."""
    if len(wanted) != 1:
        return lambda _: False
    if kind == "level":
        return _descent(sign, wanted[0])
    compare, limit = ORDER[sign], rank(kind, wanted[0])

    def holds(have: Value) -> bool:
        mine = None if isinstance(have, tuple | list) else rank(kind, have)
        return mine is not None and limit is not None and compare(mine, limit)

    return holds


def _descent(sign: str, wanted: Scalar) -> Test:
    """Return the test of a level: ``>=`` holds for it and its descendants, ``<=`` for it and its ancestors."""
    past = 1 if sign in ("<", ">") else 0
    if sign in UPWARD:
        return lambda have: wanted in lineage(have)[past:]
    allowed = lineage(wanted)[past:]
    return lambda have: bool({*lineage(have)[:1]} & {*allowed})


def _equal(kind: str, wanted: tuple[Scalar, ...], *, found: bool) -> Test:
    if kind == "set":
        words = frozenset(wanted)
        return lambda have: words.isdisjoint(listed(have)) != found

    def seen(part: Scalar) -> Any:
        # A truth value is no number, though Python says that True is 1.
        key = _version(str(part)) if kind == "version" else None
        return key or (isinstance(part, bool), part)

    choices = {seen(part) for part in wanted}
    return lambda have: any(seen(part) in choices for part in _own(kind, have)) == found
