"""The next plain cases for a worker: about as many as take a twentieth of a second, from wherever they lie."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_disttest.schedule.cuts import Seams
from pytest_disttest.schedule.forecast import LONG_S, REST_S
from pytest_disttest.schedule.fragments import Fragment
from pytest_disttest.schedule.ranking import Ranking
from pytest_disttest.schedule.stealing import FETCH_S, Stealing
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

BATCH_S = 0.05
LARGEST_BATCH = 500
SMALLEST_CAP = 8
GROWTH = 4


class Batches:
    """Gathers batches from what a worker owns, what nobody has, and what others have."""

    def __init__(
        self, workers: Mapping[str, Worker], stock: Stock, seams: Seams, ranking: Ranking | None = None
    ) -> None:
        self._workers = workers
        self._stock = stock
        self._forecast = stock.forecast
        self._ranking = ranking
        self.deferred = False
        self._stealing = Stealing(workers, stock, seams)

    def should_rest(self, worker: Worker, now: float) -> bool:
        """Whether what *worker* is given now would only wait for it, while others could take it.

        That is so where it is busy for a while: other workers may yet come, and what it does next is better decided
        when it is through. It is so, too, where the others will have done all that is left by then. What is short is
        not worth the question.
        """
        forecast = self._forecast
        if not worker.given or (forecast.mean_s is None and not forecast.known):
            return False
        busy_s = worker.busy_s(forecast.expected_of(worker.given, forecast.mean_s or 0.0), now)
        ranking = self._ranking
        if ranking is not None and self._stock.backlog.weighty and ranking.is_far(worker, now):
            return True
        if busy_s < LONG_S:
            return False
        others = sum(not other.finished for other in self._workers.values()) - 1
        return busy_s > REST_S or forecast.left_s <= busy_s * others

    def has_above(self, worker: Worker, now: float, rank_s: float) -> bool:
        """Whether a plain case of a rank of more than *rank_s* falls to *worker*."""
        ranking, backlog = self._ranking, self._stock.backlog
        if ranking is None or not backlog.weighty:
            return False
        found, _ = ranking.pick(worker, self._workers, backlog, now, self._forecast, above_s=rank_s)
        return found is not None

    def gather(self, worker: Worker, now: float) -> list[int]:
        """Gather ready cases for about BATCH_S seconds, from what the worker owns, then from elsewhere."""
        batch: list[int] = []
        forecast, still_open = self._forecast, self._stock.open
        limit = min(LARGEST_BATCH, max(SMALLEST_CAP, GROWTH * worker.last_batch))
        budget_s = BATCH_S
        while len(batch) < limit and budget_s > 0:
            fragment = self._source(worker, now, opened=bool(batch))
            if fragment is None:
                break
            is_fetched = fragment.home in worker.fetched
            while fragment.has_ready and len(batch) < limit and budget_s > 0:
                case = fragment.take()
                forecast.hand_out(case)
                if case not in still_open:
                    continue
                batch.append(case)
                expected = forecast.expected_s(case)
                budget_s -= BATCH_S if expected is None else expected
                if is_fetched:
                    worker.untried.add(case)
            if is_fetched:
                budget_s -= FETCH_S
            if not fragment.has_ready:
                self._stock.let_go(fragment, worker)
        return batch

    def _source(self, worker: Worker, now: float, *, opened: bool) -> Fragment | None:
        """Return the fragment that the worker's next case comes from; it is in its hands then."""
        stock = self._stock
        current = worker.fragments[0] if worker.fragments else None
        if self._ranking is not None and stock.backlog.weighty and not (current is not None and current.unit.binding):
            ranked, deferred = self._ranking.pick(worker, self._workers, stock.backlog, now, self._forecast)
            self.deferred |= deferred
            if ranked is not None:
                return stock.own(stock.backlog.take(ranked), worker)
        if current is None or (self._ranking is None and stock.backlog.weighty and not current.unit.binding):
            first = stock.backlog.first(worker.name, worker.host, stock.long_s)
            if first is not None and (current is None or first.weight):
                return stock.own(stock.backlog.take(first), worker)
        if current is not None:
            return current
        if opened and not worker.untried:
            return None
        taken = self._stealing.fetch(worker, now)
        if taken is None and not opened:
            taken = self._stealing.steal(worker, now)
        return None if taken is None else stock.own(taken, worker)
