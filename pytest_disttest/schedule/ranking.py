"""Which case first, and on which kind of host, where that matters: where cases wait for others, or hosts differ.

Theory of operation. A case's *rank* is the time from its start to the end of the run along the longest way of those
that wait for it; the highest goes first. Where hosts differ, the one that asks need not be the one to take it: what
others will be through with soon, and faster, is left to them. To see that, cases are laid out in the order of their
ranks, each where it costs the run least (`Layout`), until one falls to the host that asks. Nothing of that is kept:
with the next question all is looked at anew, so that wrong predictions cost little. Hosts that are the same to all
cases are one group. Far from the end, those that have as much to do with what only they can as all have on average
(they are *tight*) do that first.

Only cases with a rank of some length take part (`Stock.aim`). All others fill the gaps, in the order of the plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile

from pytest_disttest.model import Plan
from pytest_disttest.plan.ranks import upward_ranks
from pytest_disttest.schedule.backlog import Backlog
from pytest_disttest.schedule.forecast import LONG_S, REST_S, Forecast
from pytest_disttest.schedule.fragments import Fit, Fragment
from pytest_disttest.schedule.layout import Kind, Layout
from pytest_disttest.schedule.paces import Paces
from pytest_disttest.schedule.slowness import Slowness
from pytest_disttest.schedule.workers import Worker

MOST_LOOKED_AT = 96
"""Cases that are laid out for one question; if none of them falls to the host that asks, the least bad one does."""
TIGHT = 0.85
"""Hosts that have so much to do, of the average of all, with what only they can, do that first."""
NOTHING_S = 1e-6
FAR = 0.25
"""A case that takes no more than this part of what is left for each worker can wait for any other one."""
LOOKED_AT_EARLY = 40
FEW = 12
"""So many tests are few enough to look for the best order of them, moving one at a time: some milliseconds."""
MOST_ROUNDS = 3
ADVANTAGE = 0.999
"""Such a case is taken before one of a higher rank if it costs so much less here than elsewhere, compared with that."""
UNSURE = 0.25
"""The part of what a case is expected to take that it may yet take, however long it has been running."""


class Ranking:
    """Ranks of cases, and what is expected of places. *predicted* and *predicted_on* as for the `Scheduler`."""

    def __init__(
        self,
        plan: Plan,
        predicted: Mapping[int, float],
        predicted_on: Mapping[tuple[int, str], float],
        classes: Mapping[str, str],
    ) -> None:
        self.known = _known(plan, predicted, predicted_on, classes)
        self.predicted_on = predicted_on
        self.is_told = False  # by a strategy what goes first
        self._classes = classes
        self._paces = Paces()
        self._slowness = Slowness()
        self.seconds: Callable[[int, str], float] = self._usual  # asked a thousand times for one decision
        self.ranks = upward_ranks(
            {case: self.known.get(case, 0.0) for unit in plan.units for case in unit.cases}, plan.prerequisites
        )
        self._waits = bool(plan.prerequisites)
        self._searched_for = 0
        self._order: dict[int, int] = {}
        self._sets = sorted({frozenset(names) for names in plan.eligible.values()}, key=sorted)
        self._kinds: dict[str, Kind] = {}
        self._kinds_of: dict[Fit, list[tuple[Kind, str]]] = {}

    def _usual(self, case: int, place: str) -> float:
        """Return how long *case* may take at *place*; 0.0 where nothing is known of it."""
        hw_class = self._classes.get(place, "")
        found = self.predicted_on.get((case, hw_class))
        return self.known.get(case, 0.0) * self._paces.get(hw_class, 1.0) if found is None else found

    def _where_some_are_slow(self, case: int, place: str) -> float:
        return self._usual(case, place) * self._slowness.get(place, 1.0)

    def expect(
        self, known: dict[int, float], on_class: Mapping[tuple[int, str], float], ranks: dict[int, float]
    ) -> None:
        """From now on, these are the seconds and the ranks of cases."""
        self.known, self.predicted_on, self.ranks = known, on_class, ranks

    def is_far(self, worker: Worker, now: float) -> bool:
        """Whether *worker* is through only after a while, as far as one can know, or holds up long ones."""
        ranks, known = self.ranks, self.known
        return self._busy_s(worker, now) > REST_S or any(
            ranks.get(case, 0.0) - known.get(case, 0.0) >= LONG_S for case in worker.given
        )

    def learn(self, case: int, place: str, took_s: float) -> None:
        """A class of hosts of which nothing was known is as fast as it proves to be; a host may have got slow."""
        hw_class = self._classes.get(place, "")
        expected_s = self.predicted_on.get((case, hw_class))
        if expected_s is None:
            self._paces.learn(hw_class, self.known.get(case), took_s)
        else:
            self._slowness.note(place, expected_s, took_s)
            self.seconds = self._where_some_are_slow if self._slowness else self._usual

    def pick(
        self,
        worker: Worker,
        workers: Mapping[str, Worker],
        backlog: Backlog,
        now: float,
        forecast: Forecast,
        *,
        above_s: float = 0.0,
    ) -> tuple[Fragment | None, bool]:
        """Return what *worker* is to take of what is weighty in *backlog*, of a rank of more than *above_s*.

        None where all is better left to others; then also whether an idle one is among these, which must be asked.
        """
        if len(self.ranks) <= FEW and not (self._waits or self.is_told):
            return self._pick_of_few(worker, workers, list(_above(backlog, above_s)), now)
        if not above_s:
            mine = [hosts for hosts in self._tight(workers, forecast) if worker.host in hosts]
            early = self._early(worker, backlog, mine, forecast.left_s / len(workers))
            if early is not None:
                return early, False
        # what is urgent goes where it ends first: nobody keeps room for work that may come later
        kept_s = None if self.is_told else self._kept(workers, forecast)
        layout = Layout(self._free(worker, workers, now), kept_s)
        return self._lay_out(worker, self._busy_s(worker, now), _above(backlog, above_s), layout)

    def _pick_of_few(
        self, worker: Worker, workers: Mapping[str, Worker], fragments: list[Fragment], now: float
    ) -> tuple[Fragment | None, bool]:
        """Return what `pick` does, in an order that was searched for: a handful of tests has no average to go by."""
        free, busy_s = self._free(worker, workers, now), self._busy_s(worker, now)
        if self._searched_for != len(workers):
            self._searched_for = len(workers)
            times = {kind: list(found) for kind, found in free.items()}
            times.setdefault(self._kind(worker.host), []).append(busy_s)
            self._order = self._searched(fragments, times)
        fragments.sort(key=lambda fragment: self._order.get(fragment.head, 0))
        return self._lay_out(worker, busy_s, fragments, Layout(free))

    def _searched(self, fragments: Sequence[Fragment], free: Mapping[Kind, list[float]]) -> dict[int, int]:
        """Return the places of cases in the best order that is found by moving one at a time.

        It begins with the order of ranks, or with what fewest hosts can run.
        """
        by_rank = [(fragment.head, fragment.fit) for fragment in fragments]
        by_need = sorted(by_rank, key=lambda one: float("inf") if one[1].hosts is None else len(one[1].hosts))
        order = min(by_rank, by_need, key=lambda order: self._ends(order, free))
        best_s = self._ends(order, free)
        for _ in range(MOST_ROUNDS):
            before_s = best_s
            for moved in list(order):
                rest = [one for one in order if one is not moved]
                for place in range(len(order)):
                    tried = [*rest[:place], moved, *rest[place:]]
                    if (end_s := self._ends(tried, free)) < best_s:
                        order, best_s = tried, end_s
            if best_s == before_s:
                break
        return {case: place for place, (case, _) in enumerate(order)}

    def _ends(self, order: Sequence[tuple[int, Fit]], free: Mapping[Kind, list[float]]) -> tuple[float, float]:
        """Return when the last case ends, laid out in this order, and the sum of all ends."""
        layout = Layout(free)
        last_s = all_s = 0.0
        for case, fit in order:
            spot = layout.best(self._options(case, fit), is_own=False)
            if spot is not None:
                layout.put(spot, is_own=False)
                last_s, all_s = max(last_s, spot.ends_s), all_s + spot.ends_s
        return last_s, all_s

    def _early(
        self, worker: Worker, backlog: Backlog, mine: Collection[frozenset[str]], left_s: float
    ) -> Fragment | None:
        """Return what *worker* is to take while the end is so far that no case can come too late; None otherwise.

        Of the first ones the one that its host is best at, compared with others: on equally good hosts, the first.
        """
        best: Fragment | None = None
        least = float("inf")
        for wanted in ((lambda fit: fit.hosts in mine), (lambda fit: fit.admits(worker.name, worker.host))):
            for fragment in islice(backlog.by_rank(wanted), LOOKED_AT_EARLY):
                if best is None and fragment.weight > FAR * left_s:
                    return None
                if fragment.fit.admits(worker.name, worker.host):
                    cost = self.seconds(fragment.head, worker.host) / self.known.get(fragment.head, 1.0)
                    if cost < least * ADVANTAGE:
                        best, least = fragment, cost
            if best is not None:
                break
        return best

    def _lay_out(
        self, worker: Worker, busy_s: float, fragments: Iterable[Fragment], layout: Layout
    ) -> tuple[Fragment | None, bool]:
        """Let each of *fragments* go where it costs least, until one falls to *worker*; *layout* is filled."""
        least_bad: Fragment | None = None
        least_loss_s = float("inf")
        left_to_idle = False
        kind = self._kind(worker.host)
        for looked_at, fragment in enumerate(fragments):
            if looked_at >= MOST_LOOKED_AT:
                return least_bad, False
            case, fits = fragment.head, fragment.fit.admits(worker.name, worker.host)
            if fragment.fit.excluded or fragment.fit.shunned:  # not for all: the first who may run it is to have it
                if fits:
                    return fragment, False
                continue
            is_own = fragment.fit.hosts is not None
            spot = layout.best(self._options(case, fragment.fit), is_own=is_own)
            best_s = float("inf") if spot is None else spot.cost_s
            if fits:
                own_s = layout.cost_of_asking_s(kind, busy_s, self.seconds(case, worker.host), is_own=is_own)
                if own_s <= best_s:
                    return fragment, False
                if own_s - best_s < least_loss_s:
                    least_bad, least_loss_s = fragment, own_s - best_s
            if spot is not None:
                left_to_idle |= fits and spot.starts_s <= 0.0
                layout.put(spot, is_own=is_own)
        return None, left_to_idle

    def _options(self, case: int, fit: Fit) -> Iterator[tuple[Kind, float]]:
        """Yield the kinds of hosts that *fit* admits, each with the seconds that *case* takes there."""
        return ((kind, self.seconds(case, place)) for kind, place in self._places(fit))

    def _tight(self, workers: Mapping[str, Worker], forecast: Forecast) -> dict[frozenset[str], float]:
        """Return the sets of hosts that have as much to do, with what only they can, as all have; with its seconds."""
        if not forecast.left_on_s:
            return {}
        counts = self._counts(workers)
        share_s = TIGHT * forecast.left_s / sum(counts.values())
        return {
            hosts: left_s
            for hosts, left_s in forecast.left_on_s.items()
            if left_s > NOTHING_S and left_s > share_s * sum(counts.get(kind, 0) for kind in self._kinds_in(hosts))
        }

    def _kept(self, workers: Mapping[str, Worker], forecast: Forecast) -> dict[Kind, float]:
        """Return by kind the seconds that each worker has yet to be given of what only its hosts can run."""
        counts = self._counts(workers)
        kept = dict.fromkeys(counts, 0.0)
        for hosts, left_s in forecast.left_on_s.items():
            kinds = [kind for kind in self._kinds_in(hosts) if kind in counts]
            there = sum(counts[kind] for kind in kinds)
            for kind in kinds:
                kept[kind] += max(0.0, left_s) / there
        return kept

    def _counts(self, workers: Mapping[str, Worker]) -> Counter[Kind]:
        return Counter(self._kind(other.host) for other in workers.values() if not other.finished)

    def _kinds_in(self, hosts: frozenset[str]) -> set[Kind]:
        return {kind for place, kind in self._kinds.items() if place in hosts}

    def _busy_s(self, worker: Worker, now: float) -> float:
        """Return how long *worker* may yet be busy: nobody should wait behind what only seems to be over soon."""
        given_s = sum(self.seconds(case, worker.host) for case in worker.given)
        return max(worker.busy_s(given_s, now), UNSURE * given_s)

    def _free(self, asking: Worker, workers: Mapping[str, Worker], now: float) -> dict[Kind, list[float]]:
        """Return by group of hosts in how many seconds each of their workers is through, but for the one that asks."""
        free: dict[Kind, list[float]] = {}
        for other in workers.values():
            if other is not asking and not other.finished:
                free.setdefault(self._kind(other.host), []).append(self._busy_s(other, now))
        return free

    def _kind(self, place: str) -> Kind:
        """Return the group of hosts that *place* belongs to: those of one class that the same cases fit."""
        found = self._kinds.get(place)
        if found is None:
            found = self._kinds[place] = self._classes.get(place, ""), tuple(place in names for names in self._sets)
            self._kinds_of.clear()
        return found

    def _places(self, fit: Fit) -> list[tuple[Kind, str]]:
        """Return the groups of hosts that *fit* admits, each with one of its places."""
        found = self._kinds_of.get(fit)
        if found is None:
            places = {
                self._kind(place): place for place in sorted(self._kinds) if fit.hosts is None or place in fit.hosts
            }
            found = self._kinds_of[fit] = list(places.items())
        return found


def _above(backlog: Backlog, above_s: float) -> Iterator[Fragment]:
    """Yield what is weighty and has a rank of more than *above_s*, the weightiest first."""
    return takewhile(lambda fragment: fragment.weight > above_s, backlog.by_rank(lambda _: True))


def _known(
    plan: Plan,
    predicted: Mapping[int, float],
    predicted_on: Mapping[tuple[int, str], float],
    classes: Mapping[str, str],
) -> dict[int, float]:
    """Return the seconds of each case on the average place that it fits."""
    known = dict(predicted)
    columns: dict[frozenset[str], list[str]] = {}
    for case, hosts in plan.eligible.items() if predicted_on else ():
        if hosts not in columns:
            columns[hosts] = [classes[place] for place in sorted(hosts) if place in classes]
        there = [predicted_on[case, name] for name in columns[hosts] if (case, name) in predicted_on]
        if there:
            known[case] = sum(there) / len(there)
    return known


def ranking_of(
    plan: Plan,
    predicted: Mapping[int, float],
    predicted_on: Mapping[tuple[int, str], float],
    classes: Mapping[str, str],
) -> Ranking | None:
    """Return the ranking of a run in which it matters: where something is known, and cases wait or hosts differ."""
    if not predicted or not (plan.prerequisites or len(set(classes.values())) > 1):
        return None
    return Ranking(plan, predicted, predicted_on, classes)
