"""What is chosen by the record of recovery steps."""

from __future__ import annotations

import itertools
import math
from statistics import fmean

import pytest
from bench import recoveries
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.record import (
    FEWEST_CALLS,
    LEAST_TRIES,
    LONGEST_FIRST,
    Entry,
    Record,
    StepTried,
    Waits,
    entry_of,
    limit_s,
    waits,
)
from pytest_disttest.recovery.steps import LADDER, RUNGS, Step, escalated, fixed_order

CRASH, LOST, DEVICE = FailureClass.CRASH, FailureClass.HOST_LOST, FailureClass.DEVICE
USUAL = Waits(6, 1.0, 150.0)
seconds = st.floats(0, 1e5)
tries = st.lists(
    st.builds(
        StepTried, st.sampled_from(Step), st.sampled_from(FailureClass), st.sampled_from(["", "a", "b"]), seconds,
        st.booleans(),
    ),
    max_size=60,
)  # fmt: skip


def told(step: Step, failure: FailureClass, good: int, bad: int, cost_s: float, hw_class: str = "") -> list[StepTried]:
    """Return so many tries that succeeded, and that did not."""
    return [StepTried(step, failure, hw_class, cost_s, helped) for helped in [True] * good + [False] * bad]


def test_a_step_is_in_the_table_once():
    """And is for failures of machines only: what is the test's own no step can mend."""
    assert list(Step) == [rung.step for rung in LADDER]
    assert {failure for failure in FailureClass if failure.is_infrastructure} == {
        failure for rung in LADDER for failure in rung.classes
    }


def test_without_a_record_steps_escalate():
    """From what disturbs least to the quarantine; a step that needs a record is not taken."""
    assert (Step.RESPAWN_WORKER, Step.MOVE, Step.QUARANTINE) == Record().order(CRASH)
    assert (Step.REPROBE, Step.RESET_DEVICE, Step.MOVE, Step.QUARANTINE) == Record().order(DEVICE)
    assert () == Record().order(FailureClass.TEST_FAILURE)


def test_what_costs_less_for_each_success_comes_first():
    """A fresh worker that helps one time in four is worse than a move that takes twice as long and helps."""
    record = Record(
        [*told(Step.RESPAWN_WORKER, CRASH, 2, 8, 5.0, "board"), *told(Step.MOVE, CRASH, 9, 1, 10.0, "board")]
    )

    assert (Step.MOVE, Step.RESPAWN_WORKER, Step.QUARANTINE) == record.order(CRASH, "board")


def test_too_little_of_a_class_of_hosts_is_told_by_all():
    """Its own record counts from five tries on, then it alone."""
    everywhere = [*told(Step.RESPAWN_WORKER, CRASH, 0, 9, 5.0, "a"), *told(Step.MOVE, CRASH, 9, 0, 5.0, "a")]
    own = told(Step.RESPAWN_WORKER, CRASH, LEAST_TRIES - 1, 0, 1.0, "b")

    assert Step.MOVE is Record(everywhere).order(CRASH, "unheard of")[0]
    assert Step.MOVE is Record(everywhere + own).order(CRASH, "b")[0]
    assert Step.RESPAWN_WORKER is Record(everywhere + own + own).order(CRASH, "b")[0]


def test_a_step_of_which_nothing_is_known_keeps_its_place():
    """The two that are known share the places that they have."""
    record = Record([*told(Step.REPROBE, DEVICE, 0, 9, 5.0), *told(Step.MOVE, DEVICE, 9, 0, 5.0)])

    assert (Step.MOVE, Step.RESET_DEVICE, Step.REPROBE, Step.QUARANTINE) == record.order(DEVICE)


@pytest.mark.parametrize(("good", "is_taken"), [(2, False), (4, True)])
def test_a_step_that_needs_a_record_is_taken_once_it_helps(good: int, is_taken: bool):
    """The same host again after a device failed: half of the tries must have succeeded."""
    record = Record(told(Step.REPEAT, DEVICE, good, 6 - good, 1.0))

    assert is_taken == (Step.REPEAT in record.order(DEVICE))


def test_what_did_not_help_comes_last():
    """And what needed a record is not done a second time."""
    order = (Step.REPEAT, Step.RESPAWN_WORKER, Step.MOVE)

    assert (Step.MOVE, Step.RESPAWN_WORKER) == escalated(order, {Step.REPEAT, Step.RESPAWN_WORKER})
    assert order == escalated(order, ())


@given(tries, st.sampled_from(FailureClass), st.sampled_from(["", "a", "b", "c"]))
def test_an_order_holds_each_step_once(record, failure, hw_class):
    """Whatever is recorded: nothing is lost but what needs a record, the quarantine is last, input order is nothing."""
    order = Record(record).order(failure, hw_class)

    assert sorted(order) == sorted(set(order))
    assert {step for step in fixed_order(failure) if not RUNGS[step].needs_record} <= set(order)
    assert set(order) <= set(fixed_order(failure))
    assert not order or order[-1] is Step.QUARANTINE
    assert order == Record(reversed(record)).order(failure, hw_class)


