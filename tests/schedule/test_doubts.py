"""When predictions go wrong in common, what is left is ranked anew; single errors change nothing."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import product
from math import exp

import pytest

from pytest_disttest.model import Plan, Unit
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.doubts import ENOUGH, Doubts
from pytest_disttest.schedule.guidance import Briefing, Times
from pytest_disttest.schedule.strategies import STRATEGIES
from pytest_disttest.testing import FakeHost, drive, free_seams

FILES, EACH = 12, 12
PLAN = Plan(tuple(Unit(f"f{n}", tuple(range(n * EACH, (n + 1) * EACH))) for n in range(FILES)))
KNOWN = dict.fromkeys(range(FILES * EACH), 1.0)


def ended(factors: dict[int, float], cases: Iterable[int]) -> list[tuple[int, str, float]]:
    """Return that each of *cases* took its file's factor longer than expected."""
    return [(case, "a", KNOWN[case] * factors.get(case // EACH, 1.0)) for case in cases]


def test_a_file_that_got_slow_is_expected_to_stay_so():
    """Three of its tests took five times as long: so will the others, and those of other files will not."""
    doubts = Doubts(PLAN, Times(KNOWN), {})

    assert doubts.revise(ended({}, [*range(24), *range(60, 72)])) is None
    factors = doubts.revise(ended({2: 5.0}, range(24, 28)))
    assert factors is not None
    assert dict.fromkeys(range(24, 36), 5.0) == pytest.approx(dict(factors))
    assert doubts.revise(ended({2: 5.0}, range(28, 30))) is None, "nothing new"


def test_a_run_that_is_slow_as_a_whole_changes_no_order():
    """Everything takes three times as long: the machine is busy."""
    doubts = Doubts(PLAN, Times(KNOWN), {})

    assert doubts.revise(ended(dict.fromkeys(range(FILES), 3.0), range(60))) is None


def test_errors_of_single_tests_change_nothing():
    """Off by a factor of two either way, as it is usual."""
    dice = random.Random(1)
    doubts = Doubts(PLAN, Times(KNOWN), {})

    assert doubts.revise([(case, "a", exp(dice.choice((-0.6, 0.6)))) for case in range(100)]) is None


def test_where_expectations_tell_nothing_they_are_dropped():
    """Off by a factor of ten, one way or the other: then each test counts the same, until predictions are better."""
    dice = random.Random(1)
    times = Times({case: dice.choice((0.1, 10.0)) for case in KNOWN})
    doubts = Doubts(PLAN, times, {})
    factors = doubts.revise([(case, "a", 1.0) for case in range(ENOUGH + 10)])

    assert factors is not None
    assert 1 == len({round(times.everywhere[case] * factor, 9) for case, factor in factors.items()})
    assert doubts.revise([(case, "a", times.everywhere[case]) for case in range(60, 144)]) == {}, "trusted again"


def test_tiny_tests_say_nothing():
    """What takes a hundredth of a second takes three the next time, and nobody wonders."""
    doubts = Doubts(PLAN, Times(dict.fromkeys(KNOWN, 0.01)), {})

    assert doubts.revise([(case, "a", 0.03 if case < 30 else 0.01) for case in range(100)]) is None


def test_a_second_thought_pays():
    """Four of twelve files take so much longer than ever, on hosts that differ: such runs end earlier with it."""
    slow = {1, 4, 7, 10}
    plan = Plan(
        PLAN.units, prerequisites={n * EACH + k: (n * EACH + k - 1,) for n in range(FILES) for k in range(1, EACH)}
    )
    classes = {"fast": "f", "slow": "s"}

    def makespan_s(slowness: float, factor: float, *, is_revised: bool) -> float:
        speed = {"f": 1.0, "s": slowness}
        times = Times(KNOWN, {(case, name): s for case in KNOWN for name, s in speed.items()})
        briefing = Briefing(plan, {"fast": 3, "slow": 3}, classes, times=lambda _: times)
        guidance = STRATEGIES.load("adaptive")(briefing)
        assert guidance.revise is not None
        scheduler = Scheduler(
            plan,
            seams=free_seams,
            predicted=KNOWN,
            predicted_on=times.on_class,
            classes=classes,
            guidance=guidance if is_revised else guidance._replace(revise=None),
        )
        hosts = [FakeHost("fast", workers=3), FakeHost("slow", workers=3)]
        took = drive(
            scheduler,
            hosts,
            seconds_on=lambda case, host: speed[classes[host]] * (factor if case // EACH in slow else 1.0),
        )
        assert len(KNOWN) == len(took.ran)
        return took.makespan_s

    runs = list(product((1.5, 2.0, 3.0), (4.0, 8.0, 16.0)))
    with_it, without = (sum(makespan_s(*run, is_revised=is_revised) for run in runs) for is_revised in (True, False))
    assert with_it < 0.93 * without
