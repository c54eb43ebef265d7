"""Sizes: bytes written with a unit. IEC units count in 1024, SI units in 1000, and a bare number is neither.

Source: IEC 80000-13 and the SI. tmt reads them so; HTCondor takes GB for GiB without a word, which is how an
"80 GB" card (85.5 GB, 79.6 GiB) comes to miss a limit of 80.
"""

from __future__ import annotations

import re
from typing import Final

IEC: Final = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4, "PiB": 1024**5}
SI: Final = {"kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4, "PB": 1000**5}
UNITS: Final = {"B": 1, **IEC, **SI}

# Some bound on the digits keeps a slip from becoming a number that nobody can print.
_SIZE: Final = re.compile(r"([0-9]{1,40}(?:\.[0-9]{1,40})?)\s*([A-Za-z]+)")
_BARE: Final = re.compile(r"[0-9]{1,40}(?:\.[0-9]{1,40})?")
_NEGATIVE: Final = re.compile(r"\s*-\s*[0-9]")


def size_in_bytes(text: str) -> int:
    """Return the bytes of a size such as ``"1.5 GiB"``, rounded to whole ones.

    Raises ValueError whose text says what is wrong: no unit (both families are offered), an unknown unit, a
    negative size, a fraction of a byte, or no size at all.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(_why_no_size(text.strip()))
    number, unit = match.groups()
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is no unit of size: say KiB MiB GiB TiB PiB (1024) or kB MB GB TB PB (1000)")
    if unit == "B" and "." in number:
        raise ValueError(f"{text!r} is no whole number of bytes")
    whole, _, part = number.partition(".")
    return _nearest(int(whole + part) * UNITS[unit], 10 ** len(part))


def _nearest(number: int, divisor: int) -> int:
    """Return the whole number nearest to the quotient: no float holds a large size exactly."""
    return (2 * number + divisor) // (2 * divisor)


def _why_no_size(text: str) -> str:
    if _NEGATIVE.match(text):
        return f"{text!r} is negative"
    if _BARE.fullmatch(text):
        return f'{text!r} has no unit: say "{text} GiB" (1024) or "{text} GB" (1000)'
    return f'{text!r} is no size: write it as "8 GiB" (1024) or "8 GB" (1000)'


def shown_size(size_bytes: int) -> str:
    """Return a size in both families, for people: ``79.6 GiB (85.5 GB)``; small ones in bytes.

    Cut off after one decimal, never rounded up: who copies what is shown into a condition asks for no more than
    there is.
    """
    if size_bytes < IEC["KiB"]:
        return f"{size_bytes} B"
    return f"{_cut(size_bytes, IEC)} ({_cut(size_bytes, {u: n for u, n in SI.items() if u != 'KB'})})"


def _cut(size_bytes: int, units: dict[str, int]) -> str:
    unit, factor = max((pair for pair in units.items() if pair[1] <= size_bytes), key=lambda pair: pair[1])
    whole, rest = divmod(size_bytes, factor)
    tenth = rest * 10 // factor
    return f"{whole}.{tenth} {unit}" if tenth else f"{whole} {unit}"


def exact_size(size_bytes: int) -> str:
    """Return a size in the one unit that says it exactly in the fewest digits: ``16 GiB``, ``80 GB``, ``81 B``."""
    units = {unit: factor for unit, factor in UNITS.items() if unit != "KB" and size_bytes % factor == 0}
    return min((f"{size_bytes // factor} {unit}" for unit, factor in units.items()), key=_plainness)


def _plainness(written: str) -> tuple[int, bool, str]:
    number, _, unit = written.partition(" ")
    # "0 B" rather than "0 PiB"; among equals the family that memory is sold in
    return len(number), unit not in IEC and number != "0", "" if unit == "B" else unit
