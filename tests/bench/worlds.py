"""Suites, hosts and times that a scheduler can be judged by: drawn from seeds, always the same ones.

A world knows what is predicted and what really happens; a scheduler is told the former only. Its bound is a proof,
from what really happens: nobody could have ended before.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from pytest_disttest.model import Capabilities, Demand, Device, Plan, Requirement, Unit
from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.work import PlannedHost, Work
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.guidance import Briefing, Times
from pytest_disttest.schedule.strategies import STRATEGIES
from pytest_disttest.testing import FakeHost, Record, Strategy, drive, free_seams, ledgers_of

GPU_DEMAND = Demand(((Requirement("gpu.count", ">=", 1, "gpu = 1"),),))
Seconds = Mapping[str, Mapping[int, float]]
"""Seconds by class of hosts and case."""


@dataclass(frozen=True)
class World:
    """*classes* names the class of each host; *predicted* and *real* are seconds by class, *gpus* take one.

    *deadlines* are seconds from the start by case, *caution* is how many times longer nine in ten cases take at most.
    """

    plan: Plan
    hosts: Sequence[FakeHost]
    classes: Mapping[str, str]
    predicted: Seconds
    real: Seconds
    gpus: frozenset[int] = frozenset()
    deadlines: Mapping[int, float] = field(default_factory=dict)
    caution: float = 1.0

    @property
    def cases(self) -> list[int]:
        return [case for unit in self.plan.units for case in unit.cases]

    def scheduler(self, strategy: str = "", **more: object) -> Scheduler:
        """Return the scheduler of a real run, told what is predicted; *strategy* "" is for none, not the default."""
        demands = dict.fromkeys(sorted(self.gpus), GPU_DEMAND)
        times = self.times()
        if strategy:
            workers = {host.name: host.workers for host in self.hosts}
            briefing = Briefing(self.plan, workers, self.classes, demands, lambda _: times, self.deadlines)
            more["guidance"] = guidance = STRATEGIES.load(strategy)(briefing)
            times = guidance.times
        return Scheduler(
            self.plan,
            seams=free_seams,
            predicted=times.everywhere,
            demands=demands,
            ledgers=ledgers_of(self.hosts) if self.gpus else {},
            predicted_on=times.on_class,
            classes=self.classes,
            **more,  # type: ignore[arg-type]
        )

    def times(self) -> Times:
        """Return what is predicted: also on the average worker, and cautiously."""
        on_class = {(case, name): s for name, column in self.predicted.items() for case, s in column.items()}
        workers = dict.fromkeys(self.predicted, 0)
        for host in self.hosts:
            workers[self.classes[host.name]] += host.workers
        everybody = sum(workers.values())
        everywhere = {
            case: sum(self.predicted[name][case] * count for name, count in workers.items()) / everybody
            for case in self.cases
        }
        return Times(everywhere, on_class, {case: s * self.caution for case, s in everywhere.items()})

    def play(self, strategy: Strategy) -> Record:
        """Let *strategy* run it to the end; AssertionError where that loses or repeats a case."""
        record = drive(strategy, self.hosts, seconds_on=lambda case, host: self.real[self.classes[host]][case])
        assert sorted(one.case for one in record.ran) == sorted(self.cases), "each case runs once"
        ends = {one.case: one.ended_s for one in record.ran}
        for one in record.ran:
            for before in self.plan.prerequisites.get(one.case, ()):
                assert ends[before] <= one.started_s, "a case comes after its prerequisites"
        return record

    @property
    def work(self) -> Work:
        """What really is to be done."""
        gpus_of = {host.name: len(host.capabilities.devices) if host.capabilities else 0 for host in self.hosts}
        hosts = [
            PlannedHost(host.name, self.classes[host.name], host.workers, {"gpu": gpus_of[host.name]})
            for host in self.hosts
        ]
        uses = {"gpu": dict.fromkeys(self.gpus, 1.0)} if self.gpus else {}
        return Work(self.cases, hosts, self.real, self.plan.prerequisites, self.plan.eligible, uses)

    @cached_property
    def bound_s(self) -> float:
        """What no schedule can beat."""
        return max(bounds(self.work)[0].seconds, lp_bound_s(self.work))


def lp_bound_s(work: Work) -> float:
    """Return the capacity bound as a linear program: hosts are pools of workers, cases are split as they please.

    0.0 where scipy, which only this benchmark uses, is not installed: then the closed-form bound has to do.
    """
    try:
        from scipy.optimize import linprog
        from scipy.sparse import coo_matrix
    except ImportError:
        return 0.0
    classes = sorted({host.hw_class for host in work.hosts})
    resources = {"workers": dict.fromkeys(work.cases, 1.0), **work.uses}
    rows_of = {(name, resource): n for n, (name, resource) in enumerate((c, r) for c in classes for r in resources)}
    capacity = {key: sum(h.has(key[1]) for h in work.hosts if h.hw_class == key[0]) for key in rows_of}
    variables = [
        (case, name)
        for case in work.cases
        for name in classes
        if any(h.hw_class == name and (case not in work.eligible or h.name in work.eligible[case]) for h in work.hosts)
    ]
    upper, equal, place_of = [], [], {case: n for n, case in enumerate(work.cases)}
    for column, (case, name) in enumerate(variables):
        equal.append((place_of[case], column, 1.0))
        for resource, uses in resources.items():
            if uses.get(case):
                upper.append((rows_of[name, resource], column, uses[case] * work.seconds[name][case]))
    upper += [(row, len(variables), -float(capacity[key])) for key, row in rows_of.items()]
    a, b, v = zip(*upper, strict=True)
    c, d, w = zip(*equal, strict=True)
    found = linprog(
        [0.0] * len(variables) + [1.0],
        A_ub=coo_matrix((v, (a, b)), shape=(len(rows_of), len(variables) + 1)).tocsr(),
        b_ub=[0.0] * len(rows_of),
        A_eq=coo_matrix((w, (c, d)), shape=(len(work.cases), len(variables) + 1)).tocsr(),
        b_eq=[1.0] * len(work.cases),
        method="highs",
    )
    return float(found.fun) if found.status == 0 else 0.0


# families


def small(seed: int) -> World:
    """Up to ten tests on up to four hosts that differ, some of which cannot run some; exactly predicted."""
    dice = random.Random(f"small {seed}")
    names = [f"h{n}" for n in range(dice.randint(2, 4))]
    cases = range(dice.randint(4, 10))
    own = {case: _heavy(dice) for case in cases}
    speed = {name: math.exp(dice.gauss(0, 0.4)) for name in names}
    real = {name: {case: own[case] / speed[name] * math.exp(dice.gauss(0, 0.2)) for case in cases} for name in names}
    eligible = {
        case: frozenset(dice.sample(names, dice.randint(1, len(names)))) for case in cases if dice.random() < 0.3
    }
    plan = Plan(tuple(Unit(f"u{case}", (case,)) for case in cases), eligible=eligible)
    return World(plan, [FakeHost(name) for name in names], {name: name for name in names}, real, real)


def independent(seed: int, *, count: int = 200, noise: float = 0.5) -> World:
    """Tests on twelve hosts of four kinds; a fifth asks for a GPU of its own, others for much memory or a browser."""
    dice = random.Random(f"independent {seed} {count}")
    return _mixed(dice, count, noise, chains=0.0)


def chains(seed: int, *, count: int = 400, noise: float = 0.3) -> World:
    """The same hosts; four in ten tests stand in chains of three to eight."""
    dice = random.Random(f"chains {seed} {count}")
    return _mixed(dice, count, noise, chains=0.4)


def due(seed: int, *, load: float = 0.8, noise: float = 0.3) -> World:
    """Chains on the same hosts, half of whose last tests have deadlines, which ask for *load* of what could be done.

    A deadline is drawn so that the tests which must have ended by a moment need that part of all workers' time.
    """
    dice = random.Random(f"due {seed} {load}")
    world = _mixed(dice, 400, noise, chains=0.4)
    awaited = {before for needed in world.plan.prerequisites.values() for before in needed}
    sinks = [case for case in world.cases if case not in awaited]
    dated = dice.sample(sinks, len(sinks) // 2)
    times = world.times().everywhere
    workers = sum(host.workers for host in world.hosts)
    done, deadlines = set[int](), {}
    for case in dated:  # in a random order, which is that of their deadlines
        chain = _chain(case, world.plan.prerequisites)
        done.update(chain)
        least_s = sum(times[one] for one in chain) * 2.0
        deadlines[case] = max(least_s, sum(times[one] for one in done) / workers / load)
    return replace(world, deadlines=deadlines, caution=math.exp(1.28 * noise))


def _chain(case: int, prerequisites: Mapping[int, tuple[int, ...]]) -> list[int]:
    found = [case]
    while found[-1] in prerequisites:
        found.append(prerequisites[found[-1]][0])
    return found


KINDS = ("cpu",) * 5 + ("gpu",) * 3 + ("memory",) * 2 + ("browser",) * 2
WANTED = ("",) * 12 + ("gpu",) * 4 + ("memory",) * 2 + ("browser",) * 2


def _mixed(dice: random.Random, count: int, noise: float, *, chains: float) -> World:
    names = [f"{kind}-{n}" for n, kind in enumerate(KINDS)]
    classes = {name: name.partition("-")[0] for name in names}
    gpu = tuple(Device("gpu", f"gpu{n}", {"gpu.memory": 2**34}) for n in range(2))
    hosts = [
        FakeHost(name, workers=2, capabilities=Capabilities({"cpu.processors": 2}, gpu if "gpu" in name else ()))
        for name in names
    ]
    speed = {kind: math.exp(dice.gauss(0, 0.3)) for kind in sorted(set(KINDS))}
    cases, wanted = range(count), [dice.choice(WANTED) for _ in range(count)]
    fits = {kind: frozenset(name for name in names if classes[name] == kind) for kind in set(KINDS)}
    prerequisites: dict[int, tuple[int, ...]] = {}
    chained = [case for case in cases if dice.random() < chains]
    while chained:
        size = dice.randint(3, 8)
        chain, chained = chained[:size], chained[size:]
        prerequisites |= {after: (before,) for before, after in pairwise(chain)}
    predicted, real = _times(dice, cases, speed, noise)
    plan = Plan(
        tuple(Unit(f"f{first}", tuple(range(first, min(first + 5, count)))) for first in range(0, count, 5)),
        prerequisites=prerequisites,
        eligible={case: fits[wish] for case, wish in zip(cases, wanted, strict=True) if wish},
    )
    return World(plan, hosts, classes, predicted, real, frozenset(c for c in cases if wanted[c] == "gpu"))


def _times(
    dice: random.Random, cases: Sequence[int], speed: Mapping[str, float], noise: float
) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]]:
    """Return predicted and real seconds: the same but for *noise*, the standard deviation of its logarithm."""
    own = {case: _heavy(dice) for case in cases}
    luck = {case: math.exp(dice.gauss(0, noise)) for case in cases}
    predicted = {
        name: {case: own[case] / fast * math.exp(dice.gauss(0, 0.1)) for case in cases} for name, fast in speed.items()
    }
    return predicted, {name: {case: s * luck[case] for case, s in column.items()} for name, column in predicted.items()}


def _heavy(dice: random.Random) -> float:
    """Return seconds with a heavy tail: half of them below two, one in a hundred above twenty."""
    return min(60.0, math.exp(dice.gauss(0.7, 1.0)))


Family = Callable[[int], World]
