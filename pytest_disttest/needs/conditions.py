"""The conditions inside the ``hw`` mark: their words, their grammar, and how several become one list.

A condition is ``KEY OPERATOR VALUE``. The keys are a table; what a key's values may be decides which
operators make sense. Conditions are AND-ed, so contradictions can be refused before anything runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import ge, gt, le, lt
from typing import Any, Final

from pytest_disttest.errors import BadMarker, did_you_mean
from pytest_disttest.model import Requirement, Scalar, Value

from .vocabulary import ALIASES, KEYS, SYSTEMS, Key

_OPERATORS: Final = {
    "number": ("=", "!=", ">", ">=", "<", "<=", "in", "not in"),
    "text": ("=", "!=", "~", "!~", "in", "not in"),
    "set": ("=", "!=", "in", "not in"),
}
_CONDITION: Final = re.compile(
    r"\s*(?P<key>[A-Za-z][\w.-]*?)\s*(?P<operator>>=|<=|!=|==|=|>|<|!~|~|\bnot\s+in\b|\bin\b)\s*(?P<value>.*?)\s*"
)
_LEADING_OPERATOR: Final = re.compile(r"\s*(?P<operator>>=|<=|!=|==|=|>|<|!~|~)\s*(?P<value>.*?)\s*")
_WORD: Final = re.compile(r"[^\s,;()=<>!~]+")


def from_conditions(conditions: Sequence[Any], place: str) -> list[Requirement]:
    """Return the requirements of the positional arguments, each a text such as ``"cores >= 4"``."""
    return [_parsed(condition, place) for condition in conditions]


def from_keywords(keywords: Mapping[str, Any], place: str) -> list[Requirement]:
    """Return the requirements of keyword arguments: ``cores=4`` asks for at least, ``os="linux"`` for equal.

    A list of tags asks for all of them, any other list for one of its values. A text may begin with an
    operator: ``os="!= windows"``.
    """
    return [requirement for word, value in keywords.items() for requirement in _from_keyword(word, value, place)]


def combined(requirements: Iterable[Requirement], place: str) -> tuple[Requirement, ...]:
    """Return *requirements* AND-ed, without repetition and sorted; raise BadMarker where they exclude each other."""
    ordered = sorted(set(requirements), key=_order)
    found: list[Requirement] = []
    for _, group in groupby(ordered, key=lambda r: r.key):
        same_key = [next(equal) for _, equal in groupby(group, key=lambda r: (r.operator, r.value))]
        kept = _tightest(same_key)
        if not _is_satisfiable(kept):
            written = " and ".join(r.origin for r in same_key)
            raise BadMarker(f"hw() asks for {written}, which no host can be", place=place, hint="drop one of them")
        found.extend(kept)
    return tuple(found)


def _parsed(condition: object, place: str) -> Requirement:
    """Read one ``KEY OPERATOR VALUE``."""
    match = _CONDITION.fullmatch(condition) if isinstance(condition, str) else None
    if match is None or not match["value"]:
        raise BadMarker(
            f"hw({condition!r}) is no condition",
            place=place,
            hint='write it as "cores >= 4", "os = linux", "tag = gpu"',
        )
    key = _key(match["key"], place)
    operator = " ".join(match["operator"].split()).replace("==", "=")
    values: object = match["value"]
    if operator.endswith("in"):
        values = [word.strip() for word in match["value"].strip("()").split(",")]
    return _requirement(key, operator, values, place, origin=" ".join(str(condition).split()))


def _from_keyword(word: str, value: object, place: str) -> list[Requirement]:
    key = _key(word, place)
    if isinstance(value, str) and (match := _LEADING_OPERATOR.fullmatch(value)):
        operator = match["operator"].replace("==", "=")
        return [_requirement(key, operator, match["value"], place, origin=f"{word} {operator} {match['value']}")]
    if isinstance(value, list | tuple | set | frozenset):
        values = sorted(value, key=str)
        if key.kind == "set":
            return [_requirement(key, "=", each, place, origin=f"{key.name} = {each}") for each in values]
        shown = ", ".join(map(str, values))
        return [_requirement(key, "in", values, place, origin=f"{word} in ({shown})")]
    operator = ">=" if key.kind == "number" else "="
    shown_word = key.name if key.kind == "set" else word
    return [_requirement(key, operator, value, place, origin=f"{shown_word} {operator} {value}")]


def _key(word: str, place: str) -> Key:
    name = ALIASES.get(word, word)
    if name not in KEYS:
        raise BadMarker(f"hw() knows no {word!r}", place=place, hint=did_you_mean(word, (*KEYS, *ALIASES)))
    return KEYS[name]


def _requirement(key: Key, operator: str, value: object, place: str, *, origin: str) -> Requirement:
    """Return the requirement, refusing an operator that its kind of value does not have."""
    if operator not in _OPERATORS[key.kind]:
        usable = ", ".join(_OPERATORS[key.kind])
        raise BadMarker(
            f"hw({origin!r}): {operator!r} makes no sense for {key.name}", place=place, hint=f"usable here: {usable}"
        )
    read: Value
    if isinstance(value, list):
        read = tuple(sorted({_scalar(key, operator, each, place, origin) for each in value}, key=_by_type))
    else:
        read = _scalar(key, operator, value, place, origin)
    shown = "has" if (key.kind, operator) == ("set", "=") else operator
    return Requirement(key.name, shown, read, origin)


def _scalar(key: Key, operator: str, value: object, place: str, origin: str) -> Scalar:
    if key.kind == "number":
        return _whole(value, place, origin)
    if operator in ("~", "!~"):
        return _pattern(value, place, origin)
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise BadMarker(f"hw({origin!r}): {value!r} is no single word", place=place, hint="one condition per text")
    word = key.normal(value)
    if key.known and word not in key.known:
        raise BadMarker(f"hw({origin!r}): no {key.name} is called {value!r}", place=place,
                        hint=did_you_mean(word, (*key.known, *SYSTEMS)))  # fmt: skip
    return word


def _whole(value: object, place: str, origin: str) -> int:
    # A bool is an int to Python, and cores=True is a slip.
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise BadMarker(f"hw({origin!r}): {value!r} is no whole number", place=place, hint="say cores=4")


def _pattern(value: object, place: str, origin: str) -> str:
    try:
        return re.compile(str(value)).pattern
    except re.error as fault:
        raise BadMarker(f"hw({origin!r}): {value!r} is no regular expression: {fault}", place=place) from fault


def _by_type(value: Scalar) -> tuple[str, Scalar]:
    return type(value).__name__, value


def _order(requirement: Requirement) -> tuple[str, str, int, str, str]:
    r = requirement
    return r.key, r.operator, _limit(r), str(r.value), r.origin


def _limit(requirement: Requirement) -> int:
    return requirement.value if isinstance(requirement.value, int) else 0


def _tightest(requirements: Sequence[Requirement]) -> list[Requirement]:
    """Return *requirements* of one key with only the tightest lower and the tightest upper bound among them."""
    lower = [r for r in requirements if r.operator in (">", ">=")]
    upper = [r for r in requirements if r.operator in ("<", "<=")]
    # At the same number the strict bound is the tighter one.
    best_lower = max(lower, key=lambda r: (_limit(r), r.operator == ">"), default=None)
    best_upper = min(upper, key=lambda r: (_limit(r), r.operator == "<="), default=None)
    return [r for r in requirements if r not in (*lower, *upper) or r in (best_lower, best_upper)]


def _is_satisfiable(requirements: Sequence[Requirement]) -> bool:
    """Whether some value can meet all *requirements*, which share a key."""
    match KEYS[requirements[0].key].kind:
        case "set":
            return _has_tags_left(requirements)
        case "number":
            return _has_number_left(requirements)
    listed = [set(_listed(r.value)) for r in requirements if r.operator in ("=", "in")]
    # Without a list of values any text may do: two regular expressions are not worth comparing here.
    return not listed or _any_allowed(requirements, set.intersection(*listed))


def _has_tags_left(requirements: Sequence[Requirement]) -> bool:
    """Whether each tag, or one tag of each choice, that is asked for is not refused elsewhere."""
    refused = {tag for r in requirements if r.operator in ("!=", "not in") for tag in _listed(r.value)}
    return all(set(_listed(r.value)) - refused for r in requirements if r.operator in ("has", "in"))


def _has_number_left(requirements: Sequence[Requirement]) -> bool:
    """Whether a whole number is left between the bounds of *requirements* and beside what they exclude."""
    numbers = {n for r in requirements for n in _listed(r.value) if isinstance(n, int)}
    # Whatever number would do, one among these and their neighbours would, or one past the exclusions.
    reach = range(len(numbers) + 1)
    return _any_allowed(requirements, {0, *(n + step for n in numbers for step in reach)})


def _any_allowed(requirements: Sequence[Requirement], values: Iterable[Scalar]) -> bool:
    return any(all(_allows(r, value) for r in requirements) for value in values)


def _listed(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _allows(requirement: Requirement, value: Scalar) -> bool:
    """Whether a host whose only value is *value* would do."""
    wanted = requirement.value
    match requirement.operator:
        case "=" | "in":
            return value in _listed(wanted)
        case "!=" | "not in":
            return value not in _listed(wanted)
        case "~" | "!~":
            return bool(re.search(str(wanted), str(value))) == (requirement.operator == "~")
    limit = _limit(requirement)
    bounds = {">": gt, ">=": ge, "<": lt, "<=": le}
    return bool(bounds[requirement.operator](value, limit))
