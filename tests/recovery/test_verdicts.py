"""What all attempts of a test say together, and what many failures have in common."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.model import Outcome
from pytest_disttest.recovery.causes import Failed, Group, deepest_frame, groups, normalised
from pytest_disttest.recovery.verdicts import BAD, Tried, Verdict, verdict

PASSED, FAILED, CRASHED = Outcome.PASSED, Outcome.FAILED, Outcome.CRASHED
ATTEMPTS = st.lists(
    st.builds(Tried, st.sampled_from(Outcome), st.sampled_from("ab"), st.none(), st.sampled_from(("", "x", "y")))
)


def test_a_pass_after_a_failure_is_flaky():
    """Never just green; a crash that did not come again is no better."""
    assert Verdict.FLAKY is verdict([Tried(FAILED, "a"), Tried(PASSED, "a")])
    assert Verdict.FLAKY is verdict([Tried(CRASHED, "a", hw_class="x"), Tried(PASSED, "b", hw_class="x")])
    assert Verdict.FAILED is verdict([Tried(FAILED, "a"), Tried(FAILED, "b")])
    assert Verdict.PASSED is verdict([Tried(PASSED)])
    assert Verdict.NOT_RUN is verdict([]) is verdict([Tried(Outcome.BLOCKED)])


def test_hardware_specific_is_what_each_class_answers_alike():
    """It fails on one class of machines and passes on another; where a class was never told, nobody can say that."""
    told = [Tried(FAILED, "a", hw_class="arm"), Tried(PASSED, "b", hw_class="x86")]

    assert Verdict.HARDWARE_SPECIFIC is verdict(told)
    assert Verdict.FLAKY is verdict([*told, Tried(PASSED, "c", hw_class="arm")])
    assert Verdict.FLAKY is verdict([Tried(FAILED, "a"), Tried(PASSED, "b", hw_class="x86")])


@given(ATTEMPTS, st.randoms())
def test_the_order_of_attempts_says_nothing(attempts, dice):
    """The same attempts, the same verdict; and one that failed is never called passed."""
    shuffled = list(attempts)
    dice.shuffle(shuffled)

    assert verdict(attempts) is verdict(shuffled)
    if any(tried.outcome in BAD for tried in attempts):
        assert verdict(attempts) is not Verdict.PASSED


LONG = """
    def test_a():
>       connect()

test_a.py:3:
_ _ _
db.py:12: in connect
    raise OSError(port)
/usr/lib/python3.11/socket.py:5: in inner
    ...
E   OSError: 5432

.venv/lib/site-packages/lib.py:9: OSError
"""


def test_what_differs_every_time_does_not_make_a_difference():
    """Addresses, numbers, times, places for temporary files, names of workers."""
    assert "<Foo at <address>> took <n> s in <temporary> on <worker> at <time> for <uuid>" == normalised(
        "<Foo at 0x7f12> took 3.25 s in /tmp/pytest-of-me/x on gw3 at 2026-11-26 00:01:02 for "
        "123e4567-e89b-12d3-a456-426614174000\nmore"
    )


def test_the_place_is_the_deepest_of_our_own():
    """Not that of a library, however deep the fall."""
    assert "db.py:12" == deepest_frame(LONG)
    assert "" == deepest_frame("no traceback")


def test_failures_with_one_cause_are_one_group():
    """With their tests and hosts; one of its own kind is no group."""
    same = [Failed(f"test_{name}.py::t", host, f"OSError: port {name}", LONG) for name, host in ("1a", "2b", "3a")]
    others = [Failed("test_x.py::t", "a", "assert 1", "test_x.py:1: in t"), Failed("test_y.py::t", "a", " ")]
    unlike = [Failed("test_z.py::t", "a", "KeyError: port 1", LONG)]

    assert [
        Group("OSError: port 1", "db.py:12", ("test_1.py::t", "test_2.py::t", "test_3.py::t"), ("a", "b"))
    ] == groups([*same, *others, *unlike])


@given(
    st.lists(
        st.builds(
            Failed,
            st.sampled_from([f"t{number}" for number in range(6)]),
            st.sampled_from("ab"),
            st.sampled_from(["boom 1", "boom 2", "bang", "  "]),
            st.sampled_from([LONG, ""]),
        ),
        max_size=12,
    ),
    st.randoms(),
)
def test_groups_do_not_depend_on_who_failed_first(failures, dice):
    """Side by side nobody knows who comes first; each test stands in a group at most once."""
    shuffled = list(failures)
    dice.shuffle(shuffled)

    told = groups(failures)

    assert told == groups(shuffled)
    assert all(len(set(group.tests)) == len(group.tests) > 1 for group in told)
