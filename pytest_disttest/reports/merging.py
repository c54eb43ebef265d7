"""Thousands of tests in a drawing of a thousand pixels: what is too small to be seen alone is drawn together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from pytest_disttest.reports.picture import Block, Lane

Group = tuple[Block, ...]
"""Blocks that are drawn as one, in the order of their starts."""

WORST_FIRST = ("crashed", "failed", "error", "xpassed", "xfailed", "skipped", "passed", "")


def merged(blocks: Iterable[Block], *, least_s: float) -> list[Group]:
    """Return *blocks* by lane and start; such that last less than *least_s* are together, up to that length.

    What was idle for as long lies between groups, not in them. Every block is in exactly one.
    """
    return [group for _, lane in groupby(sorted(blocks), key=_lane_of) for group in _of_lane(list(lane), least_s)]


def worst(group: Sequence[Block]) -> str:
    """Return the outcome that a group is coloured by: one failure among a hundred passes is to be seen."""
    found = {block.outcome for block in group}
    return next((outcome for outcome in WORST_FIRST if outcome in found), "failed")


def files_by_time(blocks: Iterable[Block]) -> list[str]:
    """Return the files, those that take longest first."""
    spent: dict[str, float] = {}
    for block in blocks:
        spent[block.file] = spent.get(block.file, 0.0) + block.seconds
    return sorted(spent, key=lambda file: (-spent[file], file))


def _lane_of(block: Block) -> Lane:
    return block.lane


def _of_lane(blocks: Sequence[Block], least_s: float) -> Iterator[Group]:
    group: list[Block] = []
    for block in blocks:
        if group and not _joins(group, block, least_s):
            yield tuple(group)
            group = []
        group.append(block)
    if group:
        yield tuple(group)


def _joins(group: Sequence[Block], block: Block, least_s: float) -> bool:
    first, last = group[0], group[-1]
    return (
        block.seconds < least_s
        and last.seconds < least_s
        and block.started_s - last.ended_s < least_s
        and block.ended_s - first.started_s <= 2 * least_s
    )
