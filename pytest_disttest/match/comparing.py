"""Versions and sizes, until the words' own room offers them."""

from __future__ import annotations

import re
from typing import Final

_NUMBERS: Final = re.compile(r"\d+(?:\.\d+)*")
_IEC: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SI: Final = ("B", "kB", "MB", "GB", "TB", "PB")


def version_key(text: str) -> tuple[int, ...]:
    """Return the first dotted numbers of *text* for comparing, without zeros at their end; () where there are none."""
    found = _NUMBERS.search(text)
    parts = [int(part) for part in found[0].split(".")] if found else []
    while parts[1:] and not parts[-1]:
        parts.pop()
    return tuple(parts)


def shown_size(size: float) -> str:
    """Return bytes in both families of units: ``79.6 GiB (85.5 GB)``; rounded down, so that nothing looks bigger."""
    return f"{_scaled(size, 1024, _IEC)} ({_scaled(size, 1000, _SI)})"


def _scaled(size: float, step: int, units: tuple[str, ...]) -> str:
    power = 0
    while power < len(units) - 1 and size >= step ** (power + 1):
        power += 1
    tenths = int(size * 10 // step**power)
    return f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''} {units[power]}"


def rounded_size(size: int, *, up: bool) -> tuple[int, str]:
    """Return *size* rounded to a tenth of its binary unit, as bytes and in words: 85,503,967,232 is ``79.6 GiB``."""
    power = 0
    while power < len(_IEC) - 1 and size >= 1024 ** (power + 1):
        power += 1
    step = 1024**power
    tenths = -(-size * 10 // step) if up else size * 10 // step
    rounded = -(-tenths * step // 10) if up else tenths * step // 10
    return rounded, f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''} {_IEC[power]}"
