"""A suite whose times are drawn from a known law, to see what a predictor makes of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from pytest_disttest.predict import Observation, Predictor


@dataclass(frozen=True)
class World:
    """How much files, tests, hosts and luck make a difference, as standard deviations of logarithms."""

    files: int = 30
    tests: int = 24
    hosts: int = 4
    affinity: float = 0.3
    noise: float = 0.2
    heavy: bool = False
    """Whether one time in twenty is two to ten times as long as it should be."""

    def runs(self, count: int, seed: int) -> Iterator[list[Observation]]:
        """Yield the observations of each run, in the order in which they arrive."""
        rng = random.Random(seed)
        hosts = {f"class-{number}": rng.gauss(0, 0.5) for number in range(self.hosts)}
        suite: list[tuple[str, str, str, float, dict[str, float]]] = []
        for number in range(self.files):
            file, of_file = f"test_{number}.py", rng.gauss(0, 1)
            for cls in (f"{file}::TestA", f"{file}::TestB"):
                of_class, pairs = rng.gauss(0, 0.5), {host: rng.gauss(0, self.affinity) for host in hosts}
                suite += [
                    (f"{cls}::test_{place}", file, cls, of_file + of_class + rng.gauss(-3, 0.8), pairs)
                    for place in range(self.tests // 2)
                ]
        for _ in range(count):
            rng.shuffle(suite)
            yield [
                Observation(nodeid, file, cls, host, call_s=math.exp(own + hosts[host] + pairs[host] + self._luck(rng)))
                for nodeid, file, cls, own, pairs in suite
                for host in [rng.choice(list(hosts))]
            ]

    def _luck(self, rng: random.Random) -> float:
        late = rng.uniform(0.7, 2.3) if self.heavy and rng.random() < 0.05 else 0.0
        return rng.gauss(0, self.noise) + late


@dataclass(frozen=True)
class Score:
    """How well a run was predicted: typical errors as factors, and how often the ninth decile held."""

    factor: float
    last_value: float
    suite_median: float
    coverage: float


def scores(runs: Sequence[Sequence[Observation]], predictor: Predictor) -> list[Score]:
    """Return the score of each run, each time predicted before it is learned."""
    last: dict[str, float] = {}
    every: list[float] = []
    found = []
    for run in runs:
        typical = median(every) if every else 1.0
        errors, naive, level, held = [], [], [], []
        for seen in run:
            told = predictor.predict(seen.nodeid, seen.file, seen.cls, seen.hw_class)
            taken_s = seen.setup_s + seen.call_s + seen.teardown_s
            errors.append(abs(math.log(taken_s / told.q50_s)))
            naive.append(abs(math.log(taken_s / last.get(seen.nodeid, typical))))
            level.append(abs(math.log(taken_s / typical)))
            held.append(taken_s <= told.q90_s)
            predictor.learn(seen)
            last[seen.nodeid] = taken_s
            every.append(taken_s)
        found.append(Score(*(math.exp(median(each)) for each in (errors, naive, level)), fmean(held)))
    return found
