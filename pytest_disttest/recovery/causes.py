"""Failures with one cause, told once: the same message, but for what differs every time, from the same place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_VOLATILE: Final = (
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<address>"),
    (re.compile(r"(?<![\w/.])/(?:tmp|var/tmp|private/var/folders)/[^\s'\":,)\]]+"), "<temporary>"),
    (re.compile(r"\bgw\d+\b"), "<worker>"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "<hash>"),
    (re.compile(r"\d+(?:\.\d+)?"), "<n>"),
)
_FRAME: Final = re.compile(r"^(?P<file>[^\s:][^:\n]*\.py):(?P<line>\d+):", re.MULTILINE)
_FOREIGN: Final = ("site-packages", "dist-packages", "/usr/", "/lib/python")
LONGEST: Final = 300


class Failed(NamedTuple):
    """A test's last failure as it was told."""

    nodeid: str
    host: str
    message: str
    longrepr: str = ""


class Group(NamedTuple):
    """Failures with one cause: the *message* of the first, the *place* in the repository, tests and hosts in order."""

    message: str
    place: str
    tests: tuple[str, ...]
    hosts: tuple[str, ...]


def normalised(message: str) -> str:
    """Return the first line of *message* without what differs from one time to the next."""
    line = message.strip().splitlines()[0][:LONGEST] if message.strip() else ""
    for pattern, stands_for in _VOLATILE:
        line = pattern.sub(stands_for, line)
    return line


def deepest_frame(longrepr: str) -> str:
    """Return ``file:line`` of the last frame of a traceback that lies in the repository, "" if none does."""
    found = [match for match in _FRAME.finditer(longrepr) if not _is_foreign(match["file"])]
    return f"{found[-1]['file']}:{found[-1]['line']}" if found else ""


def groups(failures: Iterable[Failed]) -> list[Group]:
    """Return the causes that more than one test has, those with most tests first, then by message.

    The answer does not depend on the order of *failures*.
    """
    by_cause: dict[tuple[str, str], list[Failed]] = {}
    for failed in sorted(failures):
        if failed.message.strip():
            by_cause.setdefault((normalised(failed.message), deepest_frame(failed.longrepr)), []).append(failed)
    found = [_group(place, members) for (_, place), members in by_cause.items()]
    return sorted((group for group in found if len(group.tests) > 1), key=lambda one: (-len(one.tests), one))


def _group(place: str, members: list[Failed]) -> Group:
    tests = tuple(dict.fromkeys(failed.nodeid for failed in members))
    hosts = tuple(sorted({failed.host for failed in members if failed.host}))
    return Group(members[0].message.strip().splitlines()[0][:LONGEST], place, tests, hosts)


def _is_foreign(file: str) -> bool:
    return file.startswith(("/", "..", "<")) or any(part in file for part in _FOREIGN)
