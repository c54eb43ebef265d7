"""Who is busy when, as lines of text: a row per worker, time from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WIDTH = 60
MOST_ROWS = 24
SHADES = " ░▒▓█"


class Bar(NamedTuple):
    """Something that ran on a worker of a host, in seconds from the start."""

    worker: str
    host: str
    started_s: float
    ended_s: float


def gantt(bars: Sequence[Bar], *, width: int = WIDTH, most_rows: int = MOST_ROWS) -> list[str]:
    """Return a row per worker, by host; a column is as dark as the worker is busy meanwhile. [] for no bars."""
    end_s = max((bar.ended_s for bar in bars), default=0.0)
    if end_s <= 0:
        return []
    rows: dict[tuple[str, str], list[float]] = {}
    for bar in bars:
        _fill(rows.setdefault((bar.host, bar.worker), [0.0] * width), bar, end_s / width)
    names = {key: f"{key[0]} {key[1]}" for key in sorted(rows)}
    column = max(map(len, names.values()))
    shown = list(names)[:most_rows]
    lines = [f"  {names[key]:<{column}}  {''.join(map(_shade, rows[key]))}".rstrip() for key in shown]
    return lines + ([f"  ... and {len(rows) - most_rows} more workers"] if len(rows) > most_rows else [])


def _fill(row: list[float], bar: Bar, step_s: float) -> None:
    first, last = int(bar.started_s / step_s), min(len(row) - 1, int(bar.ended_s / step_s))
    for place in range(first, last + 1):
        overlap_s = min(bar.ended_s, (place + 1) * step_s) - max(bar.started_s, place * step_s)
        row[place] += max(0.0, overlap_s) / step_s


def _shade(busy: float) -> str:
    return SHADES[min(len(SHADES) - 1, int(busy * (len(SHADES) - 1) + 0.5))]
