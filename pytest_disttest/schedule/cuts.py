"""Where a fragment is cut: to share what a busy worker has, and to let a long case start early."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from operator import neg

from pytest_disttest.model import Unit
from pytest_disttest.schedule.fragments import Fragment

NEVER = 9
"""The seam level at which a unit is not cut."""
SPLIT_PAYS_S = (0.02, 0.1, 0.3, 0.5)
"""Seconds of predicted work that must change hands before a cut of each seam level pays."""

Seams = Callable[[Unit], tuple[int, ...]]


def price_s(level: int) -> float:
    """Return how many seconds of work must change hands for a cut of *level*."""
    return SPLIT_PAYS_S[min(level, len(SPLIT_PAYS_S) - 1)]


def split(
    fragment: Fragment,
    seams: Seams,
    each_s: float,
    known: Mapping[int, float],
    *,
    busy_s: float = 0.0,
    extra_s: float = 0.0,
) -> Fragment | None:
    """Cut off the later part of a fragment that somebody works on, at the cheapest seam that pays.

    *known* says how long cases take, *each_s* what the others may take (0.0 where nothing is known);
    *busy_s* is how long the owner is busy with what it was given already, *extra_s* what the other worker
    must spend before it can begin. Of the places of one price, the one is taken that is nearest to where
    both would end together: the middle, where history knows nothing. A fragment of which a single case is
    left may be given away whole. Returns the part cut off, or None.
    """
    if fragment.unit.binding or not fragment.has_ready:
        return None
    cases = fragment.pending()
    levels = _levels(fragment, cases, seams)
    after = _seconds_after(cases, each_s, known)
    target = max(0, bisect_right(after, -(after[0] + busy_s) / 2, key=neg) - 1) if known else len(cases) // 2
    for level in sorted(set(levels)):
        if level >= NEVER:
            break
        cut = _nearest(levels, level, min(target, len(cases) - 1))
        if after[cut] >= price_s(level) + extra_s:
            part = fragment.part(cases[cut:], fragment.waiting.intersection(cases[cut:]) if fragment.waiting else set())
            if not part.has_ready:
                return None
            fragment.keep(cases[:cut])
            return part
    return None


def _seconds_after(cases: list[int], each_s: float, known: Mapping[int, float]) -> Sequence[float]:
    """Return for each place how long the cases from there on take."""
    if not known:
        return [count * each_s for count in range(len(cases), -1, -1)]
    return [*accumulate((known.get(case, each_s) for case in reversed(cases)), initial=0.0)][::-1]


def _nearest(levels: list[int], level: int, target: int) -> int:
    """Return the place nearest to *target* where a cut costs *level* at most; of two, the later one."""
    for distance in range(len(levels)):
        for place in (target + distance, target - distance):
            if 0 <= place < len(levels) and levels[place] <= level:
                return place
    raise ValueError(f"no seam of level {level}")


def cut_long(
    fragment: Fragment,
    seams: Seams,
    predicted: Mapping[int, float],
    long_s: float,
    ranks: Mapping[int, float] | None = None,
) -> list[Fragment]:
    """Cut out the cases that are predicted to take *long_s* or more, each as a fragment with its weight.

    With *ranks* these count in place of the time that a case itself takes: what waits for it takes long, too.
    A case stays where cutting it out costs more than it is worth. A binding unit, or a fragment of one
    case, is not cut but gets its weight as a whole. Returns the new fragments, the longest first.
    """
    pending = fragment.pending()
    if fragment.unit.binding or len(pending) == 1:
        whole_s = sum(predicted.get(case, 0.0) for case in pending)
        if ranks is not None:
            whole_s = max(whole_s, *(ranks.get(case, 0.0) for case in pending)) if pending else 0.0
        fragment.weight = whole_s if whole_s >= long_s else 0.0
        return []
    weights = predicted if ranks is None else ranks
    places = [place for place, case in enumerate(pending) if weights.get(case, 0.0) >= long_s]
    if not places:
        return []
    levels = [*_levels(fragment, pending, seams), 0]  # before each case, and after the last
    cut = {pending[at] for at in places if _is_worth(levels[at or 1], levels[at + 1], weights[pending[at]])}
    if len(cut) == len(pending):
        kept = pending[0]
        cut.discard(kept)
        fragment.weight = weights[kept]
    waiting = fragment.waiting
    parts = [fragment.part([case], waiting & {case}) for case in pending if case in cut]
    fragment.keep([case for case in pending if case not in cut])
    for part in parts:
        case = part.pending()[0]
        part.weight, part.each_s = weights[case], predicted.get(case)
    return sorted(parts, key=lambda part: -part.weight)


def _is_worth(before: int, after: int, gained_s: float) -> bool:
    """Whether a case may be taken out between two seams of these levels."""
    level = max(before, after)
    return level < NEVER and gained_s >= price_s(level)


def _levels(fragment: Fragment, cases: list[int], seams: Seams) -> list[int]:
    """The price of a cut right before each of *cases*."""
    if fragment.seams is None:
        prices = seams(fragment.unit)
        fragment.seams = dict(zip(fragment.unit.cases[1:], prices, strict=True))
    known = fragment.seams
    return [known.get(case, 0) for case in cases]
