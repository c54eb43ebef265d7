"""How near schedules come to what cannot be beaten: ``python tests/bench/scheduling.py [ROW ...]``.

Every row is drawn from seeds and simulated with the very scheduler of a real run: ratios to proofs, which do not
depend on the machine. Only the last rows are times. The linear program needs scipy, the workflows ``wfcommons`` and
``anrg-saga`` (``pip install --no-deps anrg-saga``, then what it asks for); rows that lack theirs are left out.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.workflows import RECIPES, saga_heft_s, workflow
from bench.worlds import GPU_DEMAND, World, chains, due, independent, small
from bench.yardsticks import FirstCome, best_s
from plan.heft import COMPUTE_S, PUBLISHED_MAKESPAN_S, PUBLISHED_RANKS, TRANSFER_S, heft, prerequisites_of

from pytest_disttest.model import Case, Plan
from pytest_disttest.plan import build_plan
from pytest_disttest.plan.bounds import bounds
from pytest_disttest.plan.ranks import upward_ranks
from pytest_disttest.plan.work import PlannedHost, Work
from pytest_disttest.schedule import Command, Event, Scheduler
from pytest_disttest.schedule.guidance import Briefing, Times
from pytest_disttest.schedule.strategies import DEFAULT, STRATEGIES
from pytest_disttest.testing import FakeHost, drive, free_seams, ledgers_of

SEEDS = 60


class Row(NamedTuple):
    """A line of the table: *found* figures by name, and what they should not exceed."""

    check: str
    found: dict[str, float]
    target: dict[str, float]

    def __str__(self) -> str:
        told = ", ".join(
            f"{name} {value:.4g}" + (f" (≤ {self.target[name]:g})" if name in self.target else "")
            for name, value in self.found.items()
        )
        return f"{'ok  ' if self.is_met else 'MISS'} {self.check:<34} {told}"

    @property
    def is_met(self) -> bool:
        """Whether no figure exceeds its target."""
        return all(self.found[name] <= limit + 1e-9 for name, limit in self.target.items())


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return mean, 95th percentile and maximum."""
    ordered = sorted(values)
    return {"mean": fmean(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1) + 0.5)], "max": ordered[-1]}


def makespan_s(world: World) -> float:
    """Return how long the world's suite takes with our scheduler."""
    return world.play(world.scheduler()).makespan_s


def first_come_s(world: World) -> float:
    """Return how long it takes where whoever asks gets the first case that is ready and fits."""
    demands = dict.fromkeys(world.gpus, GPU_DEMAND)
    return world.play(FirstCome(world, demands, ledgers_of(world.hosts) if world.gpus else {})).makespan_s


def ratios(worlds: Iterable[World], reference_s: Callable[[World], float]) -> dict[str, float]:
    """Return how our makespans compare with the reference's."""
    return spread(makespan_s(world) / reference_s(world) for world in worlds)


def against_the_best() -> Iterator[Row]:
    """Small instances, exactly solved."""
    found = ratios((small(seed) for seed in range(500)), best_s)
    yield Row("small, exact solver, 500 seeds", found, {"mean": 1.03, "max": 1.33})


