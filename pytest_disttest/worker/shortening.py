"""Texts that are too long to be told: their beginning and end are kept, and words say how much is not there.

A test may print a gigabyte, or fail with a message of a hundred megabytes. Nobody reads that, a host that sends it
looks dead for as long as it takes, and a message has a longest size (``wire.LONGEST_MESSAGE_BYTES``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LONGEST_TEXT = 4 << 20
"""Characters of one text, or of a list of lines, that are told."""
MOST_CHARACTERS = 16 << 20
"""Characters of all texts of one message together: each is twelve bytes on the wire at worst."""
SHORTER = (LONGEST_TEXT, 64 << 10, 1 << 10)
"""What is tried in turn where a message has many long texts."""
FEW = 8
"""So many texts beside each other are fields of something; more of them are lines."""
OPAQUE = ("$b", "$i")
"""The wire's tags of bytes and long integers: a part of them would be nothing."""


def fitting(value: Any) -> Any:
    """Return *value*, in the wire's builtins, with its texts cut so far that all of it can be told."""
    for longest in SHORTER:
        value = shortened(value, longest)
        if _weight(value) <= MOST_CHARACTERS:
            break
    return value


def shortened(value: Any, longest: int = LONGEST_TEXT) -> Any:
    """Return *value* with every text, and every list of lines, cut to *longest* characters.

    *value* is made of the wire's builtins and is left as it was.
    """
    kind = type(value)
    if kind is str:
        return cut(value, longest)
    if kind is list:
        if len(value) > FEW and all(type(item) is str for item in value):
            return _cut_lines(value, longest)
        return [shortened(item, longest) for item in value]
    if kind is dict:
        return _shortened_mapping(value, longest)
    return value


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return *text*, or its first and last *longest* / 2 characters with a line between them that says what is not."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n{_left_out(len(text) - 2 * half)}\n{text[len(text) - half :]}"


def _shortened_mapping(value: dict[str, Any], longest: int) -> Any:
    if len(value) == 1:
        tag, content = next(iter(value.items()))
        if tag in OPAQUE and type(content) is str and len(content) > longest:
            return _left_out(len(content))
    return {key: shortened(item, longest) for key, item in value.items()}


def _cut_lines(lines: list[str], longest: int) -> list[str]:
    if sum(map(len, lines)) + len(lines) <= longest:
        return lines
    half = longest // 2
    lines = [cut(line, half // 2) for line in lines]
    head = _first_of(lines, half)
    tail = _first_of(reversed(lines[len(head) :]), half)[::-1]
    between = lines[len(head) : len(lines) - len(tail)]
    if not between:
        return lines
    return [*head, f"{_left_out(sum(map(len, between)))} in {len(between):,} lines", *tail]


def _first_of(lines: Iterable[str], longest: int) -> list[str]:
    """Return the first lines that together have *longest* characters."""
    found: list[str] = []
    for line in lines:
        longest -= len(line) + 1
        if longest < 0:
            break
        found.append(line)
    return found


def _left_out(characters: int) -> str:
    return f"[disttest: {characters:,} characters left out]"


def _weight(value: Any) -> int:
    """Return how many characters all texts in *value* have."""
    kind = type(value)
    if kind is str:
        return len(value)
    if kind is list:
        return sum(map(_weight, value))
    return sum(map(_weight, value.values())) if kind is dict else 0
