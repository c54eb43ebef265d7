"""All that is to be done: which cases are open, where each lies that nobody was given, and who may run it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from pytest_disttest.model import Outcome, Plan
from pytest_disttest.schedule.backlog import Backlog
from pytest_disttest.schedule.cuts import Seams, cut_long
from pytest_disttest.schedule.forecast import Forecast
from pytest_disttest.schedule.fragments import Fit, Fragment, common_hosts, common_sign, fragments_of
from pytest_disttest.schedule.waits import Waits
from pytest_disttest.schedule.workers import Worker

AT_ONCE = float("inf")
"""The weight of a case that is to be run again: its attempts are to stand close together."""
AIM_AGAIN = 1.25
"""By how much the number of workers must have grown before it is asked anew which cases are long."""


class Stock:
    """The open cases of a plan. *workers* are those of the scheduler, by name.

    *signs* says of the cases that ask for something of their host what that is, equal for equal demands. *ranks* are
    what counts of how long cases take, where others wait for them or hosts differ (*is_ranked*), or what a strategy
    *is_told* by puts first: from *urgent_from* on, or as if they were seconds.
    """

    def __init__(
        self,
        plan: Plan,
        workers: Mapping[str, Worker],
        seams: Seams,
        predicted: Mapping[int, float] | None,
        signs: Mapping[int, int] | None = None,
        ranks: Mapping[int, float] | None = None,
        *,
        is_ranked: bool | None = None,
        is_told: bool = False,
        urgent_from: float | None = None,
    ) -> None:
        self._workers = workers
        self._is_told = is_told
        self._urgent_from = urgent_from
        is_ranked = ranks is not None if is_ranked is None else is_ranked
        self._seams = seams
        self._aimed_for = 0
        self._excluded: dict[int, frozenset[str]] = {}
        self._returned: dict[int, frozenset[str]] = {}  # cases that are to be run again, and by whom not
        self._place: dict[int, Fragment] = {}  # where a case that waits lies now
        self.backlog = Backlog(ranked=is_ranked)
        self.waits = Waits(plan)
        self.news = 0  # counts what may have made something ready: what was barren before may be so no more
        self.long_s = self._hasty_s = float("inf")
        self._signs = dict(signs or {})
        self._asked_anew: set[int] = set()
        self._eligible = plan.eligible
        self._narrowed = False
        homes = fragments_of(plan, self._signs)
        self._home = {case: home for home in homes for case in home.pending()}
        self.open = set(self._home)
        self.forecast = Forecast(self.open, predicted, plan.eligible if is_ranked else None)
        self.ranks = ranks
        for home in homes:
            self._lay_down(home.part(home.pending(), home.waiting.copy()))

    # cases end

    def end(self, case: int, outcome: Outcome) -> list[tuple[int, int]]:
        """An open case has its outcome; return whom that blocks, each with its culprit."""
        self.open.discard(case)
        if self._returned:
            self._returned.pop(case, None)
        if not self.waits.is_awaited(case):
            return []
        self.news += 1
        free, blocked = self.waits.end(case, outcome, self.open)
        for dependent in free:
            self._release(dependent)
        for dependent, _ in blocked:
            self.open.discard(dependent)
            self._drop(dependent)
        return blocked

    def _release(self, case: int) -> None:
        fragment = self._place.pop(case)
        if fragment.stamp:
            self.backlog.release(fragment, case)
            return
        fragment.release(case)
        self._workers[fragment.owner].resume(fragment)

    def _drop(self, case: int) -> None:
        """*case*, which waits, will not run."""
        fragment = self._place.pop(case)
        self.forecast.hand_out(case)
        if fragment.stamp:
            self.backlog.drop(fragment, case)
        else:
            fragment.waiting.remove(case)

    def give_up(self, case: int, outcome: Outcome) -> list[tuple[int, int]]:
        """An open case that nobody was given, and whose fragment is in nobody's hands, will run nowhere."""
        self.forecast.hand_out(case)
        self._place.pop(case, None)
        return self.end(case, outcome)

    # fragments come and go

    def own(self, fragment: Fragment, worker: Worker) -> Fragment:
        """Put *fragment*, which nobody has, into the hands of *worker*, which takes it up at once."""
        fragment.owner = worker.name
        worker.fragments.appendleft(fragment)
        self.fetch(fragment, worker)
        return fragment

    def hold(self, fragment: Fragment, worker: Worker) -> None:
        """Put a group that asks for something, and which nobody has, into the hands of *worker*."""
        fragment.owner = worker.name
        worker.parked.append(fragment)
        self.fetch(fragment, worker)

    def fetch(self, fragment: Fragment, worker: Worker) -> None:
        """Note that *worker* collects *fragment*, unless it has."""
        if not self.backlog.is_kept(worker.name, fragment):
            homes = [fragment.home] if fragment.unit.binding else fragment.mates
            self.backlog.adopt(worker.name, homes)
            worker.fetched.update(homes)

    def let_go(self, fragment: Fragment, worker: Worker) -> None:
        """*worker* has taken from *fragment* whatever is ready; a group waits with it, all else in the backlog."""
        worker.put_down(fragment)
        if fragment.unit.binding and fragment.waiting:
            worker.parked.append(fragment)
        elif fragment.waiting:
            self.backlog.put(fragment)

    def _lay_down(self, fragment: Fragment) -> None:
        """Lay *fragment* into the backlog, its long cases for themselves."""
        parts = [fragment]
        if self.long_s < float("inf"):
            parts += self._cut_long(fragment)
        for part in parts:
            if part.each_s is None:
                part.each_s = self.forecast.average_s(part.pending())
            if self._returned and not self._returned.keys().isdisjoint(part.pending()):
                part.weight = AT_ONCE
            self.locate(part)
            self.backlog.put(part)

    def locate(self, fragment: Fragment) -> None:
        """Note that what waits of a new *fragment* lies there."""
        for case in fragment.waiting:
            self._place[case] = fragment

    def aim(self) -> None:
        """Tell the long cases from the others, and let them go first; a matter of history and of how many we are."""
        count = len(self._workers)
        if count <= AIM_AGAIN * self._aimed_for or not (self._is_told or (count > 1 and self.forecast.known)):
            return
        self._aimed_for = count
        if self._urgent_from is None:
            self.long_s = min(self._hasty_s, self.forecast.long_s(count, finely=self.ranks is not None))
        else:
            self.long_s = min(self._hasty_s, self._urgent_from)
        for fragment in self.backlog:
            self._lay_down(self.backlog.take(fragment))
        for worker in self._workers.values():
            for fragment in worker.fragments:
                for part in self._cut_long(fragment):
                    self._lay_down(part)

    def weigh_anew(
        self, weights: Mapping[int, float], concerned: Collection[int], *, at_most_s: float = float("inf")
    ) -> None:
        """Let *weights* say from now on what goes first: that of the cases *concerned* has changed.

        Cases of *at_most_s* or more go for themselves, also where nothing else does.
        """
        self.ranks = weights
        self._hasty_s = min(self._hasty_s, at_most_s)
        self.long_s = min(self.long_s, self._hasty_s)
        homes = {self._home[case].home for case in concerned if case in self.open}
        for home in sorted(homes):
            for fragment in self.backlog.lying(home):
                self._lay_down(self.backlog.take(fragment))
        for worker in self._workers.values():
            for fragment in [one for one in worker.fragments if one.home in homes]:
                for part in self._cut_long(fragment):
                    self._lay_down(part)

    def _cut_long(self, fragment: Fragment) -> list[Fragment]:
        parts = cut_long(fragment, self._seams, self.forecast.known, self.long_s, self.ranks)
        if parts:
            fragment.each_s = self.forecast.average_s(fragment.pending())
        return parts

    # cases come back

    def inherit(self, worker: Worker) -> None:
        """What a lost worker had, or had been given and has not ended, goes back to its place in the plan."""
        self.backlog.dismiss(worker.name)
        self._regain(worker.given)
        owned = [case for fragment in worker.owned() for case in fragment.pending()]
        leaving = [case for cases in worker.leaving.values() for case in cases]
        self._put_back([*worker.given, *owned, *leaving])

    def bring_back(self, case: int, worker: Worker) -> None:
        """The one *case* that *worker* had, and could not begin, goes back to its place in the plan.

        So does what waited for its end, to leave that worker with it.
        """
        self._regain([case])
        self._put_back([case, *(other for cases in worker.leaving.values() for other in cases)])
        worker.leaving.clear()

    def is_bound(self, case: int) -> bool:
        """Whether *case* is of a group that stays together."""
        return self._home[case].unit.binding

    def refuse(self, worker: Worker, cases: Collection[int]) -> None:
        """Take from *worker* what it could not collect, and what it has not begun of the same group or file.

        Others of the file it may be given again, where it pays; a group goes on elsewhere if it can.
        """
        self._regain(cases)
        self.exclude(worker, cases)
        by_home: dict[int, list[int]] = {}
        for case in cases:
            by_home.setdefault(self._home[case].home, []).append(case)
        for home, leaving in by_home.items():
            mine = [fragment for fragment in worker.owned() if fragment.home == home]
            rest = [case for fragment in mine for case in fragment.pending()]
            if self._home[leaving[0]].unit.binding:
                moves = self._can_go_elsewhere([*leaving, *rest])
            else:
                moves = home in worker.fetched and not self._has_given(worker, home)
            if moves:
                for fragment in mine:
                    worker.give_away(fragment)
                leaving.extend(rest)
            if moves and home in worker.fetched:
                self.backlog.disown(worker.name, home)
                worker.fetched.discard(home)
            worker.leaving.setdefault(home, []).extend(leaving)
        self.let_leave(worker)

    def exclude(self, worker: Worker, cases: Iterable[int]) -> None:
        """*worker* cannot collect *cases*, wherever they lie."""
        for case in cases:
            self._excluded[case] = self._excluded.get(case, frozenset()) | {worker.name}

    def take_again(self, case: int, worker: Worker | None, shunned: frozenset[str]) -> None:
        """An open case that *worker* has ended is to be run again; in a group that it goes on with, by itself."""
        self._returned[case] = shunned
        self.forecast.take_back(case)
        self.news += 1
        home = self._home[case]
        if worker is None or not home.unit.binding:
            self._put_back([case])
            return
        mine = next((fragment for fragment in worker.owned() if fragment.home == home.home), None)
        if mine is not None:
            mine.regain(case)
            worker.resume(mine)
            return
        worker.leaving.setdefault(home.home, []).append(case)
        self.let_leave(worker)

    def ask_anew(self, case: int, sign: int, eligible: Mapping[int, frozenset[str]]) -> None:
        """A case in somebody's hands, of no group, asks from now on for what *sign* stands for.

        *eligible* are the hosts that fit, by case.
        """
        self._asked_anew.add(case)
        self._signs[case] = sign
        self.narrow(eligible)

    def stranded(self) -> list[int]:
        """Return the cases that are to be run again and that no living worker is to run."""
        return sorted(case for one in self._stranded() for case in one.pending() if self._returned.get(case))

    def may_settle_for(self, worker: Worker) -> bool:
        """Whether *worker*, which is shunned, may have to run a stranded case after all."""
        return any(fragment.fit.could_admit(worker.name, worker.host) for fragment in self._stranded())

    def _stranded(self) -> Iterator[Fragment]:
        for fragment in self.backlog if self._returned else ():
            if fragment.fit.shunned and not self._has_taker(fragment.fit):
                yield fragment

    def settle_for(self, case: int) -> list[int]:
        """Whoever can is to run a stranded *case*; where nobody can, take it away, and return it.

        So is what else lies there of its group, which stays together.
        """
        mine = next((one for one in self.backlog if case in one.pending()), None)
        if mine is None:
            return []
        unit = mine.unit
        beside = [one for one in self.backlog if unit.binding and one.unit is unit and one is not mine]
        members = self.backlog.take(mine).pending()
        mates = [mate for one in beside for mate in self.backlog.take(one).pending()]
        self._returned |= dict.fromkeys([*members, *mates], frozenset[str]())
        lost = [] if self._has_taker(self._fit(members)) else [case]
        self._put_back(one for one in [*members, *mates] if one not in lost)
        return lost

    def _has_taker(self, fit: Fit) -> bool:
        return any(fit.admits(worker.name, worker.host) for worker in self._living())

    def would_admit(self, fragment: Fragment, worker: Worker) -> bool:
        """Whether *worker* may run what is left of somebody's *fragment*: who was shunned for what has ended, too."""
        fit = self._fit(fragment.pending()) if fragment.fit.shunned and len(fragment) else fragment.fit
        return fit.admits(worker.name, worker.host)

    def let_leave(self, worker: Worker) -> None:
        """Put back what waits only for *worker* to end what it was given of the same group."""
        for home in list(worker.leaving):
            is_group = self._home[worker.leaving[home][0]].unit.binding
            if not (is_group and self._has_given(worker, home)):
                self._put_back(worker.leaving.pop(home))

    def _has_given(self, worker: Worker, home: int) -> bool:
        return any(self._home[case].home == home for case in worker.given)

    def _regain(self, cases: Iterable[int]) -> None:
        for case in cases:
            if case in self.open:
                self.forecast.take_back(case)

    def _put_back(self, cases: Iterable[int]) -> None:
        """Lay cases to their places in the plan."""
        for part in self._parts(case for case in cases if case in self.open):
            self._lay_down(part)
        self.news += 1

    def hopeless(self) -> list[int]:
        """Take away, and return, the cases that each living worker on a fitting host has refused."""
        lost: list[int] = []
        for fragment in list(self.backlog) if self._excluded else ():
            if not self._is_hopeless(fragment.fit):
                continue
            for part in self._parts(self.backlog.take(fragment).pending()):
                if self._is_hopeless(part.fit):
                    lost += part.pending()
                else:
                    self._lay_down(part)
        return lost

    def unplaced(self, gone: frozenset[str]) -> list[int]:
        """Take away, and return, the cases that only the hosts *gone* could run.

        Those of a group that lost what others of it need have hosts of their own then, and go on there.
        """
        lost: list[int] = []
        for fragment in [one for one in self.backlog if one.fit.hosts is not None and one.fit.hosts <= gone]:
            members = self.backlog.take(fragment).pending()
            parts = self._has_parted(fragment)
            stays = [case for case in members if parts and not self._is_nowhere_but(gone, case)]
            self._put_back(stays)
            lost += [case for case in members if case not in stays]
        return sorted(lost)

    def _is_nowhere_but(self, gone: frozenset[str], case: int) -> bool:
        hosts = self._eligible.get(case)
        return hosts is not None and hosts <= gone

    def may_part(self, worker: Worker) -> bool:
        """Whether *worker* could run a case of a group that goes elsewhere, should that place be lost."""
        return self._narrowed and any(
            worker.host in self._eligible.get(case, {worker.host})
            for fragment in self.backlog
            if self._has_parted(fragment)
            for case in fragment.pending()
        )

    def _has_parted(self, fragment: Fragment) -> bool:
        """Whether it is of a group that no host can run as a whole any more."""
        unit = fragment.unit
        return self._narrowed and unit.binding and common_hosts(unit.cases, self._eligible) == frozenset()

    def narrow(self, eligible: Mapping[int, frozenset[str]]) -> None:
        """From now on these are the hosts that fit, by case; what lies somewhere goes where it still can be run."""
        changed = {case for case in eligible if self._eligible.get(case) != eligible[case]}
        self._eligible, self._narrowed = eligible, True

        def is_concerned(fragment: Fragment) -> bool:
            left = fragment.pending()  # and what is bound to others goes where they do
            return bool(left) and not changed.isdisjoint(fragment.unit.cases if fragment.unit.binding else left)

        for fragment in filter(is_concerned, list(self.backlog)):
            self._put_back(self.backlog.take(fragment).pending())
        for worker in self._workers.values():
            for fragment in filter(is_concerned, list(worker.owned())):
                worker.give_away(fragment)
                worker.leaving.setdefault(fragment.home, []).extend(fragment.pending())
            self.let_leave(worker)

    def _can_go_elsewhere(self, cases: list[int]) -> bool:
        """Whether a living worker may run all of *cases*, which are of one stretch."""
        return self._has_taker(self._fit(cases))

    @property
    def tells_workers_apart(self) -> bool:
        """Whether one worker cannot, or is not to, run what another one beside it may."""
        return bool(self._excluded or self._returned)

    def fits(self, case: int, worker: Worker) -> bool:
        """Whether *worker* may run *case*."""
        return self._fit([case]).admits(worker.name, worker.host)

    def whole_homes(self, cases: Iterable[int]) -> list[int]:
        """Return the stretches of the plan of which *cases* are all."""
        missing: dict[int, int] = {}
        for case in cases:
            home = self._home.get(case)
            if home is not None:
                missing[home.home] = missing.get(home.home, len(home)) - 1
        return [home for home, count in missing.items() if not count]

    def _parts(self, cases: Iterable[int]) -> list[Fragment]:
        """Return *cases* as fragments: a group in one piece, if it may run so; others by who may run them."""
        by_home: dict[int, list[int]] = {}
        for case in cases:
            by_home.setdefault(self._home[case].home, []).append(case)
        parts: list[Fragment] = []
        for members in by_home.values():
            home = self._home[members[0]]
            members.sort(key=home.rank.__getitem__)
            by_fit: dict[Fit, list[int]] = {}
            fit = self._fit(members)
            if self._must_part(home, fit):
                for case in members:
                    by_fit.setdefault(self._fit([case]), []).append(case)
            else:
                by_fit[fit] = members
            parts += [home.part(some, self.waits.among(some), fit) for fit, some in by_fit.items()]
        return parts

    def _must_part(self, home: Fragment, fit: Fit) -> bool:
        """Whether cases of one stretch, with *fit* together, may have to be run by different workers."""
        if not home.unit.binding:
            # hosts that joined may fit some, and not all, of those that the same hosts fitted before
            return bool(fit.excluded or fit.shunned) or fit.sign < 0 or self._narrowed
        if fit.hosts == frozenset() or self._has_parted(home):
            return True
        return bool(fit.excluded) and self._is_hopeless(fit)

    def _fit(self, cases: list[int]) -> Fit:
        """Who may run all of *cases*, which are of one stretch."""
        fit = self._home[cases[0]].fit
        is_anew = bool(self._asked_anew) and not self._asked_anew.isdisjoint(cases)
        if not (self._excluded or self._narrowed or self._returned or fit.sign < 0 or is_anew):
            return fit
        shunned = frozenset[str]().union(*(self._returned.get(case, ()) for case in cases))
        excluded = frozenset[str]().union(*(self._excluded.get(case, ()) for case in cases))
        sign = common_sign(cases, self._signs) if fit.sign or is_anew else 0
        return Fit(self._hosts(cases) if self._narrowed else fit.hosts, excluded, sign, shunned)

    def _hosts(self, cases: list[int]) -> frozenset[str] | None:
        """Return which hosts fit *cases* of one stretch by now: those that fit all of a group, where there are any."""
        unit = self._home[cases[0]].unit
        common = common_hosts(unit.cases, self._eligible) if unit.binding else frozenset[str]()
        return common_hosts(cases, self._eligible) if common == frozenset() else common

    def _is_hopeless(self, fit: Fit) -> bool:
        """Whether workers on fitting hosts live, and each of them has refused."""
        if not fit.excluded:
            return False
        fitting = [w for w in self._living() if fit.hosts is None or w.host in fit.hosts]
        return bool(fitting) and all(worker.name in fit.excluded for worker in fitting)

    def _living(self) -> Iterable[Worker]:
        return (worker for worker in self._workers.values() if not worker.finished)
