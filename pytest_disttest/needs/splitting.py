"""One text, several conditions: where it is cut, and what quotes are for.

Outside quotes and brackets a comma and the word ``and`` always separate, whatever stands around them, so that no
text has two readings. Who wants either within a value puts the value into quotes.
"""

from __future__ import annotations

import re
from typing import Final

_MARK: Final = re.compile(r"""\\.|"[^"]*"|'[^']*'|[\[\](){}]|,|(?<=\s)and(?=\s)""", re.DOTALL)
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
# Within quotes the same quote is said twice.
_QUOTED: Final = re.compile(r""""((?:[^"]|"")*)"|'((?:[^']|'')*)'""", re.DOTALL)
_NEEDS_QUOTES: Final = re.compile(r"""[,;=<>!~"'()\[\]{}\\]|(?<!\S)and(?!\S)|^\s|\s$|\s\s|[^\S ]|^$""")


def conditions_in(text: str) -> list[str]:
    """Return the parts of *text* between its separators, without the blanks around them."""
    return _cut(text, "and" in text)


def words_in(text: str) -> list[str]:
    """Return the parts of a list ``a, b, "c, d"``, which only commas separate."""
    return _cut(text, ands=False)


def _cut(text: str, ands: bool) -> list[str]:
    if not ands and "," not in text:
        return [text.strip()]
    parts, start = [], 0
    awaited: list[str] = []  # the closing brackets of those that are open
    for match in _MARK.finditer(text):
        mark = match[0]
        if awaited and mark == awaited[-1]:
            awaited.pop()
        elif mark in _CLOSING and awaited[-1:] != ["]"]:  # in a set of characters a bracket is one of them
            awaited.append(_CLOSING[mark])
        elif not awaited and (mark == "," or (ands and mark == "and")):
            parts.append(text[start : match.start()].strip())
            start = match.end()
    return [*parts, text[start:].strip()]


def unquoted(text: str) -> tuple[str, bool]:
    """Return *text* without the quotes around it, and whether there were any."""
    match = _QUOTED.fullmatch(text)
    if match is None:
        return text, False
    return (match[2].replace("''", "'") if match[1] is None else match[1].replace('""', '"')), True


def quoted(text: str) -> str:
    """Return *text* as it stands in a condition: in quotes where it would be read differently without."""
    if not _NEEDS_QUOTES.search(text):
        return text
    if '"' in text and "'" not in text:
        return f"'{text}'"
    return '"{}"'.format(text.replace('"', '""'))
