"""Wide fixtures: who opens and closes them, and which part of a test's set-up is theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise

from pytest_disttest.model import Case, FixtureUse

Uses = tuple[FixtureUse, ...]


def openings(run: Sequence[Case]) -> Iterator[tuple[Uses, Uses]]:
    """Yield (opens, closes) for each case that one worker ran, in the order in which it ran them.

    pytest keeps a wide fixture until the next test stands outside of what the fixture is for (its class, module,
    package), whether that test uses it or not; the last test closes all. Another parameter of the same fixture takes
    the old one down in its own set-up, so that this belongs to the price of opening the new one.
    """
    alive: dict[FixtureUse, None] = {}
    for case, after in pairwise(chain(run, (None,))):
        assert case is not None  # only the last partner is
        opens = tuple(use for use in dict.fromkeys(case.fixtures) if use not in alive)
        replaced = {use[:3] for use in opens}
        alive = {use: None for use in alive if use[:3] not in replaced} | dict.fromkeys(opens)
        closes = tuple(use for use in alive if after is None or not _is_kept_for(after, use))
        for use in closes:
            del alive[use]
        yield opens, closes


def _is_kept_for(case: Case, use: FixtureUse) -> bool:
    """Whether *case* is inside of what the fixture is for."""
    scope, _, base, _ = use
    if base in ("", "."):
        return scope != "class"  # of a class scope outside of any class, each function is its own owner
    return base in (case.package, case.nodeid) or case.nodeid.startswith((f"{base}/", f"{base}::"))


class OwnTimes:
    """What the set-up (or teardown) of tests takes when no wide fixture is in it, in seconds."""

    def __init__(self) -> None:
        self.tests: dict[str, float] = {}
        self.files: dict[str, float] = {}

    def learn(self, nodeid: str, file: str, seconds: float) -> None:
        """Take note of a phase that was the test's own alone."""
        _follow(self.tests, nodeid, seconds, rate=0.3)
        _follow(self.files, file, seconds, rate=0.1)

    def part_of(self, nodeid: str, file: str, seconds: float) -> float:
        """Return how much of *seconds* is likely the test's own: what is left is the fixtures'."""
        return min(seconds, self.tests.get(nodeid, self.files.get(file, 0.0)))


def shares(seconds: float, expected_s: Sequence[float]) -> list[float]:
    """Return *seconds* dealt out in proportion to what was expected of each; in equal parts where that is nothing."""
    whole = sum(expected_s)
    return [seconds * (part / whole if whole else 1 / len(expected_s)) for part in expected_s]


def _follow(known: dict[str, float], key: str, seconds: float, *, rate: float) -> None:
    """Draw the mean towards *seconds*, an outlier not farther than four times the mean."""
    mean_s = known.get(key)
    known[key] = seconds if mean_s is None else mean_s + rate * (min(seconds, 4 * mean_s + 0.001) - mean_s)
