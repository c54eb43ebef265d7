"""What is tried again, where, how often, and after how long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.recovery.backoff import full_jitter_s
from pytest_disttest.recovery.budgets import MOST_TOKENS, Limits, TokenBucket, limits_for
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.deciding import Decision, History, Request, Situation, Where, decide
from pytest_disttest.recovery.steps import Step

LIMITS = Limits()
NOTHING = Request()
ELSEWHERE = Situation(has_elsewhere=True)


def decided(failure, history=History(), situation=ELSEWHERE, request=NOTHING, limits=LIMITS):  # noqa: B008 - frozen
    """Return where a failure is tried again, None where it stands."""
    return decide(failure, history, situation, request=request, limits=limits).where


@pytest.mark.parametrize(
    ("failure", "here", "with_others"),
    [
        (FailureClass.CRASH, Where.FRESH, Where.FRESH),
        (FailureClass.DEVICE, None, Where.ELSEWHERE),
        (FailureClass.ENVIRONMENT, None, Where.ELSEWHERE),
        (FailureClass.TEST_FAILURE, None, None),
        (FailureClass.TEST_ERROR, None, None),
        (FailureClass.TEST_TIMEOUT, None, None),
        (FailureClass.CONFIGURATION, None, None),
        (FailureClass.INTERNAL, None, None),
    ],
)
def test_unasked_only_infrastructure_is_tried_again(failure, here, with_others):
    """Where it can succeed: a crash in a fresh worker, what a host lacks on another one."""
    first = History(crashes=int(failure is FailureClass.CRASH))

    assert (here, with_others) == (decided(failure, first, Situation()), decided(failure, first))


def test_a_second_crash_is_the_last():
    """Poison is never run a third time, whatever was requested."""
    assert decided(FailureClass.CRASH, History(crashes=2, retries=1), request=Request(5)) is None
    assert decided(FailureClass.CRASH, History(crashes=1), limits=Limits(crashes=1)) is None
    assert decided(FailureClass.TEST_FAILURE, History(crashes=2), request=Request(5)) is None


def test_what_runs_out_of_memory_is_given_more_twice():
    """As long as there is more; then the failure stands, though what the user asked for is still his."""
    roomy = Situation(more="with 2 GiB")

    assert Where.ANYWHERE is decided(FailureClass.MEMORY, History(doublings=1), roomy)
    assert None is decided(FailureClass.MEMORY, History(doublings=2), roomy)
    assert None is decided(FailureClass.MEMORY, situation=Situation())
    assert Where.HERE is decided(FailureClass.MEMORY, situation=Situation(), request=Request(1))
    assert None is decided(FailureClass.MEMORY, History(crashes=2), roomy), "killed for it twice is enough"


def test_a_test_that_takes_its_hosts_with_it_is_the_last_of_them():
    """Two hosts that were lost under it are enough."""
    assert decided(FailureClass.HOST_LOST, History(host_losses=1)) is Where.ELSEWHERE
    assert decided(FailureClass.HOST_LOST, History(host_losses=2)) is None


@pytest.mark.parametrize(
    ("failure", "situation", "where"),
    [
        (FailureClass.CRASH, ELSEWHERE._replace(steps=(Step.MOVE, Step.RESPAWN_WORKER)), Where.ELSEWHERE),
        (FailureClass.CRASH, Situation(steps=(Step.MOVE, Step.RESPAWN_WORKER)), Where.FRESH),
        (FailureClass.DEVICE, Situation(steps=(Step.REPROBE, Step.REPEAT, Step.MOVE)), Where.HERE),
        (FailureClass.DEVICE, Situation(steps=(Step.MOVE, Step.REPEAT)), Where.HERE),
        (FailureClass.DEVICE, ELSEWHERE._replace(steps=(Step.REPEAT, Step.MOVE), host_allows=False), Where.ELSEWHERE),
        (FailureClass.DEVICE, Situation(steps=(Step.REPEAT, Step.MOVE), host_allows=False), None),
        (FailureClass.CRASH, ELSEWHERE._replace(steps=(Step.MOVE,), host_allows=False), Where.ELSEWHERE),
        (FailureClass.DEVICE, Situation(steps=(Step.QUARANTINE,)), None),
        (FailureClass.TEST_FAILURE, ELSEWHERE._replace(steps=(Step.MOVE,)), None),
    ],
)
def test_the_record_s_first_step_that_can_be_taken_decides(failure, situation, where):
    """Nobody goes where nobody is, and nothing is repeated on a host on which too much fails."""
    assert where is decided(failure, History(crashes=int(failure is FailureClass.CRASH)), situation)


def test_a_retry_says_whose_advice_it_follows():
    """The record's only where another one would be made without it."""
    first, fixed = History(crashes=1), (Step.RESPAWN_WORKER, Step.MOVE)
    told = [
        decide(FailureClass.CRASH, first, ELSEWHERE._replace(steps=steps), request=NOTHING, limits=LIMITS).why
        for steps in ((), fixed, fixed[::-1])
    ]

    assert ["crash", "crash", "crash, as the record advises"] == told


