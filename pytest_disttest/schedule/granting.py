"""Who is given a case that asks for something of its host, and when; the others' share of a host beside such cases.

Theory of operation. A case that asks for something goes alone: to a worker that has nothing else in hand, with a
grant from the ledger of its host, which is given back as soon as it has ended. Grants are made as a whole or not at
all and nobody waits while he holds one, so nobody waits for ever. A worker that plain cases keep busy holds room for
one (a slot), wherever a case that takes more may still come.

A worker that asks is first offered what few hosts can run. What has no room now is passed over, and whatever is given
out of what it lacks is counted as overtaking it. After `OVERTAKINGS` the host is reserved: nothing of what that case
lacks is given to others until it has run. Where several hosts could run a case, `choice` says which is to; a worker
leaves it to a better host for as long as that was expected to take, and not much longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.match.usage import CORES, HOST
from pytest_disttest.model import NOTHING, Demand, Grant, Outcome
from pytest_disttest.schedule.asking import Asking
from pytest_disttest.schedule.batches import BATCH_S, LARGEST_BATCH
from pytest_disttest.schedule.choice import DEFAULTS, Choice, Vector, Weights, adjusted, best, regret
from pytest_disttest.schedule.commands import Assign
from pytest_disttest.schedule.elsewhere import Elsewhere
from pytest_disttest.schedule.fragments import Fragment
from pytest_disttest.schedule.outlook import NOMINAL_S, Outlook
from pytest_disttest.schedule.stock import Stock
from pytest_disttest.schedule.workers import Worker

OVERTAKINGS = 8
"""How often others may be given what a waiting case lacks, before its host is reserved for it."""
PATIENCE = 1.5
"""How many times longer than expected a case waits for a better host."""
SHARING_PAYS_S = 0.5
"""Seconds of work that must lie in a class or file at which another worker is, before one more goes at it."""
MOST_CHOICES = 10_000
_SLOT = frozenset({HOST, CORES})


class Granting:
    """Offers cases that ask for something to workers. *choices* tells of each such case why it runs where it does.

    *has_more_urgent*, where ranks count, tells whether a plain case of a rank above so many seconds falls to a worker.
    """

    def __init__(
        self,
        stock: Stock,
        workers: Mapping[str, Worker],
        asking: Asking,
        outlook: Outlook,
        weights: Weights | None = None,
    ) -> None:
        self._stock = stock
        self._workers = workers
        self._asking = asking
        self._outlook = outlook
        self._costly: dict[str, list[int]] = {}
        self._lacking: dict[str, dict[int, frozenset[str]]] = {}
        self._overtaken: Counter[int] = Counter()
        self._reserved: dict[str, int] = {}
        self._patience: dict[int, float] = {}
        self.choices: dict[int, Choice] = {}
        self.weights: Weights = weights or DEFAULTS
        self.deferred = False
        self.has_more_urgent: Callable[[Worker, float, float], bool] | None = None
        self._barren: set[str] | None = None
        self._elsewhere = Elsewhere(asking.ledgers)
        self._options_now: dict[tuple[int, float], dict[str, Vector]] = {}

    # what a worker is offered

    def offer(self, worker: Worker, now: float) -> tuple[Assign | None, bool]:
        """Return what *worker* is to run of what asks for something, and else whether it may be given plain cases."""
        if self._elsewhere and self._elsewhere.bring_back(now):
            self._options_now.clear()
        if worker.given and worker.is_alone:
            worker.resting = True
            return None, False
        if self._barren is not None and worker.host in self._barren and not worker.parked and not worker.using:
            return None, self._leaves_room(worker)
        candidates = self._candidates(worker, now)
        if candidates and self._comes_too_late(candidates, worker, now):
            return None, True
        # Each is looked at, also behind one that is taken: that overtakes it, perhaps.
        for fragment in [one for one in candidates if self._has_room(one, worker)]:
            choice = self._choose(fragment, worker, now)
            if choice is not None:
                if worker.given:  # it takes that when it is through with what it has
                    worker.resting = True
                    return None, False
                return self._hand_out(fragment, worker, choice), False
        if not worker.given:
            self._leave(worker)
            if self._barren is not None and not self._stock.tells_workers_apart:
                self._barren.add(worker.host)
        return None, self._leaves_room(worker)

    def look_around(self, *, begins: bool) -> None:
        """Those that wait are looked at one after the other: where one finds nothing, nor will the next on its host."""
        self._barren = set() if begins else None

    def welcome(self, worker: Worker) -> None:
        """*worker* begins."""
        self._outlook.welcome(worker)
        self._options_now.clear()

    def dismiss(self, worker: Worker) -> None:
        """*worker* is lost."""
        self.vacate(worker)
        self._leave(worker)
        self._outlook.dismiss(worker)

    def beside(self, worker: Worker) -> list[Worker]:
        """Return all workers on the host of *worker*: those to whom its room may come."""
        ledger = self._ledger(worker)
        return [worker] if ledger is None else self._outlook.at(ledger)

    def occupy(self, worker: Worker) -> None:
        """*worker* is given plain cases: it holds room for one, where costly ones may come."""
        self._options_now.clear()
        ledger = self._ledger(worker)
        if ledger is None or not self._matters(worker):
            return
        if not worker.has_room:
            worker.has_room = ledger.grant(NOTHING, worker.name) is not None
        self._count_overtaken(ledger, _SLOT)

    def vacate(self, worker: Worker) -> None:
        """*worker* is through with all that it was given, or is lost."""
        ledger = self._ledger(worker)
        if ledger is not None and worker.has_room:
            ledger.release(worker.name)
        worker.has_room = worker.is_alone = False
        self._options_now.clear()

    def lose(self, place: str, kind: str, device: str) -> Mapping[int, frozenset[str]]:
        """A device is of no use any more; return the hosts that fit each case now."""
        self._elsewhere.let_go(place, kind, device)
        self._asking.lose(place, kind, device)
        return self._asking.plan.eligible

    def hold(self, place: str, kind: str, device: str) -> None:
        """A device is given to nobody until it is lost or restored."""
        self._elsewhere.hold(place, kind, device)
        self._options_now.clear()

    def restore(self, place: str, kind: str, device: str) -> Mapping[int, frozenset[str]]:
        """A device that was held or lost is of use again; return the hosts that fit each case now."""
        self._elsewhere.let_go(place, kind, device)
        self._asking.restore(place, kind, device)
        self._costly.clear()
        self._options_now.clear()
        return self._asking.plan.eligible

    def ask_anew(self, case: int, demand: Demand) -> tuple[int, Mapping[int, frozenset[str]]]:
        """*case* asks for *demand* from now on; return its sign, and the hosts that fit each case now."""
        sign = self._asking.ask_anew(case, demand)
        self._costly.clear()
        self._options_now.clear()
        for worker in self._workers.values():
            if worker.given:  # until now nobody may have had to keep a book of it
                self.occupy(worker)
        return sign, self._asking.plan.eligible

    def join(self, place: str, ledger: Ledger, unfit: frozenset[int]) -> Mapping[int, frozenset[str]]:
        """A host is there that was not before; return the hosts that fit each case now."""
        self._asking.join(place, ledger, unfit)
        self._costly.clear()
        self._options_now.clear()
        return self._asking.plan.eligible

    def has_to_wait(self, worker: Worker, case: int, now: float) -> bool:
        """Another run holds a device of what *case* was granted: nobody is given those for a while.

        Whether the case waits for it all the same: because no other device or host has room, or because it is of a
        group that has begun on *worker*.
        """
        self._elsewhere.put_away(worker.host, self._asking.ledgers[worker.host].granted(worker.name), now)
        self._options_now.clear()
        places = self._asking.plan.eligible[case]
        if worker.host not in places:  # a device of it was lost meanwhile
            return False
        return self._stock.is_bound(case) or not any(self._has_room_at(place, case, worker) for place in places)

    def _has_room_at(self, place: str, case: int, worker: Worker) -> bool:
        """Whether *place* could give *case* what it asks for, were it not for *worker*, which has it in hand."""
        ledger = self._asking.ledgers.get(place)
        if ledger is None or not self._outlook.has_workers(place):
            return False
        is_own = ledger is self._ledger(worker)
        return not self._lacks(case, ledger, apart_from=worker.name if is_own else "")

    def ended(self, worker: Worker, case: int, outcome: Outcome, took_s: float) -> None:
        """Learn from how a case that was chosen for a host ended there."""
        choice = self.choices.get(case)
        if choice is None or choice.worker != worker.name:
            return
        crashed = outcome is Outcome.CRASHED
        self.weights = adjusted(self.weights, choice, 1.0 if crashed else regret(choice, took_s))
        if not crashed:
            self._outlook.learn(case, worker.host, took_s)

    def in_order(self, held: Collection[Worker]) -> list[Worker]:
        """Return workers that wait in the order in which to feed them: special hosts last, so that these stay free."""
        return sorted(held, key=lambda worker: self._outlook.special(worker.host))

    # candidates

    def _comes_too_late(self, candidates: Collection[Fragment], worker: Worker, now: float) -> bool:
        """Whether the end of the run waits for a plain case more than for any of *candidates*."""
        ranks = self._stock.ranks
        if self.has_more_urgent is None or ranks is None or worker.given or not self._leaves_room(worker):
            return False
        rank_s = max(ranks.get(one.head, 0.0) for one in candidates)
        return rank_s > 0.0 and self.has_more_urgent(worker, now, rank_s)

    def _candidates(self, worker: Worker, now: float) -> list[Fragment]:
        """Return what *worker* could begin, were there room: what few hosts can run first, then what it is about."""
        offers = self._stock.backlog.offers
        found = [fragment for fragment in worker.parked if fragment.fit.sign and self._is_fresh(fragment)]
        tops = list(offers.tops(worker.name, worker.host))
        while not all(self._is_fresh(fragment) for fragment in tops):
            tops = list(offers.tops(worker.name, worker.host))
        found += [fragment for fragment in tops if self._may_join(fragment, worker, now)]
        mine = worker.using
        if mine is not None and mine.stamp and mine.user == worker.name and mine not in tops and self._is_fresh(mine):
            found.append(mine)
        return sorted(found, key=lambda fragment: self._order(fragment, worker))

    def _order(self, fragment: Fragment, worker: Worker) -> tuple[float, bool, float, int]:
        hosts = fragment.fit.hosts
        flexibility = float("inf") if hosts is None else len(hosts)
        is_foreign = worker.name not in (fragment.owner, fragment.user)
        return flexibility, is_foreign, -fragment.weight, fragment.place

    def _is_fresh(self, fragment: Fragment) -> bool:
        """Whether the next case of *fragment* is still to be run; takes away the first that is not."""
        if not fragment.has_ready or fragment.head in self._stock.open:
            return fragment.has_ready
        if fragment.stamp:
            self._stock.backlog.take(fragment)
        self._stock.forecast.hand_out(fragment.take())
        if not fragment.owner and len(fragment):
            self._stock.backlog.put(fragment)
        return False

    def _may_join(self, fragment: Fragment, worker: Worker, now: float) -> bool:
        """Whether nobody else is about *fragment*, or so much of it is left that it pays to share."""
        user = self._workers.get(fragment.user)
        if user is None or user is worker:
            return True
        expected_s = self._stock.forecast.expected_s(fragment.head) or 0.0
        # How long the case of the other one has been running says something about those that follow.
        return len(fragment) * max(expected_s, user.running_s(now)) >= SHARING_PAYS_S

    # room

    def _has_room(self, fragment: Fragment, worker: Worker) -> bool:
        """Whether the host has room for the next case of *fragment*; where not, others that get there overtake it."""
        case, ledger = fragment.head, self._ledger(worker)
        if ledger is None:
            return True
        lacks = self._lacks(case, ledger, apart_from=worker.name)
        lacking = self._lacking.setdefault(ledger.host, {})
        if lacks:
            lacking[case] = lacks
            return False
        lacking.pop(case, None)
        first = self._reservation(ledger)
        return first is None or first == case or not self._collides(case, first, ledger, worker)

    def _lacks(self, case: int, ledger: Ledger, apart_from: str = "") -> frozenset[str]:
        asking = self._asking
        return ledger.lacks(asking.demand(case), memory=asking.memory(case), apart_from=apart_from)

    def _collides(self, case: int, first: int, ledger: Ledger, worker: Worker) -> bool:
        """Whether *case* would be given what *first* lacks, for which the host is reserved."""
        lacks = self._lacks(first, ledger)
        if not lacks:
            return True
        return bool(lacks & ledger.would_take(self._asking.demand(case), memory=self._asking.memory(case)))

    def _leaves_room(self, worker: Worker) -> bool:
        """Whether *worker* may be given plain cases."""
        ledger = self._ledger(worker)
        if ledger is None or not self._matters(worker):
            return True
        first = self._reservation(ledger)
        if first is not None and (self._lacks(first, ledger) or _SLOT) & _SLOT:
            return False
        return worker.has_room or not ledger.lacks(NOTHING)

    def _matters(self, worker: Worker) -> bool:
        """Whether a costly case may yet run on the host."""
        ledger = self._asking.ledgers[worker.host]
        costly = self._costly.get(ledger.host)
        if costly is None:
            costly = self._costly[ledger.host] = self._asking.costly_at(ledger)
        while costly and costly[-1] not in self._stock.open:
            costly.pop()
        return bool(costly)

    def _ledger(self, worker: Worker) -> Ledger | None:
        return self._asking.ledgers.get(worker.host)

    # waiting

    def _count_overtaken(self, ledger: Ledger, takes: frozenset[str]) -> None:
        """Others were given *takes*: whoever lacks nothing but some of that was overtaken."""
        lacking = self._lacking.get(ledger.host, {})
        for case, lacks in list(lacking.items()):
            if case not in self._stock.open:
                del lacking[case]
            elif lacks <= takes:
                self._overtaken[case] += 1
                if self._overtaken[case] > OVERTAKINGS and case not in self._reserved.values():
                    self._reserved.setdefault(ledger.host, case)

    def _reservation(self, ledger: Ledger) -> int | None:
        """Return the case for which a host is reserved; not any more once none of its workers could take it."""
        case = self._reserved.get(ledger.host)
        if case is not None and case not in self._heads_at(ledger):
            case = None
            del self._reserved[ledger.host]
        return case

    def _heads_at(self, ledger: Ledger) -> Iterator[int]:
        for worker in self._outlook.at(ledger):
            if not worker.finished:
                for fragment in self._stock.backlog.offers.tops(worker.name, worker.host):
                    yield fragment.head
                for fragment in worker.parked:
                    if fragment.fit.sign and fragment.has_ready:
                        yield fragment.head

    def _choose(self, fragment: Fragment, worker: Worker, now: float) -> Choice | None:
        """Return why *worker* is to take the next case; None to leave it to a better host."""
        case, place = fragment.head, worker.host
        options = dict(self._options(fragment, now))
        if place not in options:  # room that is kept for another, and would not be taken from it
            options = self._outlook.options(fragment, now, lambda other: other == place or self._is_free(case, other))
        mine = options.pop(place)
        choice = Choice(case, place, worker.name, mine, tuple(sorted(options.items())), self.weights)
        if fragment.owner or case in self._reserved.values() or not options:
            return choice
        better = best({place: mine, **options}, self.weights)
        if place in better:
            return choice
        soonest_s = min(options[other].finish_s for other in better)
        patience = self._patience.setdefault(case, now + max(NOMINAL_S, PATIENCE * soonest_s))
        if now > patience:
            return choice
        self.deferred = True
        return None

    def _options(self, fragment: Fragment, now: float) -> dict[str, Vector]:
        """Return what speaks for each place: kept as long as nothing was given or came back, since many ask for it."""
        key = fragment.head, now
        found = self._options_now.get(key)
        if found is None:
            found = self._outlook.options(fragment, now, lambda place: self._is_free(key[0], place))
            self._options_now[key] = found
        return found

    def _is_free(self, case: int, place: str) -> bool:
        ledger = self._asking.ledgers.get(place)
        if ledger is None:
            return True
        return self._reserved.get(ledger.host, case) == case and not self._lacks(case, ledger)

    # handing out

    def _hand_out(self, fragment: Fragment, worker: Worker, choice: Choice) -> Assign:
        case, ledger = choice.case, self._ledger(worker)
        self._options_now.clear()
        grant: Grant | None = None
        if ledger is not None:
            grant = ledger.grant(self._asking.demand(case), worker.name, memory=self._asking.memory(case))
            worker.has_room = True
            self._lacking.get(ledger.host, {}).pop(case, None)
            self._count_overtaken(ledger, ledger.takes(worker.name))
        if worker.using is not fragment:
            self._leave(worker)
        cases = self._take(fragment, worker)
        worker.is_alone = True
        self._reserved = {host: first for host, first in self._reserved.items() if first != case}
        self._remember(choice)
        return Assign(worker.name, tuple(cases), (grant,) if grant and self._asking.is_costly(case) else ())

    def _leave(self, worker: Worker) -> None:
        """*worker* does not go on with what it was about: others may."""
        fragment, worker.using = worker.using, None
        if fragment is not None and fragment.user == worker.name:
            fragment.user = ""
            if fragment.stamp:
                self._stock.backlog.put(self._stock.backlog.take(fragment))

    def _take(self, fragment: Fragment, worker: Worker) -> list[int]:
        """Take the next case out of *fragment*; what asks for no more than a slot, with those like it that follow."""
        stock = self._stock
        if fragment.stamp:
            stock.backlog.take(fragment)
            if fragment.unit.binding:
                stock.hold(fragment, worker)
            else:
                stock.fetch(fragment, worker)
        cases = [self._take_one(fragment)]
        demand, budget_s = self._asking.demand(cases[0]), BATCH_S
        while not self._asking.is_costly(cases[0]) and len(cases) < LARGEST_BATCH:
            expected_s = stock.forecast.expected_s(cases[-1])
            budget_s -= BATCH_S if expected_s is None else expected_s
            if budget_s <= 0 or not fragment.has_ready:
                break
            if fragment.head not in stock.open or self._asking.demand(fragment.head) != demand:
                break
            cases.append(self._take_one(fragment))
        if fragment.home in worker.fetched:
            worker.untried.update(cases)
        worker.using = fragment
        if fragment.unit.binding:
            if not len(fragment):
                worker.parked.remove(fragment)
        elif len(fragment):
            fragment.user = worker.name
            stock.backlog.put(fragment)
        return cases

    def _take_one(self, fragment: Fragment) -> int:
        case = fragment.take()
        self._stock.forecast.hand_out(case)
        return case

    def _remember(self, choice: Choice) -> None:
        self._patience.pop(choice.case, None)
        self.choices.pop(choice.case, None)
        self.choices[choice.case] = choice
        if len(self.choices) > MOST_CHOICES:
            del self.choices[next(iter(self.choices))]
