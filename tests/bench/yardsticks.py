"""What a schedule is compared with: first-come, and on small instances the best there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.worlds import World

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import NOTHING, Grant
from pytest_disttest.schedule import Assign, CaseEnded, Command, Event, Finish, WorkerReady, WorkWanted


class FirstCome:
    """Hands out cases in the order of the plan: whoever asks gets the first that is ready, fits, and has room."""

    def __init__(self, world: World, demands: Mapping[int, object], ledgers: Mapping[str, Ledger]) -> None:
        self._plan = world.plan
        self._open = dict.fromkeys(world.cases)
        self._waits = {case: set(needed) for case, needed in world.plan.prerequisites.items()}
        self._demands, self._ledgers = demands, ledgers
        self._hosts: dict[str, str] = {}
        self._idle: dict[str, None] = {}
        self._busy: set[str] = set()
        self._left = len(self._open)

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take note of *event*; answer whoever waits."""
        match event:
            case WorkerReady(worker, host):
                self._hosts[worker] = host
            case CaseEnded(worker, case):
                self._left -= 1
                self._busy.discard(worker)
                if self._ledgers:
                    self._ledgers[self._hosts[worker]].release(worker)
                for needed in self._waits.values():
                    needed.discard(case)
            case WorkWanted(worker):
                self._idle[worker] = None
            case _:
                return []
        return [
            command
            for worker in list(self._idle)
            if worker not in self._busy and (command := self._answer(worker)) is not None
        ]

    def _answer(self, worker: str) -> Command | None:
        host = self._hosts[worker]
        for case in self._open:
            if self._waits.get(case) or host not in self._plan.eligible.get(case, (host,)):
                continue
            grant: Grant | None = None
            if self._ledgers:
                grant = self._ledgers[host].grant(self._demands.get(case, NOTHING), worker)  # type: ignore[arg-type]
                if grant is None:
                    continue
            del self._open[case], self._idle[worker]
            self._busy.add(worker)
            return Assign(worker, (case,), (grant,) if case in self._demands and grant else ())
        if not self._left:
            del self._idle[worker]
            return Finish(worker)
        return None


def best_s(world: World) -> float:
    """Return the shortest makespan of independent cases on hosts of one worker each: branch and bound, exact."""
    hosts = [host.name for host in world.hosts]
    seconds = {
        case: [
            (world.real[world.classes[name]][case], n)
            for n, name in enumerate(hosts)
            if name in world.plan.eligible.get(case, (name,))
        ]
        for case in world.cases
    }
    least = {case: min(options)[0] for case, options in seconds.items()}
    order = sorted(world.cases, key=lambda case: (len(seconds[case]) > 1, -least[case]))
    rest = [sum(least[case] for case in order[place:]) for place in range(len(order) + 1)]
    found = [sum(max(options)[0] for options in seconds.values())]

    def place(at: int, loads: tuple[float, ...]) -> None:
        if max(*loads, (sum(loads) + rest[at]) / len(loads)) >= found[0]:
            return
        if at == len(order):
            found[0] = max(loads)
            return
        tried: set[tuple[float, float]] = set()
        for taken_s, host in sorted(seconds[order[at]], key=lambda option: loads[option[1]] + option[0]):
            if (loads[host], taken_s) not in tried:
                tried.add((loads[host], taken_s))
                place(at + 1, (*loads[:host], loads[host] + taken_s, *loads[host + 1 :]))

    place(0, (0.0,) * len(hosts))
    return found[0]


Measure = Callable[[int], float]
