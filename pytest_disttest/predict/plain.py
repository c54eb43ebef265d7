"""What was learned, as builtins: columns, because JSON of few long lists is read fastest."""

from __future__ import annotations

from typing import Any

from pytest_disttest.predict.group import KEPT, Group, Weight
from pytest_disttest.predict.learner import PRIOR_VARIANCE, Known, Learner
from pytest_disttest.predict.trust import Trust

Plain = dict[str, Any]


def plain_of(learner: Learner) -> Plain:
    """Return all of *learner* but what equals the state of one that has learned nothing."""
    tests = learner.tests
    known = {name: weight for name, weight in learner.hosts.items() if weight.variance != PRIOR_VARIANCE["host"]}
    hosts = {name: number for number, name in enumerate(known)}
    surroundings = list({test.around.key: None for test in tests.values()})
    place_of = {key: place for place, key in enumerate(surroundings)}
    groups = {key: group for key, group in learner.groups.items() if group.times}
    return {
        "suite": [_weight(learner.suite.weight), _pairs(learner.suite)],
        "hosts": {name: _weight(weight) for name, weight in known.items()},
        "levels": times_of(learner.levels),
        "groups": [[*key, _weight(group.weight), _pairs(group)] for key, group in groups.items()],
        "around": [list(key) for key in surroundings],
        "ids": list(tests),
        "places": [place_of[test.around.key] for test in tests.values()],
        "means": [round(test.weight.mean, 4) for test in tests.values()],
        "variances": [round(test.weight.variance, 6) for test in tests.values()],
        "noises": [round(test.noise, 6) for test in tests.values()],
        "counts": [test.n for test in tests.values()],
        "outliers": [test.outliers for test in tests.values()],
        "times": [[round(time, 4) for time in test.times] for test in tests.values()],
        "where": [[hosts[name] for name in test.hosts] for test in tests.values()],
        "trust": learner.trust.plain(),
    }


def learner_of(plain: Plain) -> Learner:
    """Return the learner that `plain_of` wrote; an error of some kind for anything else."""
    learner = Learner()
    learner.trust = Trust.from_plain(plain["trust"])
    learner.hosts = {_text(name): _read(weight) for name, weight in plain["hosts"].items()}
    learner.levels = times_of(plain["levels"])
    suite, pairs = plain["suite"]
    _fill(learner.suite, suite, pairs)
    for source, name, weight, pairs in plain["groups"]:
        group = learner.groups[source, _text(name)] = Group(source, Weight(0.0, PRIOR_VARIANCE[source]))
        _fill(group, weight, pairs)
    hosts = list(learner.hosts)
    around = [learner.around(function, cls, file) for function, cls, file in plain["around"]]
    columns = ("ids", "places", "means", "variances", "noises", "counts", "outliers", "times", "where")
    for nodeid, place, mean, variance, noise, n, outliers, times, where in zip(
        *(plain[column] for column in columns), strict=True
    ):
        test = learner.tests[_text(nodeid)] = Known(around[place], _read([mean, variance]), float(noise))
        test.n, test.outliers = int(n), int(outliers)
        test.times, test.hosts = [*map(float, times)], [hosts[number] for number in where]
        for group in test.around.groups:
            group.times.append(test.times[-1])
    for group in (learner.suite, *learner.groups.values()):
        del group.times[:-KEPT]
    return learner


def times_of(plain: Plain) -> dict[str, float]:
    """Return numbers by name, to six decimals; an error of some kind for anything else."""
    return {_text(key): round(float(number), 6) for key, number in plain.items()}


def _weight(weight: Weight) -> list[float]:
    return [round(weight.mean, 4), round(weight.variance, 6)]


def _pairs(group: Group) -> dict[str, list[float]]:
    prior = PRIOR_VARIANCE["pair"]
    return {name: _weight(weight) for name, weight in group.hosts.items() if weight.variance != prior}


def _fill(group: Group, weight: list[float], pairs: dict[str, list[float]]) -> None:
    group.weight = _read(weight)
    group.hosts = {_text(name): _read(pair) for name, pair in pairs.items()}


def _read(weight: list[float]) -> Weight:
    mean, variance = weight
    if not variance > 0.0:
        raise ValueError(f"variance {variance}")
    return Weight(float(mean), float(variance))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
