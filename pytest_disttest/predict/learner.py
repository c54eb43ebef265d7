"""A small model of durations that learns one observation at a time.

The logarithm of a time is a sum of terms: suite + file + class + function + test + class of hosts + what is special
about the test's class (its file, where it has none) on that class of hosts. Each term is a mean with a variance. An
observation moves each term by its share of the variance (a Kalman filter that keeps the diagonal only, which is ridge
regression one row at a time), an outlier no further than 2.5 standard deviations (Huber). A test that is off twice on
the same side has changed: then its variance grows, and it learns anew.

A machine that is busy with other things slows a whole run down, which says nothing about its tests: what the known
tests of a run have in common is taken off before they are learned, and followed by a level for each class of hosts.

Beside the model stand medians, of the test itself or of the narrowest group that has times. Both guess before each
observation is learned; who erred less is asked. So the model is never trusted before it has proved itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_disttest.predict.group import Group, Surroundings, Weight, middle
from pytest_disttest.predict.observation import Prediction
from pytest_disttest.predict.trust import ELSEWHERE, HERE, LEAST_NOISE, NEW, NOISE, Trust, bin_of

LEAST_S = 1e-5
KEPT = 5
"""So many newest times of each test are remembered, as in the file of durations."""
CLIP = 2.5
PRIOR_LOG_S = math.log(0.01)
PRIOR_VARIANCE = {"suite": 4.0, "file": 1.0, "class": 0.5, "function": 0.5, "test": 0.5, "host": 0.1, "pair": 0.05}
DRIFT = 0.05
"""What a test's variance gains with each observation, as a part of its noise: old times count less and less."""
GROUP_DRIFT = 1e-5
NOISE_MEMORY = 0.15
FEWEST_OF_A_RUN = 20
"""So many known tests tell whether a whole run was slow."""
LEVEL_MEMORY = 0.3
"""How far the level of a class of hosts follows a run: half of what stays is believed after two."""

Timed = tuple[str, str, str, str, float]
"""Node id, file, class, class of hosts, seconds."""


class Known:
    """What is known of one test: its own term, its scatter, its newest times and where they were taken."""

    __slots__ = ("around", "hosts", "n", "noise", "outliers", "times", "weight")

    def __init__(self, around: Surroundings, weight: Weight, noise: float) -> None:
        self.around = around
        self.weight = weight
        self.noise = noise
        self.n = 0
        self.outliers = 0
        self.times: list[float] = []
        self.hosts: list[str] = []

    def add(self, time: float, hw_class: str) -> None:
        self.n += 1
        self.times.append(time)
        self.hosts.append(hw_class)
        if len(self.times) > KEPT:
            del self.times[0], self.hosts[0]

    def level(self, hw_class: str) -> int:
        """Return how well this test is known on *hw_class*."""
        return NEW if not self.n else HERE if hw_class in self.hosts else ELSEWHERE

    def median(self, level: int, hw_class: str) -> float:
        """Return the median of its times, of those on *hw_class* where there are some."""
        times = self.times
        if level == HERE and self.hosts.count(hw_class) != len(times):
            times = [time for time, host in zip(times, self.hosts, strict=True) if host == hw_class]
        return middle(sorted(times))


