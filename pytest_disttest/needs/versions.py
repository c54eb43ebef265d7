"""Versions are kept as the text that a host tells, and compared by a key.

The order is PEP 440's, pre-releases included, wherever a text follows it. What does not (``6.1.0-13-amd64``,
``OpenCL 3.0 CUDA``, ``20H2``) is compared by its first dotted numbers. ``packaging`` does the first half, but a host
need not have it, and it refuses the second.
"""

from __future__ import annotations

import re
from typing import Final

Key = tuple[int, tuple[int, ...], tuple[int, int], int, tuple[int, int]]
"""Epoch, release without its closing zeros, pre-release, post-release, development release: plain integers."""

_PRE: Final = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_NO_PRE: Final = (3, 0)
_ONLY_DEV: Final = (-1, 0)
_NO_DEV: Final = (1, 0)
_NUMBERS: Final = re.compile(r"[0-9]{1,100}(?:\.[0-9]{1,100})*")
# A product's name may stand in front ("v1.2", "OpenCL 3.0"); what stands behind "+" says how it was built.
_PEP_440: Final = re.compile(
    r"""[a-z\s]*
    (?:(?P<epoch>[0-9]{1,100})!)?
    (?P<release>[0-9]{1,100}(?:\.[0-9]{1,100})*)
    (?:[-_.]?(?P<pre>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<pre_n>[0-9]{0,100}))?
    (?P<post>-(?P<post_1>[0-9]{1,100})|[-_.]?(?:post|rev|r)[-_.]?(?P<post_2>[0-9]{0,100}))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_n>[0-9]{0,100}))?
    (?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ANY_BELOW: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})*)\.\*")


def version_key(text: str) -> Key | None:
    """Return what orders *text* among versions; equal keys are equal versions (``12`` and ``12.0``).

    What stands behind a ``+`` is not compared. None for a text without any number: it is no version.
    Source: PEP 440, "Summary of permitted suffixes and relative ordering".
    """
    match = _PEP_440.fullmatch(text.strip())
    if match is None:
        found = _NUMBERS.search(text)
        return None if found is None else (0, _release(found[0]), _NO_PRE, -1, _NO_DEV)
    pre, post, dev = match["pre"], match["post"], match["dev"]
    before = (_PRE[pre.lower()], int(match["pre_n"] or 0)) if pre else _NO_PRE
    if dev and not pre and not post:
        before = _ONLY_DEV
    return (
        int(match["epoch"] or 0),
        _release(match["release"]),
        before,
        int(match["post_1"] or match["post_2"] or 0) if post else -1,
        (0, int(match["dev_n"] or 0)) if dev else _NO_DEV,
    )


def _release(dotted: str) -> tuple[int, ...]:
    parts = [int(part) for part in dotted.split(".")]
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def versions_below(text: str) -> tuple[str, str] | None:
    """Return the bounds of ``3.11.*``: the least version in it, and the least one past it; None for other texts."""
    match = _ANY_BELOW.fullmatch(text.strip())
    if match is None:
        return None
    *first, last = match[1].split(".")
    # the development releases of 3.12 come before 3.12, and belong to it
    return match[1], ".".join([*first, str(int(last) + 1)]) + ".dev0"
