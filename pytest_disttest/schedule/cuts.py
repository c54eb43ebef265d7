"""Where a fragment is cut: to share what a busy worker has, and to let a long case start early."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from itertools import accumulate

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
    expected: Callable[[int], float],
    waits: Container[int],
    *,
    busy_s: float = 0.0,
    extra_s: float = 0.0,
) -> Fragment | None:
    """Cut off the later part of a fragment that somebody works on, at the cheapest seam that pays.

    *expected* says how long a case may take (0.0 where nothing is known), *busy_s* how long the owner is
    busy with what it was given already, *extra_s* what the other worker must spend before it can begin.
    Of the places of one price, the one is taken that makes both end together. A fragment of which a
    single case is left may be given away whole. Returns the part cut off, or None.
    """
    if fragment.unit.binding or not fragment.has_ready:
        return None
    cases = fragment.pending()
    levels = _levels(fragment, cases, seams)
    until = [0.0, *accumulate(map(expected, cases))]  # seconds before each place
    target = _target(until, busy_s)
    for level in sorted(set(levels)):
        if level >= NEVER:
            break
        cut = min((place for place, at in enumerate(levels) if at <= level), key=lambda p: (abs(p - target), -p))
        if until[-1] - until[cut] >= price_s(level) + extra_s:
            part = fragment.part(cases[cut:], waits)
            if not part.has_ready:
                return None
            fragment.keep(cases[:cut])
            return part
    return None


def _target(until: list[float], busy_s: float) -> int:
    """Return how many cases the owner should keep; half of them where nothing is known of time."""
    count = len(until) - 1
    each_s = until[-1] / count
    if busy_s == 0.0 and all(abs(at - place * each_s) <= 1e-9 for place, at in enumerate(until)):
        return count // 2
    keeps_s = max(0.0, (until[-1] - busy_s) / 2)
    return max(place for place, at in enumerate(until) if at <= keeps_s)


def cut_long(
    fragment: Fragment, seams: Seams, predicted: Mapping[int, float], waits: Container[int], long_s: float
) -> list[Fragment]:
    """Cut out the cases that are predicted to take *long_s* or more, each as a fragment with its weight.

    A case stays where cutting it out costs more than it is worth. A binding unit, or a fragment of one
    case, is not cut but gets its weight as a whole. Returns the new fragments, the longest first.
    """
    pending = fragment.pending()
    if fragment.unit.binding or len(pending) == 1:
        whole_s = sum(predicted.get(case, 0.0) for case in pending)
        fragment.weight = whole_s if whole_s >= long_s else 0.0
        return []
    places = [place for place, case in enumerate(pending) if predicted.get(case, 0.0) >= long_s]
    if not places:
        return []
    levels = [*_levels(fragment, pending, seams), 0]  # before each case, and after the last
    cut = {pending[at] for at in places if _is_worth(levels[at or 1], levels[at + 1], predicted[pending[at]])}
    if len(cut) == len(pending):
        kept = pending[0]
        cut.discard(kept)
        fragment.weight = predicted[kept]
    fragment.keep(case for case in pending if case not in cut)
    parts = [fragment.part([case], waits) for case in pending if case in cut]
    for part in parts:
        part.weight = part.each_s = predicted[part.pending()[0]]
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