def expected_s(order, costs: dict[Step, Entry]) -> float:
    """Return the seconds that are to be expected until one helps or all have failed."""
    total = 0.0
    reached = 1.0
    for step in order:
        total += reached * costs[step].mean_s
        reached *= 1.0 - costs[step].rate
    return total


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(5, 9), st.floats(0.1, 100)), min_size=3, max_size=3))
def test_no_other_order_is_expected_to_recover_sooner(drawn):
    """Against all others, where everything is known."""
    record = []
    for step, (good, bad, cost_s) in zip((Step.REPROBE, Step.RESET_DEVICE, Step.MOVE), drawn, strict=True):
        record += told(step, DEVICE, good, bad, cost_s)
    chosen = Record(record).order(DEVICE)[:-1]
    entries = {step: entry for (step, _), entry in Record(record).pools.items()}
    best_s = min(expected_s(each, entries) for each in itertools.permutations(chosen))

    assert expected_s(chosen, entries) == pytest.approx(best_s)


def test_an_entry_is_made_of_tries():
    """Times of all, what nineteen of twenty successes took, and a rate that five of five do not make certain."""
    entry = entry_of([StepTried(Step.MOVE, CRASH, "", s, s < 100.0) for s in (1.0, 2.0, 6.0, 7.0, 104.0)])

    assert Entry(5, 4, 24.0, 6.0, 7.0) == entry
    assert (5 / 7, 24.0 / (5 / 7)) == (entry.rate, entry.price_s)
    assert (0.0, 3.0) == entry_of(told(Step.MOVE, CRASH, 0, 2, 3.0))[-1:-3:-1]
    with pytest.raises(ValueError, match="no try"):
        entry_of([])


def test_hosts_that_never_came_back_are_called_twice():
    """More calls would be in vain; one alone could be bad luck. Nobody is called more often than the user says."""
    hopeless = Entry(9, 0, 60.0)

    assert USUAL._replace(calls=FEWEST_CALLS) == waits(hopeless, USUAL, least_s=30.0)
    assert 1 == waits(hopeless, USUAL._replace(calls=1), least_s=30.0).calls
    assert USUAL == waits(None, USUAL, least_s=30.0)


def test_calls_last_as_long_as_hosts_need():
    """Boards that boot in 100 s are not called six times in the first half minute; nor is the wait without end."""
    boards = waits(Entry(9, 9, 90.0, 90.0, 100.0), USUAL, least_s=30.0)

    assert (6, 150.0) == (boards.calls, boards.limit_s)
    assert 100.0 == pytest.approx(boards.first_s * (2**6 - 1) / 2)
    assert LONGEST_FIRST == waits(Entry(9, 9, 1e4, 1e4, 1e4), USUAL, least_s=30.0).first_s
    assert Waits(6, 1.0, 30.0) == waits(Entry(9, 9, 1.0, 1.0, 1.0), USUAL, least_s=30.0)


@given(st.integers(0, 50), st.integers(0, 50), seconds, st.integers(1, 100))
def test_waits_stay_within_bounds(good, bad, q95_s, calls):
    """The user's number of calls is never exceeded, waits never become shorter, limits never longer."""
    usual = USUAL._replace(calls=calls)
    found = waits(Entry(good + bad, good, q95_s, q95_s, q95_s if good else 0.0), usual, least_s=30.0)

    assert 1 <= found.calls <= calls
    assert 1.0 <= found.first_s <= LONGEST_FIRST
    assert 30.0 <= found.limit_s <= 150.0


def test_a_step_may_take_twice_what_it_needs():
    """Within bounds, and as usual where nothing succeeded."""
    limits = [limit_s(Entry(9, good, 1.0, 1.0, q95_s), usual_s=150, least_s=10) for good, q95_s in
              ((9, 20.0), (9, 1.0), (9, 400.0), (0, 0.0))]  # fmt: skip

    assert [40.0, 10, 150, 150] == limits
    assert 150 == limit_s(None, usual_s=150, least_s=10)


def test_the_learned_order_recovers_sooner():
    """At least 30 % in the lab, from the first incident on too; and on any fleet, on average, it is no worse."""
    lab = recoveries.scores(3, 300, is_lab=True)
    fleets = recoveries.scores(6, 200, is_lab=False)

    assert min(one.gain for one in lab) >= recoveries.LEAST_GAIN
    assert min(one.whole_gain for one in lab) >= recoveries.LEAST_GAIN
    assert fmean(one.gain for one in fleets) > 0
    assert not math.isclose(lab[0].fixed_s, lab[1].fixed_s), "each seed draws its own incidents"


def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]):
    """Of both kinds of fleets; the exit code says whether the lab meets its target."""
    assert 0 == recoveries.main(["--seeds", "1", "--incidents", "100"])
    assert ["fleet", "---", "the lab", "any fleet"] == [
        line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines()
    ]
