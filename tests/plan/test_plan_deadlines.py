"""Deadlines: which cannot be met, by when to begin, and which to give up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.plan.deadlines import Crowd, Miss, crowd, hopeless, latest_starts, misses

SECONDS = st.sampled_from((0.5, 1.0, 2.0, 4.0))
CASES = range(8)


@st.composite
def graphs(draw: st.DrawFn) -> dict[int, tuple[int, ...]]:
    """Draw who waits for whom: each for some before it."""
    return {
        case: tuple(sorted(draw(st.sets(st.integers(0, case - 1), min_size=1, max_size=3))))
        for case in draw(st.sets(st.integers(1, max(CASES))))
    }


WORK = st.fixed_dictionaries(dict.fromkeys(CASES, SECONDS))
DEADLINES = st.dictionaries(st.sampled_from(CASES), st.integers(1, 12).map(float))


def test_a_deadline_that_cannot_be_met_is_told_with_its_path():
    """Three tests one after the other take 6 s, and a shorter way to the same test does not count."""
    work = {0: 2.0, 1: 3.0, 2: 1.0, 3: 0.5}

    assert [Miss(2, 5.0, 6.0, (0, 1, 2))] == misses({2: 5.0, 3: 0.5}, work, {1: (0,), 2: (1, 3)})
    assert [] == misses({2: 6.0}, work, {1: (0,), 2: (1, 3)})
    assert [Miss(2, 6.0, 7.0, (0, 1, 2))] == misses({2: 6.0}, work, {1: (0,), 2: (1, 3)}, start_s=1.0)


def test_too_much_for_all_workers_is_told():
    """Six tests of 1 s in 2 s, by two workers."""
    assert Crowd(5, 2.0, 2.5, 2) == crowd(dict.fromkeys(range(6), 2.0), dict.fromkeys(range(6), 1.0), 2)
    assert crowd(dict.fromkeys(range(4), 2.0), dict.fromkeys(range(4), 1.0), 2) is None


def test_where_workers_are_shared_one_must_begin_earlier():
    """Two tests of 2 s that must have ended at 10 s: on one worker, the other one begins at 6 s."""
    work = {0: 2.0, 1: 2.0}

    assert {0: 8.0, 1: 6.0} == latest_starts(dict.fromkeys(work, 10.0), work, {}, {"a": 1})
    assert {0: 8.0, 1: 8.0} == latest_starts(dict.fromkeys(work, 10.0), work, {}, {"a": 1, "b": 1})
    only = {0: frozenset({"a"}), 1: frozenset({"a"})}
    assert {0: 8.0, 1: 6.0} == latest_starts(dict.fromkeys(work, 10.0), work, only, {"a": 1, "b": 4})


def test_the_longest_is_given_up():
    """Of three tests in 4 s, the one of 3 s; the others are in time then."""
    assert frozenset({1}) == hopeless(dict.fromkeys(range(3), 4.0), {0: 1.0, 1: 3.0, 2: 1.0}, 1, range(3))
    assert frozenset() == hopeless(dict.fromkeys(range(3), 4.0), {0: 1.0, 1: 3.0, 2: 1.0}, 2, range(3))


@given(work=WORK, waits=graphs(), deadlines=DEADLINES)
def test_misses_are_what_playing_it_shows(work, waits, deadlines):
    """With a worker for each test, a case ends when the longest of its prerequisites and it itself have."""
    ends: dict[int, float] = {}
    for case in CASES:
        ends[case] = max((ends[before] for before in waits.get(case, ())), default=0.0) + work[case]

    found = misses(deadlines, work, waits)

    assert [(case, ends[case]) for case in sorted(deadlines) if ends[case] > deadlines[case]] == [
        (miss.case, miss.earliest_s) for miss in found
    ]
    for miss in found:
        assert sum(work[case] for case in miss.path) == miss.earliest_s
        assert all(before in waits[case] for before, case in zip(miss.path, miss.path[1:], strict=False))


@given(work=WORK, ends=DEADLINES, workers=st.dictionaries(st.sampled_from("abc"), st.integers(1, 2), min_size=1))
def test_to_begin_by_then_is_enough(work, ends, workers):
    """Each ends in time, and no host runs more at once than it has workers."""
    starts = latest_starts(ends, work, {}, workers)

    assert starts.keys() == ends.keys()
    assert all(starts[case] + work[case] <= ends[case] + 1e-9 for case in ends)
    for case in starts:
        at_once = [one for one in starts if starts[one] <= starts[case] < starts[one] + work[one] - 1e-9]
        assert len(at_once) <= sum(workers.values())


@given(work=WORK, ends=DEADLINES)
def test_those_that_are_not_given_up_fit(work, ends):
    """One after the other in the order of their ends, each of them is in time."""
    lost = hopeless(ends, work, 1, CASES)
    now = 0.0
    for case in sorted(ends.keys() - lost, key=lambda case: (ends[case], case)):
        now += work[case]
        assert now <= ends[case] + 1e-9
