"""Times: seconds as a number, or text with units (``"90 s"``, ``"15 min"``, ``"1h 30min"``)."""

from __future__ import annotations

import math
import re
from typing import Final

UNITS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,12})?)\s*([A-Za-z]+)?")


def seconds_of(value: object) -> float:
    """Return the seconds of a number, or of text such as ``"90"``, ``"90 s"``, ``"1h 30min"``.

    Raises ValueError whose text says what is wrong: no number, an unknown unit, nothing or less than nothing.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    found = float(str(value)) if is_number else _from_text(str(value).strip())
    if not (math.isfinite(found) and found > 0):
        raise ValueError(f"{value!r} is no time from now on")
    return found


def _from_text(text: str) -> float:
    found, at = 0.0, 0
    while at < len(text):
        match = _PART.match(text, at)
        if match is None:
            raise ValueError(f"{text!r} is no time")
        number, unit = match.groups()
        if unit is None and match.group(0) != text:
            raise ValueError(f"{text!r} lacks a unit: ms, s, min, h or d")
        if unit is not None and unit not in UNITS:
            raise ValueError(f"{unit!r} is no unit of time: say ms, s, min, h or d")
        found += float(number) * UNITS[unit or "s"]
        at = match.end()
    return found
