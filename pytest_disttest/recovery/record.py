"""What recovery steps brought and cost so far, and what is chosen by that."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from .classes import FailureClass
from .steps import RUNGS, Step, fixed_order

LEAST_TRIES: Final = 5
"""Fewer tries of a step say nothing."""
LEAST_S: Final = 0.01
"""What a try costs at least: one that takes no time is no reason to take it for ever."""
PROVEN: Final = 0.5
"""The rate from which on a step is taken that is not taken without a record."""
HOPELESS: Final = 0.2
"""The rate under which hosts are not called many times, and nobody waits for a step."""
FEWEST_CALLS: Final = 2
LONGEST_FIRST: Final = 8.0
"""So many times the usual first wait is the longest."""
MARGIN: Final = 2.0
"""A step may take so many times what nineteen of twenty that succeeded took."""


class StepTried(NamedTuple):
    """One try of a step: how long it took, in *seconds*, and whether it *succeeded* (the table of steps says when).

    *hw_class* is that of the host that failed.
    """

    step: Step
    failure: FailureClass
    hw_class: str
    seconds: float
    succeeded: bool


class Entry(NamedTuple):
    """What is known of a step: *mean_s* and *median_s* of all tries, *q95_s* of those that succeeded (0.0 for none)."""

    tries: int
    successes: int
    mean_s: float
    median_s: float = 0.0
    q95_s: float = 0.0

    @property
    def rate(self) -> float:
        """The part of tries that succeeds, smoothed: the mean of Beta(1 + successes, 1 + failures).

        Source: P.-S. Laplace's rule of succession.
        """
        return (self.successes + 1) / (self.tries + 2)

    @property
    def price_s(self) -> float:
        """Seconds that are spent for each success."""
        return max(self.mean_s, LEAST_S) / self.rate


def entry_of(tries: Collection[StepTried]) -> Entry:
    """Return what *tries* say together, in any order. Raises ValueError where there is none."""
    if not tries:
        raise ValueError("no try, no entry")
    seconds = sorted(tried.seconds for tried in tries)
    middle = (seconds[(len(seconds) - 1) // 2] + seconds[len(seconds) // 2]) / 2
    good = sorted(tried.seconds for tried in tries if tried.succeeded)
    q95_s = good[math.ceil(0.95 * len(good)) - 1] if good else 0.0
    return Entry(len(seconds), len(good), math.fsum(seconds) / len(seconds), middle, q95_s)


class Record:
    """What is known of steps by class of failure and class of hosts."""

    def __init__(self, tries: Iterable[StepTried] = ()) -> None:
        cells: defaultdict[tuple[Step, FailureClass, str], list[StepTried]] = defaultdict(list)
        pools: defaultdict[tuple[Step, FailureClass], list[StepTried]] = defaultdict(list)
        for tried in tries:
            cells[tried.step, tried.failure, tried.hw_class].append(tried)
            pools[tried.step, tried.failure].append(tried)
        self.cells = {cell: entry_of(found) for cell, found in sorted(cells.items())}
        self.pools = {pool: entry_of(found) for pool, found in sorted(pools.items())}

    def known(self, step: Step, failure: FailureClass, hw_class: str) -> Entry | None:
        """Return what is known of a step on a class of hosts; of all hosts where that is too little.

        None where that is too little, too.
        """
        for entry in (self.cells.get((step, failure, hw_class)), self.pools.get((step, failure))):
            if entry is not None and entry.tries >= LEAST_TRIES:
                return entry
        return None

    def order(self, failure: FailureClass, hw_class: str = "") -> tuple[Step, ...]:
        """Return the steps for *failure*, in the order that is expected to recover soonest.

        That is by rising cost divided by probability. Steps of which too little is known keep their places in the fixed
        order, and the others share the remaining ones. The quarantine stays the last resort. A step that needs a record
        is left out until half of its tries succeed.

        Source: L. G. Mitten, "An analytic solution to the least cost testing sequence problem", J. of Industrial
        Engineering 11, 1960; H. A. Simon and J. B. Kadane, "Optimal problem-solving search", Artificial Intelligence 6,
        1975. It minimises the expected cost of tries until one succeeds, if they are independent.
        """
        entries = {step: self.known(step, failure, hw_class) for step in fixed_order(failure)}
        steps = [step for step, entry in entries.items() if not RUNGS[step].needs_record or _is_proven(entry)]
        prices = {
            step: entry.price_s
            for step in steps
            if step is not Step.QUARANTINE and (entry := entries[step]) is not None
        }
        cheapest = iter(sorted(prices, key=prices.__getitem__))
        return tuple(next(cheapest) if step in prices else step for step in steps)


class Waits(NamedTuple):
    """How a lost host is called: up to *calls* times, the first after at most *first_s*; *limit_s* for each answer."""

    calls: int
    first_s: float
    limit_s: float


def waits(entry: Entry | None, usual: Waits, *, least_s: float) -> Waits:
    """Return how to call a host of whose like *entry* is known; *usual* where nothing is.

    Where hosts hardly ever came back they are called twice only. Where nineteen of twenty needed longer than the calls
    would last, waits are longer: they double each time and half of each is expected, so that n calls last
    first_s · (2ⁿ - 1) / 2. An answer may take twice what nineteen of twenty needed, at least *least_s*, and never
    longer than usual.
    """
    if entry is None:
        return usual
    if entry.rate < HOPELESS:
        return usual._replace(calls=min(usual.calls, FEWEST_CALLS))
    needed_s = 2.0 * entry.q95_s / (2.0 ** min(usual.calls, 64) - 1.0)
    first_s = min(max(usual.first_s, needed_s), usual.first_s * LONGEST_FIRST)
    return Waits(usual.calls, first_s, limit_s(entry, usual_s=usual.limit_s, least_s=least_s))


def limit_s(entry: Entry | None, *, usual_s: float, least_s: float) -> float:
    """Return how long a step may take: twice what nineteen of twenty successes took, from *least_s* to *usual_s*."""
    if entry is None or not entry.successes:
        return usual_s
    return min(usual_s, max(least_s, MARGIN * entry.q95_s))


def _is_proven(entry: Entry | None) -> bool:
    return entry is not None and entry.rate >= PROVEN
