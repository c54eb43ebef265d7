"""When predictions go wrong: what a run says of them, and what to expect of the tests that are left.

Errors of single tests say nothing of others, and are left to the scheduler, which looks anew at every question. What
counts here is what tests have in common. A unit of the plan (a file, a class, a group) all of whose tests so far took
several times as long as others did, compared with what was expected, will go on so. And where the errors of the last
tests are so wild that expectations tell nothing, it is better to have none: then each test counts the same, and what
most others wait for goes first.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from pytest_disttest.model import Plan
from pytest_disttest.schedule.guidance import Ended, Times

TELLING_S = 0.05
"""A test that took, and was expected to take, less says nothing: that is the noise of any machine."""
OFF = math.log(2.0)
"""How far off a unit must be, compared with the run as a whole, before its other tests are thought of anew."""
FEWEST = 3
"""So many tests of a unit must agree on it."""
WILD = math.log(4.0)
"""The typical error from which on nothing is expected any more: off by a factor of four, one way or the other."""
SURE = 4.0
"""By how many standard deviations of its mean a unit must be off."""
RECENT = 60
ENOUGH = 30


class Doubts:
    """Compares what tests take with what *times* foretold, by unit of the plan. *classes* are those of places."""

    def __init__(self, plan: Plan, times: Times, classes: Mapping[str, str]) -> None:
        self._plan = plan
        self._times = times
        self._classes = classes
        self._unit_of = {case: number for number, unit in enumerate(plan.units) for case in unit.cases}
        self._errors: dict[int, list[float]] = {}
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._corrected: dict[int, float] = {}
        self._is_lost = False

    def revise(self, ended: Sequence[Ended]) -> Mapping[int, float] | None:
        """Return by how much each case that is not as expected takes longer, if that has changed; None to go on.

        Cases that are not in the answer take as long as was expected at the beginning.
        """
        for case, place, took_s in ended:
            error = self._error(case, place, took_s)
            if error is not None:
                self._errors.setdefault(self._unit_of[case], []).append(error)
                self._recent.append(error)
        if self._is_wild():
            return self._without()
        factors = self._factors()
        was_lost, self._is_lost = self._is_lost, False
        if not was_lost and not self._has_changed(factors):
            return None
        self._corrected = factors
        return {case: f for number, f in factors.items() for case in self._plan.units[number].cases}

    def _error(self, case: int, place: str, took_s: float) -> float | None:
        """Return how far off a prediction was, as a logarithm; None where that says nothing."""
        key = case, self._classes.get(place, "")
        expected_s = self._times.on_class.get(key, self._times.everywhere.get(case, 0.0))
        if case not in self._unit_of or expected_s <= 0 or took_s <= 0 or max(took_s, expected_s) < TELLING_S:
            return None
        return math.log(took_s / expected_s)

    def _is_wild(self) -> bool:
        recent = self._recent
        if len(recent) < ENOUGH:
            return False
        level = fmean(recent)
        limit = WILD / 2 if self._is_lost else WILD  # who has lost faith is not convinced by one good moment
        return fmean(abs(error - level) for error in recent) > limit

    def _without(self) -> Mapping[int, float] | None:
        """Let all cases count the same."""
        if self._is_lost:
            return None
        self._is_lost, self._corrected = True, {}
        known = self._times.everywhere
        usual_s = median(known.values())
        return {case: usual_s / expected_s for case, expected_s in known.items() if expected_s > 0}

    def _factors(self) -> dict[int, float]:
        """Return by how much units are off, beyond what the run is as a whole and what chance would bring about."""
        means = {number: fmean(errors) for number, errors in self._errors.items() if len(errors) >= FEWEST}
        if len(means) < FEWEST:
            return {}
        level, scatter = median(means.values()), self._scatter(means)
        off = {number: mean - level for number, mean in means.items()}
        return {
            number: math.exp(by)
            for number, by in off.items()
            if abs(by) > max(OFF, SURE * scatter / math.sqrt(len(self._errors[number])))
        }

    def _scatter(self, means: Mapping[int, float]) -> float:
        """Return the standard deviation of tests around the means of their units."""
        squares = sum((error - mean) ** 2 for number, mean in means.items() for error in self._errors[number])
        return math.sqrt(squares / sum(len(self._errors[number]) - 1 for number in means))

    def _has_changed(self, factors: Mapping[int, float]) -> bool:
        before = self._corrected
        return any(
            abs(math.log(factors.get(number, 1.0) / before.get(number, 1.0))) > OFF / 2
            for number in {*factors, *before}
        )