def against_bounds() -> Iterator[Row]:
    """Independent tests and chains on twelve hosts of four kinds, with wrong predictions."""
    for count in (200, 1000):
        worlds = (independent(seed, count=count) for seed in range(SEEDS if count < 500 else SEEDS // 4))
        found = ratios(worlds, lambda world: world.bound_s)
        yield Row(f"independent, n={count}, noise 0.5", found, {"mean": 1.01, "p95": 1.03})
    for noise, mean, p95 in ((0.3, 1.01, 1.03), (0.7, 1.02, 1.06)):
        found = ratios((chains(seed, noise=noise) for seed in range(SEEDS)), lambda world: world.bound_s)
        yield Row(f"chains, n=400, noise {noise}", found, {"mean": mean, "p95": p95})


def against_first_come() -> Iterator[Row]:
    """Never much worse than no plan at all."""
    families: Sequence[tuple[str, Callable[[int], World]]] = (
        ("small", small),
        ("independent, noise 0.5", independent),
        ("chains, noise 0.3", chains),
    )
    for name, make in families:
        found = [makespan_s(world) / first_come_s(world) for world in map(make, range(300))]
        worse = sum(ratio > 1.05 for ratio in found)
        yield Row(f"against first-come: {name}", {**spread(found), "worse": worse}, {"max": 1.05})


def deadlines() -> Iterator[Row]:
    """Half of the tests that end chains have deadlines, which ask for four fifths of what could be done."""
    for name in ("deadline", "adaptive"):
        found = spread(missed(due(seed), name) for seed in range(SEEDS))
        yield Row(f"deadlines, load 0.8: {name}", found, {"mean": 0.04})


def missed(world: World, strategy: str) -> float:
    """Return the part of all deadlines that is missed."""
    ends = {one.case: one.ended_s for one in world.play(world.scheduler(strategy)).ran}
    return sum(ends[case] > limit_s for case, limit_s in world.deadlines.items()) / len(world.deadlines)


def against_heft() -> Iterator[Row]:
    """Workflows, against SAGA's static HEFT, which sees everything beforehand."""
    means = []
    for recipe in RECIPES:
        worlds = [workflow(recipe, seed) for seed in range(5)]
        found = fmean(makespan_s(world) / saga_heft_s(world) for world in worlds)
        means.append(found)
        yield Row(f"workflow {recipe}, HEFT of SAGA", {"mean": found}, {"mean": 1.02})
    yield Row("workflows, HEFT of SAGA", {"mean": fmean(means)}, {"mean": 1.0})


def golden() -> Iterator[Row]:
    """HEFT's published example, recomputed."""
    mean_s = {task: sum(row) / len(row) for task, row in COMPUTE_S.items()}
    ranks = upward_ranks(mean_s, prerequisites_of(TRANSFER_S), TRANSFER_S)
    off = max(abs(ranks[task] - told) for task, told in PUBLISHED_RANKS.items())
    ends = max(end for _, _, end in heft(COMPUTE_S, TRANSFER_S).values())
    target = {"makespan": PUBLISHED_MAKESPAN_S, "rank error": 0.001}
    yield Row("HEFT's example of ten tasks", {"makespan": ends, "rank error": off}, target)


def planning() -> Iterator[Row]:
    """From cases to a scheduler that knows ranks and bounds, on 50 hosts of five classes."""
    for count, limit_s in ((10_000, 2.0), (100_000, 20.0)):
        yield Row(f"{count:,} tests on 50 hosts planned", {"seconds": seconds_to_plan(count)}, {"seconds": limit_s})


def seconds_to_plan(count: int) -> float:
    """Return how long it takes to plan so many tests, a tenth of which wait for another one."""
    cases, hosts, seconds = large(count)
    began = time.process_time()
    plan = build_plan(cases)
    bounds(Work(range(count), hosts, seconds, plan.prerequisites))
    large_scheduler(plan, hosts, seconds)
    return time.process_time() - began


def large(count: int) -> tuple[list[Case], list[PlannedHost], dict[str, dict[int, float]]]:
    """Return cases in files of ten, 50 hosts, and seconds by class."""
    dice = random.Random(count)
    hosts = [PlannedHost(f"h{n}", f"class{n % 5}", 4) for n in range(50)]
    cases = [
        Case(
            n, f"test_{n // 10}.py::test_{n % 10}", file=f"test_{n // 10}.py", provides=(("module", f"test_{n % 10}"),)
        )
        for n in range(count)
    ]
    own = [dice.lognormvariate(0, 1) for _ in range(count)]
    return cases, hosts, {f"class{k}": {n: s * (1 + k / 4) for n, s in enumerate(own)} for k in range(5)}


def large_scheduler(plan: Plan, hosts: Sequence[PlannedHost], seconds: dict[str, dict[int, float]]) -> Scheduler:
    """Return the scheduler of a large suite, with the default strategy."""
    on_class = {(case, name): s for name, column in seconds.items() for case, s in column.items()}
    middle = seconds["class2"]
    classes = {host.name: host.hw_class for host in hosts}
    workers = {host.name: host.workers for host in hosts}
    guidance = STRATEGIES.load(DEFAULT)(Briefing(plan, workers, classes, times=lambda _: Times(middle, on_class)))
    return Scheduler(
        plan, seams=free_seams, predicted=middle, predicted_on=on_class, classes=classes, guidance=guidance
    )


class Timed:
    """A scheduler whose answers are timed, in seconds of the processor."""

    def __init__(self, scheduler: Scheduler, most: int) -> None:
        self._scheduler = scheduler
        self._most = most
        self.taken_s: list[float] = []

    def handle(self, event: Event, now: float) -> list[Command]:
        """Answer as the scheduler does; after *most* answers, nothing more is asked of it."""
        if len(self.taken_s) >= self._most:
            return []
        began = time.perf_counter()
        commands = self._scheduler.handle(event, now)
        self.taken_s.append(time.perf_counter() - began)
        return commands


def dispatching() -> Iterator[Row]:
    """How long a decision takes while 100,000 tests wait, on 50 hosts of four workers."""
    cases, hosts, seconds = large(100_000)
    timed = Timed(large_scheduler(build_plan(cases), hosts, seconds), most=20_000)
    classes = {host.name: host.hw_class for host in hosts}
    fakes = [FakeHost(host.name, workers=4) for host in hosts]
    drive(timed, fakes, seconds_on=lambda case, host: seconds[classes[host]][case])
    ordered = sorted(timed.taken_s[2_000:])
    found = {"p50 ms": 1e3 * ordered[len(ordered) // 2], "p99 ms": 1e3 * ordered[len(ordered) * 99 // 100]}
    yield Row("a decision at 100,000 tests", found, {"p99 ms": 1.0})


ROWS: dict[str, Callable[[], Iterator[Row]]] = {
    "small": against_the_best,
    "bounds": against_bounds,
    "first-come": against_first_come,
    "deadlines": deadlines,
    "heft": against_heft,
    "golden": golden,
    "planning": planning,
    "dispatching": dispatching,
}


def main() -> int:
    """Print the rows that were asked for, or all; 2 where a target was missed."""
    missed = False
    for name in sys.argv[1:] or ROWS:
        try:
            for row in ROWS[name]():
                print(row, flush=True)
                missed |= not row.is_met
        except ImportError as error:
            print(f"     {name}: left out, {error.name} is not installed")
    return 2 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
