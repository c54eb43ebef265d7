"""Who was busy when in a past run, beside what was planned, as text."""

from __future__ import annotations

from typing import Final, TextIO

from pytest_disttest.reports.gantt import Bar, gantt
from pytest_disttest.reports.picture import Block, Picture, furthest_off, seconds
from pytest_disttest.reports.tables import print_table, visible

MOST_ROWS: Final = 80
FURTHEST: Final = 10


def write_timeline(picture: Picture, out: TextIO) -> None:
    """Write what was predicted and what came of it: in words, as a chart, and where it was furthest off."""
    lines = [picture.title, *(f"  {key:<12} {words}" for key, words in picture.facts), ""]
    lines += chart(picture) or ["  no test ran"]
    out.writelines(f"{visible(line)}\n" for line in lines)
    if off := furthest_off(picture, most=FURTHEST):
        out.write("\nfurthest from what was predicted\n")
        columns = ("took", "predicted", "host", "test")
        rows = [(seconds(one.seconds), seconds(one.q50_s), one.lane.host, one.nodeid) for one in off]
        print_table(columns, rows, out, right=("took", "predicted"))


def chart(picture: Picture) -> list[str]:
    """Return a row for each worker, two where something was planned for it, all to one scale; and that scale."""
    digits = len(str(max((lane.place for lane in picture.lanes), default=0)))
    both = bool(picture.planned and picture.actual)
    found = [_bar(block, "planned" if both else "", digits) for block in picture.planned]
    found += [_bar(block, "took" if both else "", digits) for block in picture.actual]
    lines = gantt(found, most_rows=MOST_ROWS)
    return [*lines, f"  from 0 to {seconds(max(bar.ended_s for bar in found))}"] if lines else []


def _bar(block: Block, word: str, digits: int) -> Bar:
    name = f"{block.lane.place:>{digits}} {word:<7}".rstrip() if word else f"{block.lane.place:>{digits}}"
    return Bar(name, block.lane.host, block.started_s, block.ended_s)