def test_reruns_on_request_stay_first_and_go_elsewhere_then():
    """The same host tells a flaky test from a bad host; the delay is the user's."""
    request = Request(reruns=2, delay_s=1.5)
    told = [
        decide(FailureClass.TEST_FAILURE, History(reruns=done), ELSEWHERE, request=request, limits=LIMITS)
        for done in range(3)
    ]

    assert [Where.HERE, Where.ELSEWHERE, None] == [each.where for each in told]
    assert Decision(Where.HERE, "rerun 1 of 2", 1.5, is_requested=True) == told[0]
    assert decided(FailureClass.TEST_FAILURE, History(reruns=1), Situation(), request) is Where.ANYWHERE


@pytest.mark.parametrize(
    ("history", "situation"),
    [
        (History(retries=2), ELSEWHERE),
        (History(), ELSEWHERE._replace(retries=20)),
        (History(), ELSEWHERE._replace(failed=20)),
    ],
    ids=["of the test", "of the run", "too many failures"],
)
def test_each_budget_ends_retries(history, situation):
    """A fleet that is broken as a whole is not hammered."""
    assert decided(FailureClass.ENVIRONMENT, History(), ELSEWHERE) is Where.ELSEWHERE
    assert decided(FailureClass.ENVIRONMENT, history, situation) is None


def test_a_hosts_budget_is_for_what_might_run_there_again():
    """What it lacks is tried elsewhere all the same; a crash speaks of the test, and may follow it to any host."""
    spent = ELSEWHERE._replace(host_allows=False)

    assert decided(FailureClass.CRASH, History(crashes=1), spent) is None
    assert decided(FailureClass.ENVIRONMENT, History(), spent) is Where.ELSEWHERE


def test_the_limits_grow_with_the_run():
    """Twenty for small ones, a share of large ones."""
    assert (20, 20) == limits_for(10)[1:3]
    assert (500, 1000) == limits_for(10_000)[1:3]


def test_a_bucket_stops_at_half():
    """Ten tokens, one for each failure; ten passes give one back."""
    bucket, allowed = TokenBucket(), []
    for _ in range(6):
        allowed.append(bucket.allows)
        bucket = bucket.spent()

    assert [True] * 5 + [False] == allowed
    assert not bucket.earned(10).allows and bucket.earned(11).allows


@given(st.lists(st.one_of(st.none(), st.integers(0, 1000))))
def test_a_bucket_is_never_empty_of_sense(happened):
    """Whatever comes, it holds between nothing and all."""
    bucket = TokenBucket()
    for passed in happened:
        bucket = bucket.spent() if passed is None else bucket.earned(passed)
        assert 0.0 <= bucket.tokens <= MOST_TOKENS


@given(
    st.sampled_from(FailureClass),
    st.builds(History, *[st.integers(0, 9)] * 4),
    st.builds(Situation, st.integers(0, 40), st.integers(0, 40), st.booleans(), st.booleans()),
    st.builds(Request, st.integers(0, 5), st.floats(0, 9)),
)
def test_nothing_is_tried_for_ever(failure, history, situation, request):
    """Each retry counts against a limit, and every decision says why."""
    told = decide(failure, history, situation, request=request, limits=LIMITS)

    assert told.why
    if told.where is not None:
        assert history.crashes < 2 and situation.failed < LIMITS.too_many
        assert history.reruns < request.reruns if told.is_requested else history.retries < LIMITS.per_test


@given(st.integers(1, 500), st.floats(0, 1, exclude_max=True))
def test_the_wait_is_jittered_in_full(attempt, die):
    """From nothing up to a limit that doubles, and never beyond the cap."""
    wait_s = full_jitter_s(attempt, lambda: die, first_s=1.0, most_s=60.0)

    assert 0.0 <= wait_s <= min(60.0, 2.0 ** (attempt - 1))


def test_retries_are_counted_from_one():
    """A zeroth retry is a mistake of the caller's."""
    with pytest.raises(ValueError, match="from 1"):
        full_jitter_s(0, lambda: 0.5)
    assert full_jitter_s(3, lambda: 0.5) == 2.0
