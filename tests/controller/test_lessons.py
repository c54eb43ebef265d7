"""What runs on several hosts teach the next ones: durations by class, reliability, weights; kept in one file."""

from __future__ import annotations

import json
import random

import pytest

from pytest_disttest.controller.experience import expected
from pytest_disttest.controller.lessons import MEMORY, Lessons, observed, pays
from pytest_disttest.model import Case, FixtureUse
from pytest_disttest.predict import Observation
from pytest_disttest.schedule.choice import DEFAULTS, HIGHEST
from pytest_disttest.store import layout
from pytest_disttest.store.timings import Measured

CASES = [Case(n, f"test_a.py::test_{n}", file="test_a.py") for n in range(30)]


def taught(runs: int = 6, *, slow: float = 3.0) -> Lessons:
    """Return what some runs taught, in which each test took so much longer on the slow class."""
    dice, lessons = random.Random(1), Lessons()
    for _ in range(runs):
        lessons.predictor.learn_run(
            Observation(
                case.nodeid, case.file, "", kind, call_s=0.1 * (1 + case.index) * factor * dice.uniform(0.95, 1.05)
            )
            for case in CASES
            for kind, factor in (("fast", 1.0), ("slow", slow))
        )
    return lessons


def test_what_was_learned_is_there_in_the_next_run(tmp_path):
    """Predictions, records and weights survive the file."""
    lessons = taught()
    lessons.note("a", 100, 3)
    lessons.weights = DEFAULTS._replace(fit=5.0)
    lessons.keep(tmp_path)
    again = Lessons.read(tmp_path)

    assert (lessons.hosts, lessons.weights) == (again.hosts, again.weights)
    before, after = (kept.predictor.predict("test_a.py::test_3", "test_a.py", "", "slow") for kept in (lessons, again))
    assert after.q50_s == pytest.approx(before.q50_s, rel=0.01)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format":1,"learned":{"hosts":{},"weights":[],"predictor":{}}}', "\x00"]
)
def test_a_damaged_file_teaches_nothing(tmp_path, content):
    """The run goes on as if there had never been one before it."""
    layout.learned_path(tmp_path).write_text(content)

    assert {} == Lessons.read(tmp_path).hosts


def test_weights_of_the_file_stay_within_their_bounds(tmp_path):
    """Whoever edits the file cannot make one factor rule all others."""
    lessons = Lessons(weights=DEFAULTS._replace(fit=1e9))
    lessons.keep(tmp_path)

    assert Lessons.read(tmp_path).weights == DEFAULTS._replace(fit=HIGHEST.fit)


def test_each_class_of_hosts_has_its_own_expectation():
    """A test is expected to take what it takes there, and on the average worker what that comes to."""
    found = expected(CASES[:1], {}, taught(), {"fast": 3, "slow": 1})

    assert found.on_class[0, "slow"] == pytest.approx(3 * found.on_class[0, "fast"], rel=0.15)
    assert found.everywhere[0] == pytest.approx(0.75 * found.on_class[0, "fast"] + 0.25 * found.on_class[0, "slow"])


def test_a_median_counts_more_than_a_guess_and_less_than_what_was_learned():
    """A test that only the durations know keeps its median; a learned one does not need it."""
    fresh = Case(99, "test_a.py::test_fresh", file="test_a.py")
    found = expected([CASES[0], fresh], {CASES[0].nodeid: 77.0, fresh.nodeid: 88.0}, taught(), {"fast": 1})

    assert (88.0, True) == (found.everywhere[99], found.everywhere[0] < 1.0)
    assert found.everywhere.keys() == {0, 99} and found.on_class.keys() == {(0, "fast")}


def test_on_one_host_medians_are_all_there_is():
    """Nothing learned is asked for."""
    assert ({0: 2.0}, {}, {}) == tuple(expected(CASES, {CASES[0].nodeid: 2.0}, None, {}))


@pytest.mark.parametrize("by", ["median", "model"])
def test_one_source_alone_can_be_asked(by):
    """Medians are of the test itself and guess nothing; the model guesses, and tells what is hardly exceeded."""
    fresh = Case(30, "test_a.py::test_new", file="test_a.py")
    found = expected([*CASES, fresh], {}, taught(), {"fast": 1, "slow": 1}, by)

    assert (by == "model") == (30 in found.everywhere)
    assert found.on_class[3, "slow"] == pytest.approx(1.2, rel=0.1)
    assert all(found.cautious[case] >= found.everywhere[case] for case in found.everywhere)


def test_faults_fade():
    """A host that crashed tests lately is less reliable; with good runs it recovers, and few attempts say little."""
    lessons = Lessons()
    lessons.note("a", 100, 20)
    bad = lessons.reliability()["a"]
    lessons.note("a", 100, 0)
    lessons.note("b", 1, 1)

    assert bad == pytest.approx(1 - 20 / 120)
    assert lessons.reliability() == {
        "a": pytest.approx(1 - 20 * MEMORY / (100 * MEMORY + 120)),
        "b": pytest.approx(1 - 1 / 21),
    }


def test_wide_fixtures_are_learned_apart_also_where_their_first_user_failed():
    """The set-up of a module's fixture is the first user's, be it passed or not."""
    use = FixtureUse("module", "db", "test_a.py")
    cases = [Case(n, f"test_a.py::test_{n}", file="test_a.py", fixtures=(use,)) for n in range(3)]
    measured = Measured()
    measured.at("a", "gw0")
    measured.add(0, 2.0, 0.1, 0.0)
    measured.at("b", "gw1")
    measured.add_other(1)
    measured.add(2, 0.01, 0.1, 0.5)

    seen = {host: list(observed(cases, rows, host)) for host, rows in measured.by_worker()}

    assert [((use,), (use,))] == [(one.opens, one.closes) for one in seen["a"]]
    assert [((), (use,), 0.01)] == [(one.opens, one.closes, one.setup_s) for one in seen["b"]]
    assert [(0, pytest.approx(2.1)), (2, pytest.approx(0.61))] == list(measured)


def test_workers_that_take_turns_are_told_apart():
    """Attempts arrive interleaved, and are one worker's in order."""
    measured = Measured()
    for number in range(6):
        measured.at("a", f"gw{number % 2}")
        measured.add(number, 0.0, float(number), 0.0)

    assert [[0, 2, 4], [1, 3, 5]] == [[case for case, *_ in rows] for _, rows in measured.by_worker()]


def test_a_run_of_many_tiny_tests_does_not_learn():
    """It would take a part of its time that one could see, to know what nobody needs."""
    assert (False, True, False) == (pays(10_000, 5.0), pays(10_000, 60.0), pays(0, 60.0))


def test_what_is_kept_is_plain(tmp_path):
    """JSON's own types, in one object."""
    assert json.loads(json.dumps(taught(1).plain())).keys() == {"predictor", "hosts", "weights"}
