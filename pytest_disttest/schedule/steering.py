"""What a strategy says beforehand and later on, brought to the stock: what goes first, and from when on."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_disttest.model import Plan
from pytest_disttest.plan.ranks import upward_ranks
from pytest_disttest.schedule.guidance import FIRST_OF_ALL, Ended, Guidance, Revision
from pytest_disttest.schedule.ranking import Ranking
from pytest_disttest.schedule.stock import Stock

FEWEST = 20
PART = 0.02
"""A strategy is asked again when so many tests have ended, or this part of all, whatever is more."""
MOST = 20_000
"""So many open tests can be ranked anew while workers wait: some hundredths of a second."""
TELLING_S = 0.02
"""What took less, and was expected to, is not worth a second thought."""


class Steering:
    """Hastens cases as their moments come, and ranks those that are left anew where the strategy thinks otherwise."""

    def __init__(self, plan: Plan, guidance: Guidance, stock: Stock, ranking: Ranking | None) -> None:
        self._plan = plan
        self._stock = stock
        self._ranking = ranking
        self._moments = sorted(((moment, case) for case, moment in guidance.hastened.items()), reverse=True)
        self._hastened: dict[int, float] = {}
        self._revise: Revision | None = guidance.revise if ranking is not None and guidance.urgency is None else None
        self._at_first: tuple[Mapping[int, float], Mapping[tuple[int, str], float]] = (
            (ranking.known, ranking.predicted_on) if ranking is not None else ({}, {})
        )
        self._classes = sorted({name for _, name in self._at_first[1]})
        self._weights = stock.ranks if stock.ranks is not None else stock.forecast.known
        self._ended: list[Ended] = []
        self.ask_after = max(FEWEST, PART * len(stock.open))

    def look(self, now: float) -> None:
        """Let what is due go before all others."""
        if not self._moments or self._moments[-1][0] > now:
            return
        due = {}
        while self._moments and self._moments[-1][0] <= now:
            moment, case = self._moments.pop()
            due[case] = FIRST_OF_ALL - moment  # the earlier its moment, the sooner
        self._hastened |= due
        self._stock.weigh_anew({**self._weights, **self._hastened}, due, at_most_s=FIRST_OF_ALL / 2)

    def ended(self, case: int, place: str, took_s: float) -> None:
        """Take note that *case* took so long at *place*."""
        if self._revise is None or (took_s < TELLING_S and self._at_first[0].get(case, 0.0) < TELLING_S):
            return
        if len(self._stock.open) > MOST:
            return
        self._ended.append((case, place, took_s))
        if len(self._ended) < self.ask_after:
            return
        ended, self._ended = self._ended, []
        factors = self._revise(ended)
        if factors is not None and self._ranking is not None:
            self._rank_anew(self._ranking, factors)

    def _rank_anew(self, ranking: Ranking, factors: Mapping[int, float]) -> None:
        known, on_class = self._at_first
        still_open = self._stock.open
        expected = {case: known[case] * factors.get(case, 1.0) for case in still_open if case in known}
        there = {
            (case, name): on_class[case, name] * factors.get(case, 1.0)
            for case in still_open
            for name in self._classes
            if (case, name) in on_class
        }
        every = {case: expected.get(case, 0.0) for case in still_open}
        self._weights = upward_ranks(every, self._plan.prerequisites)
        ranking.expect(expected, there, self._weights)
        self._stock.weigh_anew({**self._weights, **self._hastened}, still_open)
