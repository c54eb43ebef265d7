"""Conditions as texts: ``KEY OPERATOR VALUE``, one or several to a text.

Mostly a condition is one requirement. A few say more: ``npu.memory >= 4 GiB`` is about an accelerator of the type
``npu``, ``gpu absent`` is about the number of GPUs, ``python = 3.11.*`` has two bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from pytest_disttest.errors import BadMarker
from pytest_disttest.model import Requirement

from .naming import DEVICES, named
from .splitting import conditions_in, quoted, unquoted, words_in
from .values import BARE, requirement
from .versions import versions_below
from .vocabulary import ACCELERATORS, KEYS, Key

_SIGNS: Final = r">=|<=|!=|==|=|>|<|!~|~"
_CONDITION: Final = re.compile(
    rf"(?P<key>[A-Za-z][\w.-]*?)\s*(?:(?P<sign>{_SIGNS})|(?<=\s)(?P<word>not\s+in|in|has|exists|absent)\b)"
    r"\s*(?P<value>.*)",
    re.DOTALL,
)
_LEADING: Final = re.compile(
    rf"\s*(?:(?P<sign>{_SIGNS})|(?P<word>not\s+in(?=\s*\()|in(?=\s*\()))\s*(?P<value>.*?)\s*", re.DOTALL
)
# The flags that stand for a whole family of a browser's facts: "webgpu exists" means that it works.
_WORKING: Final = ("webgpu", "webnn")
_UNCLEAR: Final = re.compile(r"[,;=<>!~]")
_HINT: Final = 'write it as "cores >= 4", "os = linux", "gpu.memory >= 16 GiB"'


def from_conditions(conditions: Iterable[Any], place: str) -> list[Requirement]:
    """Return the requirements of texts such as ``"cores >= 4"`` or ``"os = linux, gpu exists"``, AND-ed.

    Raises BadMarker at *place* for what is no condition, an unknown key, and an operator or a value that the
    key does not have.
    """
    return [found for text in conditions for found in from_text(text, place)]


def from_text(text: object, place: str) -> list[Requirement]:
    """Return the requirements of one text."""
    if not isinstance(text, str):
        raise no_condition(text, place)
    return [found for condition in conditions_in(text) for found in _one(condition, text, place)]


def no_condition(part: object, place: str, *, whole: object = None) -> BadMarker:
    """Return the error of something that is no condition; *whole* is the text of which it is a part."""
    if whole is None or whole == part:
        return BadMarker(f"hw({part!r}) is no condition", place=place, hint=_HINT)
    hint = "a value that holds a comma or 'and' stands in quotes"
    return BadMarker(f"hw({whole!r}): {part!r} is no condition", place=place, hint=hint)


def divided(condition: str) -> tuple[str, str, str] | None:
    """Return (key, operator, the rest) of one condition as it is written; None where it is none."""
    match = _CONDITION.fullmatch(condition)
    return None if match is None else (match["key"], _operator(match), match["value"])


def leading(text: str) -> tuple[str, str] | None:
    """Return (operator, the rest) of a text that begins with an operator: ``">= 4"``; None for others."""
    match = _LEADING.fullmatch(text)
    return None if match is None else (_operator(match), match["value"])


def _operator(match: re.Match[str]) -> str:
    return "=" if match["sign"] == "==" else match["sign"] or " ".join(match["word"].split())


def _one(condition: str, whole: str, place: str) -> list[Requirement]:
    found = divided(condition)
    if found is None:
        raise no_condition(condition, place, whole=whole)
    return stated(*found, place=place, origin=" ".join(condition.split()))


def stated(word: str, operator: str, rest: str, *, place: str, origin: str) -> list[Requirement]:
    """Return what ``WORD OPERATOR REST`` asks for."""
    if (operator in BARE) == bool(rest):
        raise no_condition(origin, place)
    whole_family = _of_family(word, operator, rest, place=place, origin=origin)
    if whole_family:
        return whole_family
    key, implied = subject(word, place)
    return implied + limited(key, operator, _value(operator, rest, place=place, origin=origin), place, origin=origin)


def subject(word: str, place: str) -> tuple[Key, list[Requirement]]:
    """Return the key that *word* means and what it implies: ``npu.memory`` is the memory of a certain accelerator."""
    family, dot, last = word.partition(".")
    if not dot or family not in ACCELERATORS:
        return named(word, place), []
    kind = f"accel.type = {family}"
    return named(f"accel.{last}", place), [requirement(KEYS["accel.type"], "=", family, place, origin=kind)]


def limited(key: Key, operator: str, value: object, place: str, *, origin: str) -> list[Requirement]:
    """Return the requirement, or the two bounds of ``= 3.11.*``."""
    bounds = versions_below(value) if key.kind == "version" and operator == "=" and isinstance(value, str) else None
    if bounds is None:
        return [requirement(key, operator, value, place, origin=origin)]
    return [
        requirement(key, sign, bound, place, origin=origin) for sign, bound in zip((">=", "<"), bounds, strict=True)
    ]


def counted(family: str, operator: str, number: object, place: str, *, origin: str) -> list[Requirement]:
    """Return what ``gpu >= 2`` asks for; an accelerator's type is a family too."""
    key, implied = subject(f"{family}.count", place)
    return [*implied, requirement(key, operator, number, place, origin=origin)]


def _of_family(word: str, operator: str, rest: str, *, place: str, origin: str) -> list[Requirement]:
    """Return what a whole family is asked for: that it exists, or how many there are; [] for other conditions."""
    if operator in BARE and word in (*DEVICES, *ACCELERATORS):
        sign, number = (">=", 1) if operator == "exists" else ("=", 0)
        return counted(word, sign, number, place, origin=origin)
    if operator in BARE and word in _WORKING:
        return [requirement(KEYS[word], "=", operator == "exists", place, origin=origin)]
    if word in ("gpu", "accel", *ACCELERATORS):
        value = _value(operator, rest, place=place, origin=origin)
        return counted(word, operator, value, place, origin=origin)
    return []


def _value(operator: str, rest: str, *, place: str, origin: str) -> object:
    """Return the value as text, a list of texts for ``in``, "" where none is due."""
    if operator in ("in", "not in"):
        if not (rest.startswith("(") and rest.endswith(")")):
            raise BadMarker(
                f"hw({origin!r}): a list stands in brackets", place=place, hint="write it as 'os in (a, b)'"
            )
        return [_plain(word, place, origin) for word in words_in(rest[1:-1]) if word]
    text, is_quoted = unquoted(rest)
    return text if is_quoted or operator in ("~", "!~") else _plain(rest, place, origin)


def _plain(text: str, place: str, origin: str) -> str:
    """Return a value; one that looks like half a condition has to say by quotes that it is none."""
    value, is_quoted = unquoted(text)
    if not is_quoted and _UNCLEAR.search(value):
        raise BadMarker(
            f"hw({origin!r}): {value!r} is no single value",
            place=place,
            hint=f"put a comma or 'and' between conditions, and a value with such signs into quotes: {quoted(value)}",
        )
    return value
