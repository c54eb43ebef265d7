"""Predictions for tests and for the fixtures they share."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from pytest_disttest.model import FixtureUse
from pytest_disttest.predict.learner import Learner, Timed
from pytest_disttest.predict.observation import FixtureCost, Observation, Prediction
from pytest_disttest.predict.plain import Plain, learner_of, plain_of, times_of
from pytest_disttest.predict.sharing import OwnTimes, Uses, shares

FORMAT = 1
SETUP, TEARDOWN = "setup", "teardown"


class Predictor:
    """What earlier runs say about the next one. Learn the oldest first: what came last is believed most.

    A test's time is that of its call and of its own set-up and teardown. The set-up of a wide fixture is taken off the
    test that happened to be its first user and counts for the fixture, which is predicted by itself.
    """

    def __init__(self) -> None:
        self._tests = Learner()
        self._fixtures = Learner()
        self._setups = OwnTimes()
        self._teardowns = OwnTimes()

    def __len__(self) -> int:
        """How many tests are known."""
        return len(self._tests.tests)

    def learn(self, seen: Observation) -> None:
        """Take in one attempt that passed; ValueError for a time that is negative or no number."""
        self._tests.learn(*self._timed(seen))

    def learn_run(self, seen: Iterable[Observation]) -> None:
        """Take in a whole run, in the order of arrival. Better than one by one: a run that was slow as a whole shows.

        Raises ValueError as above.
        """
        self._tests.learn_run([self._timed(observation) for observation in seen])

    def _timed(self, seen: Observation) -> Timed:
        """Return what the test took by itself, and learn what its wide fixtures did."""
        nodeid, file, cls, hw_class, setup_s, call_s, teardown_s, opens, closes = seen
        if not 0.0 <= setup_s + call_s + teardown_s < math.inf or min(setup_s, call_s, teardown_s) < 0.0:
            raise ValueError(f"{nodeid}: {setup_s}, {call_s}, {teardown_s} s")
        if opens:
            setup_s = self._own(self._setups, seen, setup_s, SETUP, opens)
        else:
            self._setups.learn(nodeid, file, setup_s)
        if closes:
            teardown_s = self._own(self._teardowns, seen, teardown_s, TEARDOWN, closes)
        else:
            self._teardowns.learn(nodeid, file, teardown_s)
        return nodeid, file, cls, hw_class, setup_s + call_s + teardown_s

    def predict(
        self, nodeid: str, file: str = "", cls: str = "", hw_class: str = "", *, by: str = "best"
    ) -> Prediction:
        """Return how long a test will take on a host of *hw_class*, without its wide fixtures.

        A test that was never seen is guessed from its function (another parameter), class, file and suite. *by* is
        ``best``, or ``model`` or ``median`` where only one of the two is to be asked.
        """
        return self._tests.predict(nodeid, file, cls, hw_class, by)

    def predict_fixture(self, use: FixtureUse, hw_class: str = "") -> FixtureCost:
        """Return what a wide fixture costs a worker on a host of *hw_class* that uses it."""
        return FixtureCost(self._fixture(use, SETUP, hw_class), self._fixture(use, TEARDOWN, hw_class))

    def forget_others(self, known: Collection[str]) -> None:
        """Forget every test but the *known* node ids; what their groups learned from them stays."""
        kept = frozenset(known)
        for tests in (self._tests.tests, self._setups.tests, self._teardowns.tests):
            for nodeid in [nodeid for nodeid in tests if nodeid not in kept]:
                del tests[nodeid]

    def plain(self) -> Plain:
        """Return all that was learned as lists, texts and numbers, for JSON; logarithms to four decimals."""
        return {
            "format": FORMAT,
            "tests": plain_of(self._tests),
            "fixtures": plain_of(self._fixtures),
            "setups": [_rounded(self._setups.tests), _rounded(self._setups.files)],
            "teardowns": [_rounded(self._teardowns.tests), _rounded(self._teardowns.files)],
        }

    @classmethod
    def from_plain(cls, plain: Plain) -> Predictor:
        """Return what `plain` gave; ValueError for anything else, another format included.

        Groups keep only the newest time of each of their tests, so that a guess from one may change a little.
        """
        predictor = cls()
        try:
            if plain["format"] != FORMAT:
                raise ValueError(f"format {plain['format']}, not {FORMAT}")
            predictor._tests = learner_of(plain["tests"])
            predictor._fixtures = learner_of(plain["fixtures"])
            for own, kept in ((predictor._setups, plain["setups"]), (predictor._teardowns, plain["teardowns"])):
                own.tests, own.files = map(times_of, kept)
        except (LookupError, TypeError, AttributeError) as fault:
            raise ValueError(f"not what a predictor wrote: {fault!r}") from fault
        return predictor

    def _own(self, known: OwnTimes, seen: Observation, seconds: float, phase: str, uses: Uses) -> float:
        """Return the test's own part of a phase, and learn the rest as the time of its fixtures."""
        own_s = known.part_of(seen.nodeid, seen.file, seconds)
        expected_s = [_expected_s(self._fixture(use, phase, seen.hw_class)) for use in uses]
        for use, share_s in zip(uses, shares(seconds - own_s, expected_s), strict=True):
            self._fixtures.learn(*_names(use, phase), seen.hw_class, share_s)
        return own_s

    def _fixture(self, use: FixtureUse, phase: str, hw_class: str) -> Prediction:
        return self._fixtures.predict(*_names(use, phase), hw_class)


def _names(use: FixtureUse, phase: str) -> tuple[str, str, str]:
    """Return the names under which a fixture is learned as if it were a test: its own, its owner's, its scope's."""
    name = f"{phase} {use.name} of {use.base}"
    return f"{name}[{use.param}]" if use.param else name, f"{phase} of {use.scope}", ""


def _expected_s(prediction: Prediction) -> float:
    """Return the expectation of a fixture that was seen before; 0.0, which is no opinion, of any other."""
    return prediction.q50_s if prediction.n else 0.0


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {key: round(seconds, 6) for key, seconds in times.items()}
