"""What no schedule can beat, and the words for it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.plan.bottleneck import bottleneck, duration
from pytest_disttest.plan.bounds import Bound, bounds
from pytest_disttest.plan.work import WORKERS, PlannedHost, Work, least_s, mean_s, with_another


@st.composite
def works(draw: st.DrawFn) -> Work:
    """Draw up to 10 cases on up to 4 hosts of up to 3 classes; some wait, some are choosy, some use a GPU."""
    hosts = [
        PlannedHost(
            f"h{number}",
            draw(st.sampled_from("xyz")),
            draw(st.integers(1, 3)),
            {"gpu": 1.0} if number == 0 else {},
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    cases = range(draw(st.integers(1, 10)))
    eligible = {}
    for case in cases:
        chosen = draw(st.sets(st.sampled_from([host.name for host in hosts])))
        if chosen and draw(st.booleans()):
            eligible[case] = frozenset(chosen)
    fitting = [case for case in cases if "h0" in eligible.get(case, {"h0"})]
    return Work(
        cases=cases,
        hosts=hosts,
        seconds={name: {case: draw(st.floats(0.1, 20.0)) for case in cases} for name in "xyz"},
        prerequisites={
            case: tuple(sorted(chosen))
            for case in cases
            if case and (chosen := draw(st.sets(st.integers(0, case - 1), max_size=2)))
        },
        eligible=eligible,
        uses={"gpu": {case: draw(st.sampled_from((0.25, 0.5, 1.0))) for case in fitting if draw(st.booleans())}},
    )


def scheduled_s(work: Work, order: Sequence[int]) -> float:
    """Return the makespan of the list schedule of *order*: whatever is ready and fits somewhere starts at once."""
    free = {host.name: {WORKERS: float(host.workers), **host.capacity} for host in work.hosts}
    done: set[int] = set()
    waiting = list(order)
    running: list[tuple[float, int, str]] = []
    now = 0.0
    while waiting or running:
        for case in list(waiting):
            if not done.issuperset(work.prerequisites.get(case, ())):
                continue
            wants = {WORKERS: 1.0, **{name: uses[case] for name, uses in work.uses.items() if case in uses}}
            for host in work.hosts:
                fits = host.name in work.eligible.get(case, {host.name})
                if fits and all(free[host.name].get(name, 0.0) >= amount for name, amount in wants.items()):
                    for name, amount in wants.items():
                        free[host.name][name] -= amount
                    heapq.heappush(running, (now + work.seconds[host.hw_class][case], case, host.name))
                    waiting.remove(case)
                    break
        now, case, name = heapq.heappop(running)
        done.add(case)
        free[name][WORKERS] += 1.0
        for resource, uses in work.uses.items():
            free[name][resource] = free[name].get(resource, 0.0) + uses.get(case, 0.0)
    return now


@given(works(), st.randoms(use_true_random=False))
def test_no_schedule_beats_a_bound(work: Work, shuffled):
    """Whatever list schedule is made, each proof holds for it."""
    order = list(work.cases)
    shuffled.shuffle(order)

    assert bounds(work)[0].seconds <= scheduled_s(work, order) * (1 + 1e-9)


@given(works(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_says_nothing(work: Work, shuffled):
    """Hosts, cases and classes in another order are bounded by the same, to the last digit."""
    cases, hosts, classes = list(work.cases), list(work.hosts), list(work.seconds)
    for mixed in (cases, hosts, classes):
        shuffled.shuffle(mixed)
    again = work._replace(cases=cases, hosts=hosts, seconds={name: work.seconds[name] for name in classes})

    assert bounds(work) == bounds(again)
    assert mean_s(work) == mean_s(again)


@given(works())
def test_another_host_bounds_no_tighter(work: Work):
    """More hosts can only weaken what is proved."""
    more = with_another(work, work.hosts[-1].name)

    assert bounds(more)[0].seconds <= bounds(work)[0].seconds * (1 + 1e-9)


def test_scarce_hosts_are_the_bound():
    """Twelve cases that fit two of four hosts take six times as long as one, however idle the others are."""
    work = Work(
        cases=range(16),
        hosts=[PlannedHost(name) for name in ("a", "b", "c", "d")],
        seconds={"": dict.fromkeys(range(16), 10.0)},
        eligible=dict.fromkeys(range(12), frozenset("ab")),
    )

    first, *others = bounds(work)

    assert Bound(60.0, "capacity", ("a", "b"), WORKERS, 2.0) == first
    assert Bound(40.0, "capacity", ("a", "b", "c", "d"), WORKERS, 4.0) in others


def test_neighbours_are_bounded_together():
    """Cases for {a, b} and for {b, c} fill the three hosts, though neither kind fills its own."""
    work = Work(
        cases=range(12),
        hosts=[PlannedHost(name) for name in "abcd"],
        seconds={"": dict.fromkeys(range(12), 1.0)},
        eligible={case: frozenset("ab" if case % 2 else "bc") for case in range(12)},
    )

    assert Bound(4.0, "capacity", ("a", "b", "c"), WORKERS, 3.0) == bounds(work)[0]


def test_a_resource_is_scarcer_than_workers():
    """Eight tests that take a GPU each on one host with 16 workers and two GPUs run four deep."""
    work = Work(
        cases=range(8),
        hosts=[PlannedHost("g", workers=16, capacity={"gpu": 2.0})],
        seconds={"": dict.fromkeys(range(8), 3.0)},
        uses={"gpu": dict.fromkeys(range(8), 1.0)},
    )

    assert Bound(12.0, "capacity", ("g",), "gpu", 2.0) == bounds(work)[0]


def test_speeds_make_the_bound_exact():
    """A host that is three times as fast takes three quarters: 40 s of work (as the slow one counts) take 10 s."""
    work = Work(
        cases=range(40),
        hosts=[PlannedHost("slow", "s"), PlannedHost("fast", "f")],
        seconds={"s": dict.fromkeys(range(40), 1.0), "f": dict.fromkeys(range(40), 1 / 3)},
    )

    assert 10.0 == pytest.approx(bounds(work)[0].seconds)
    assert dict.fromkeys(range(40), 1 / 3) == least_s(work)
    assert dict.fromkeys(range(40), 2 / 3) == pytest.approx(mean_s(work))


def test_a_chain_is_bounded_by_its_length():
    """What waits for each other takes as long as all of it on the fastest host."""
    work = Work(
        cases=(1, 2, 3),
        hosts=[PlannedHost("a"), PlannedHost("b")],
        seconds={"": {1: 1.0, 2: 2.0, 3: 3.0}},
        prerequisites={3: (2,), 2: (1,)},
    )

    assert Bound(6.0, "path", cases=(1, 2, 3)) == bounds(work)[0]
    assert "3 tests that wait for each other are the bound (a -> b -> c): 6 s of 6.5 s" == bottleneck(
        work, 6.5, {1: "a", 2: "b", 3: "c"}
    )


def test_a_case_that_fits_nowhere_is_refused():
    """A plan leaves such cases out before it counts."""
    work = Work(cases=(1,), hosts=[PlannedHost("a")], seconds={"": {1: 1.0}}, eligible={1: frozenset()})

    with pytest.raises(ValueError, match="no host"):
        bounds(work)


def test_nothing_to_do_has_no_bound():
    """And no bottleneck."""
    work = Work(cases=(), hosts=[], seconds={})

    assert ((), "") == (bounds(work), bottleneck(work, 0.0, {}))


def test_the_bottleneck_says_what_would_help():
    """The issue's own example: who is the bound, by how much, and what one host more would save."""
    work = Work(
        cases=range(42),
        hosts=[PlannedHost("g1"), PlannedHost("g2"), PlannedHost("c1", workers=8)],
        seconds={"": dict.fromkeys(range(42), 60.0)},
        eligible=dict.fromkeys(range(28), frozenset({"g1", "g2"})),
    )

    found = bottleneck(work, 16 * 60.0, {}, {frozenset({"g1", "g2"}): "GPU"})

    assert "2 GPU hosts (g1, g2) are the bound: 14 min of 16 min; a third would save 5 min" == found


def test_the_bottleneck_says_where_more_hosts_do_not_help():
    """One long test is the bound whatever is bought, and hosts that are bound by one as well gain nothing."""
    long = Work(cases=(1, 2), hosts=[PlannedHost("a"), PlannedHost("b")], seconds={"": {1: 9.0, 2: 1.0}})
    tight = Work(cases=(1, 2, 3), hosts=[PlannedHost("a"), PlannedHost("b")], seconds={"": {1: 4.0, 2: 2.0, 3: 2.01}})

    assert "one test is the bound: t.py::test_a takes 9 s of 9.5 s" == bottleneck(long, 9.5, {1: "t.py::test_a"})
    assert (
        "2 hosts (a, b) are the bound: 4 s of 5 s; a third would save nothing: something else is as tight"
        == bottleneck(tight, 5.0, {})
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0421, "0.042 s"), (9.94, "9.9 s"), (9.96, "10 s"), (119.0, "119 s"), (120.0, "2 min"), (7500.0, "2 h 5 min")],
)
def test_a_duration_is_told_in_the_unit_that_suits_it(seconds: float, words: str):
    """Two digits where they count, no more."""
    assert words == duration(seconds)
