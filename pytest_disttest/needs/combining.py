"""Requirements AND-ed: the tightest limits stay, and what no host can be is found before anybody looks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import ge, gt, le, lt
from typing import Any, Final

from pytest_disttest.errors import BadMarker
from pytest_disttest.model import Requirement, Scalar, Value

from .values import BARE
from .versions import version_key
from .vocabulary import key_of

_BOUNDS: Final = {">": gt, ">=": ge, "<": lt, "<=": le}
_ORDERED: Final = ("number", "size", "version")


def combined(requirements: Iterable[Requirement], place: str) -> tuple[Requirement, ...]:
    """Return *requirements* AND-ed, without repetition and sorted; raise BadMarker where they exclude each other."""
    kept, excluding = narrowed(requirements)
    if excluding:
        raise contradiction(excluding, place)
    return kept


def contradiction(excluding: Iterable[Requirement], place: str) -> BadMarker:
    """Return the error that names conditions which exclude each other."""
    written = " and ".join(r.origin for r in excluding)
    return BadMarker(f"hw() asks for {written}, which no host can be", place=place, hint="drop one of them")


def narrowed(requirements: Iterable[Requirement]) -> tuple[tuple[Requirement, ...], tuple[Requirement, ...]]:
    """Return (*requirements* AND-ed, those of them that exclude each other, none where a host can meet all).

    Requirements are equal whoever wrote them: of equal ones the first by its origin stays.
    """
    ordered = sorted(set(requirements), key=_order)
    kept: list[Requirement] = []
    for name, group in groupby(ordered, key=lambda r: r.key):
        same_key = [next(equal) for _, equal in groupby(group, key=lambda r: (r.operator, r.value))]
        if len(same_key) == 1 and same_key[0].operator != "<":
            kept += same_key  # alone, each can be met; but nothing is less than 0
            continue
        key = key_of(name)
        kind = "text" if key is None else key.kind
        tight = _tightest(same_key, kind) if kind in _ORDERED else same_key
        if not _is_satisfiable(tight, kind):
            return (), tuple(same_key)
        kept += tight
    return tuple(kept), ()


def _order(requirement: Requirement) -> tuple[str, str, int, str, str]:
    r = requirement
    return r.key, r.operator, r.value if isinstance(r.value, int) else 0, str(r.value), r.origin


def _place(kind: str, value: Scalar) -> Any:
    """Return what orders *value* among the others of its kind."""
    return version_key(str(value)) if kind == "version" else value


def _limit(requirement: Requirement, kind: str) -> Any:
    value = requirement.value
    return _place(kind, value[0] if isinstance(value, tuple) else value)


def _tightest(requirements: Sequence[Requirement], kind: str) -> list[Requirement]:
    """Return *requirements* of one key with only the tightest lower and the tightest upper bound among them."""
    lower = [r for r in requirements if r.operator in (">", ">=")]
    upper = [r for r in requirements if r.operator in ("<", "<=")]
    # At the same value the strict bound is the tighter one; of 12 and 12.0, which are equal, the shorter stays.
    best_lower = max(lower, key=lambda r: (_limit(r, kind), r.operator == ">"), default=None)
    best_upper = min(upper, key=lambda r: (_limit(r, kind), r.operator == "<="), default=None)
    return [r for r in requirements if r.operator not in _BOUNDS or r in (best_lower, best_upper)]


def _is_satisfiable(requirements: Sequence[Requirement], kind: str) -> bool:
    """Whether some value, or none at all, can meet all *requirements*, which share a key of this *kind*."""
    if any(r.operator == "absent" for r in requirements):
        # The empty set lacks every word; of other keys, what is absent differs from nothing.
        harmless = ("absent", "!=", "not in", "!~") if kind == "set" else ("absent",)
        return all(r.operator in harmless for r in requirements)
    spoken = [r for r in requirements if r.operator not in BARE]
    match kind:
        case "set":
            return _has_words_left(spoken)
        case "number" | "size":
            return _has_number_left(spoken, kind)
        case "version":
            return _has_version_left(spoken)
        case "flag":
            return _any_allowed(spoken, (True, False), kind)
        case "level":
            # What lies above what only a host knows; but two names are two.
            spoken = [r for r in spoken if r.operator not in (">", ">=")]
    listed = [set(_listed(r.value)) for r in spoken if r.operator in ("=", "in")]
    # Without a list of values any text may do: two regular expressions are not worth comparing here.
    return not listed or _any_allowed(spoken, set.intersection(*listed), kind)


def _has_words_left(requirements: Sequence[Requirement]) -> bool:
    """Whether each word, or one word of each choice, that is asked for is not refused elsewhere."""
    refused = {word for r in requirements if r.operator in ("!=", "not in") for word in _listed(r.value)}
    patterns = [re.compile(str(r.value)) for r in requirements if r.operator == "!~"]
    return all(
        any(word not in refused and not any(p.search(str(word)) for p in patterns) for word in _listed(r.value))
        for r in requirements
        if r.operator in ("has", "in")
    )


def _has_number_left(requirements: Sequence[Requirement], kind: str) -> bool:
    """Whether a whole number is left between the bounds of *requirements* and beside what they exclude."""
    numbers = {n for r in requirements for n in _listed(r.value) if isinstance(n, int)}
    # Whatever number would do, one among these and their neighbours would, or one past the exclusions.
    reach = range(len(numbers) + 1)
    return _any_allowed(requirements, {0, *(n + step for n in numbers for step in reach)}, kind)


def _has_version_left(requirements: Sequence[Requirement]) -> bool:
    """Whether a version is left: between two different ones there is always another."""
    listed = [set(_listed(r.value)) for r in requirements if r.operator in ("=", "in")]
    if listed:
        return _any_allowed(requirements, set().union(*listed), "version")
    lower = next((r for r in requirements if r.operator in (">", ">=")), None)
    upper = next((r for r in requirements if r.operator in ("<", "<=")), None)
    if lower is None or upper is None or _limit(lower, "version") < _limit(upper, "version"):
        return True
    return _any_allowed(requirements, _listed(lower.value), "version")


def _any_allowed(requirements: Sequence[Requirement], values: Iterable[Scalar], kind: str) -> bool:
    return any(all(_allows(r, value, kind) for r in requirements) for value in values)


def _listed(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _allows(requirement: Requirement, value: Scalar, kind: str) -> bool:
    """Whether a host whose only value is *value* would do."""
    wanted = requirement.value
    mine = _place(kind, value)
    match requirement.operator:
        case "=" | "in":
            return any(mine == _place(kind, each) for each in _listed(wanted))
        case "!=" | "not in":
            return all(mine != _place(kind, each) for each in _listed(wanted))
        case "~" | "!~":
            # How a host writes a version that is equal is its own business ("12.0").
            return kind == "version" or bool(re.search(str(wanted), str(value))) == (requirement.operator == "~")
    return bool(_BOUNDS[requirement.operator](mine, _limit(requirement, kind)))
