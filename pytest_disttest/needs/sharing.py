"""How much of a device a test needs, and what it wants to have for itself."""

from __future__ import annotations

from typing import Final

from pytest_disttest.errors import BadMarker

from .units import size_in_bytes

_EXCLUSIVE: Final = ("host", "gpu", "accel")


def share_of(value: object, place: str) -> tuple[float, int]:
    """Return (part of each device, bytes of its memory or 0): ``0.25`` is a quarter, ``"4 GiB"`` is memory."""
    if isinstance(value, str):
        try:
            size = size_in_bytes(value)
        except ValueError as fault:
            raise BadMarker(f"hw(share={value!r}): {fault}", place=place, hint='share=0.25 or share="4 GiB"') from None
        if size:
            return 1.0, size
    elif isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value), 0
    raise BadMarker(
        f"hw(share={value!r}) is no part of a device", place=place, hint='above 0 and at most 1, or a size: "4 GiB"'
    )


def exclusive_of(value: object, place: str) -> str:
    """Return ``host``, ``gpu``, ``accel``, or "" for nothing; True is the host."""
    if isinstance(value, bool):
        return "host" if value else ""
    if value not in _EXCLUSIVE:
        raise BadMarker(f"hw(exclusive={value!r}) is nothing to have alone", place=place,
                        hint=f"one of {', '.join(_EXCLUSIVE)}")  # fmt: skip
    return str(value)