class Learner:
    """Durations of things that have a node id, a file, a class, and a host; in seconds."""

    def __init__(self) -> None:
        self.suite = Group("suite", Weight(PRIOR_LOG_S, PRIOR_VARIANCE["suite"]))
        self.groups: dict[tuple[str, str], Group] = {}
        self.hosts: dict[str, Weight] = {}
        self.levels: dict[str, float] = {}
        self.tests: dict[str, Known] = {}
        self.trust = Trust()
        self._around: dict[tuple[str, str, str], Surroundings] = {}

    def learn_run(self, run: Iterable[Timed]) -> None:
        """Take in what one run took, in the order of arrival; ValueError as `learn`."""
        timed = list(run)
        shifts = self._shifts(timed)
        for nodeid, file, cls, hw_class, seconds in timed:
            self.learn(nodeid, file, cls, hw_class, seconds, shift=shifts.get(hw_class, 0.0))
        for hw_class, shift in sorted(shifts.items()):
            self.trust.note_shift(shift)
            self.levels[hw_class] = self.levels.get(hw_class, 0.0) + LEVEL_MEMORY * shift

    def learn(self, nodeid: str, file: str, cls: str, hw_class: str, seconds: float, *, shift: float = 0.0) -> None:
        """Take note that it took *seconds*; ValueError if that is negative or no number.

        *shift* is how much slower than the level of its hosts the whole run was, as a logarithm.
        """
        if not 0.0 <= seconds < math.inf:
            raise ValueError(f"{nodeid}: {seconds} s")
        time = math.log(max(seconds, LEAST_S)) - self.levels.get(hw_class, 0.0)
        test = self.tests.get(nodeid)
        if test is None:
            test = self.tests[nodeid] = self._fresh(nodeid, file, cls)
        level = test.level(hw_class)
        terms = self._terms(test.around, hw_class)
        mean, variance = _sum(terms, test.weight)
        noise = self._noise(test, mean)
        variance += noise
        source, told, std = self._told(test, level, hw_class, mean, variance)
        time -= shift
        self.trust.calibrate(level, bin_of(told), (time - told) / std)
        if source != "nothing":
            median = told if source != "linear" else self._median(test, level, hw_class)[1]
            self.trust.compare(level, time - mean, time - median)
        if test.n:
            squared = max((time - mean) ** 2 - (variance - noise), 0.0)
            self.trust.scatter(bin_of(mean), squared)
            test.noise = max(noise + NOISE_MEMORY * (squared - noise), LEAST_NOISE)
        self._correct(test, terms, time - mean, variance, noise)
        test.add(time, hw_class)
        for group in test.around.groups:
            group.add(time)

    def predict(self, nodeid: str, file: str, cls: str, hw_class: str, by: str = "best") -> Prediction:
        """Return how long it will take on a host of *hw_class*; of what was never seen, a guess that says so.

        *by* is ``model`` or ``median`` where only one of the two is to be asked.
        """
        test = self.tests.get(nodeid) or self._fresh(nodeid, file, cls)
        level = test.level(hw_class)
        mean, variance = _sum(self._terms(test.around, hw_class), test.weight)
        variance += self._noise(test, mean)
        source, told, std = self._told(test, level, hw_class, mean, variance)
        if by == "model" and source != "linear":
            source, told, std = "linear", mean, math.sqrt(variance)
        elif by == "median" and source == "linear":
            source, told, std = self._median(test, level, hw_class)
        std = std or math.sqrt(variance)
        q50, q90 = self.trust.quantiles(level, told, std)
        usual = math.exp(self.levels.get(hw_class, 0.0))
        return Prediction(q50 * usual, q90 * usual, test.n, source, math.hypot(std, self.trust.run_std))

    def _shifts(self, run: Iterable[Timed]) -> dict[str, float]:
        """Return by class of hosts how much slower than its level a run was, by the median of the known tests."""
        off: dict[str, list[float]] = {}
        for nodeid, _, _, hw_class, seconds in run:
            test = self.tests.get(nodeid)
            if test is not None and hw_class in test.hosts and 0.0 <= seconds < math.inf:
                mean, variance = _sum(self._terms(test.around, hw_class), test.weight)
                _, told, _ = self._told(test, HERE, hw_class, mean, variance)
                time = math.log(max(seconds, LEAST_S)) - self.levels.get(hw_class, 0.0)
                off.setdefault(hw_class, []).append(time - told)
        return {name: middle(sorted(every)) for name, every in off.items() if len(every) >= FEWEST_OF_A_RUN}

    def _noise(self, test: Known, mean: float) -> float:
        """Return the variance that a test's times have by themselves: at first that of tests that take as long."""
        return test.noise if test.n > 1 else self.trust.noise[bin_of(mean)]

    def around(self, function: str, cls: str, file: str) -> Surroundings:
        """Return the surroundings of the tests of one function ("" without parameters), class and file."""
        key = function, cls, file
        found = self._around.get(key)
        if found is None:
            names = (("function", function), ("class", cls), ("file", file))
            narrow = [self._group(source, name) for source, name in names if name]
            kind = self._group("class", cls) if cls else self._group("file", file)
            found = self._around[key] = Surroundings(key, (*narrow, self.suite), kind)
        return found

    def _group(self, source: str, name: str) -> Group:
        found = self.groups.get((source, name))
        if found is None:
            found = self.groups[source, name] = Group(source, Weight(0.0, PRIOR_VARIANCE[source]))
        return found

    def _fresh(self, nodeid: str, file: str, cls: str) -> Known:
        function = nodeid.partition("[")[0] if nodeid.endswith("]") else ""
        around = self.around(function, cls, file)
        return Known(around, Weight(0.0, PRIOR_VARIANCE["test"]), NOISE)

    def _terms(self, around: Surroundings, hw_class: str) -> tuple[Weight, ...]:
        found = around.terms.get(hw_class)
        if found is None:
            host = self.hosts.setdefault(hw_class, Weight(0.0, PRIOR_VARIANCE["host"]))
            pair = around.kind.hosts.setdefault(hw_class, Weight(0.0, PRIOR_VARIANCE["pair"]))
            found = around.terms[hw_class] = (*(group.weight for group in around.groups), host, pair)
        return found

    def _told(self, test: Known, level: int, hw_class: str, mean: float, variance: float) -> tuple[str, float, float]:
        """Return source, logarithm and standard deviation of what is believed."""
        if self.trust.is_model_better(level):
            return "linear", mean, math.sqrt(variance)
        if level != NEW:
            return "test", test.median(level, hw_class), math.sqrt(variance)
        return self._median(test, level, hw_class)

    def _median(self, test: Known, level: int, hw_class: str) -> tuple[str, float, float]:
        if level != NEW:
            return "test", test.median(level, hw_class), 0.0
        for group in test.around.groups:
            if group.is_telling:
                return (group.source, *group.centre_and_spread())
        if self.suite.times:
            return "suite", self.suite.centre_and_spread()[0], 1.5
        return "nothing", PRIOR_LOG_S, 2.3

    def _correct(self, test: Known, terms: tuple[Weight, ...], error: float, variance: float, noise: float) -> None:
        """Move the terms by their shares of the *error*."""
        limit = CLIP * math.sqrt(variance)
        if -limit <= error <= limit:
            test.outliers = 0
        else:
            side = 1 if error > 0 else -1
            if test.outliers == side:
                test.weight.variance += error * error / 4  # it has changed, and is not merely disturbed
                variance += error * error / 4
                limit = CLIP * math.sqrt(variance)
            test.outliers = side
            error = min(max(error, -limit), limit)
        gain = error / variance
        for weight in terms:
            own = weight.variance
            weight.mean += own * gain
            weight.variance = own - own * own / variance + GROUP_DRIFT
        own = test.weight.variance
        test.weight.mean += own * gain
        test.weight.variance = own - own * own / variance + DRIFT * noise


def _sum(terms: tuple[Weight, ...], own: Weight) -> tuple[float, float]:
    mean, variance = own.mean, own.variance
    for weight in terms:
        mean += weight.mean
        variance += weight.variance
    return mean, variance
