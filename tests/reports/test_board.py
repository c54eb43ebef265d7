"""What is known of a run at one moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.reports.board import ENOUGH_FINISHED, FORGOTTEN_S, READY, STARTING, Board, HostState, Place


def board_of(*, workers: int, tests: int) -> Board:
    """A board of one host after collection, before any test."""
    board = Board()
    board.hosts["here"] = HostState(READY, workers)
    board.collected(tests)
    board.tick(0.0, tests)
    return board


def run(board: Board, worker: str, *, at: float, lasting: float) -> None:
    """Start and end a test on the board."""
    board.started(worker, "here", f"test at {at}", at)
    board.finished(worker, "passed", lasting, at + lasting)


def test_an_estimate_is_none_until_it_is_no_guess():
    """A handful of tests, and two for each worker, have to have ended."""
    board = board_of(workers=4, tests=20)
    estimates = []
    for number in range(8):
        run(board, f"gw{number % 4}", at=float(number // 4), lasting=1.0)
        board.tick(2.0, 19 - number)
        estimates.append(board.eta_s(2.0))

    assert ENOUGH_FINISHED < 8
    assert estimates == [None] * 7 + [pytest.approx(3.0)]


def test_passes_told_together_count_as_if_told_one_by_one():
    """But for their beginnings, which nobody has seen."""
    together, alone = board_of(workers=1, tests=9), board_of(workers=1, tests=9)
    for _ in range(6):
        run(alone, "gw0", at=2.0, lasting=1.0)
    alone.finished("gw0", "passed", 0.0, 9.0)
    together.passed("gw0", "here", "test at 2.0", count=7, duration_s=6.0, now=9.0)
    for board in (alone, together):
        board.tick(9.0, 2)

    assert (alone.counts, alone.places, alone._finished) == (together.counts, together.places, together._finished)
    assert together.first_start == 9.0


def test_an_estimate_counts_idle_time_and_running_tests():
    """One of two workers never got work: the rest takes as long as it took so far."""
    board = board_of(workers=2, tests=12)
    for number in range(5):
        run(board, "gw0", at=float(number), lasting=1.0)
    board.started("gw0", "here", "test", 5.0)
    board.tick(5.5, 7)

    assert board.eta_s(5.5) == pytest.approx((7 - 0.5) * 2 / 2)


@given(
    durations=st.lists(st.floats(0, 1e6), max_size=30),
    workers=st.integers(0, 5),
    remaining=st.integers(0, 100),
    now=st.floats(0, 1e6),
)
def test_an_estimate_is_never_negative_and_never_fails(durations, workers, remaining, now):
    """Clocks that stand still, empty tests and hosts without workers are all fine."""
    board = board_of(workers=workers, tests=remaining + len(durations))
    for duration in durations:
        run(board, "gw0", at=0.0, lasting=duration)
    board.tick(now, remaining)

    estimate = board.eta_s(now)
    assert estimate is None or estimate >= 0.0


def test_done_is_what_remains_no_more():
    """A test that runs again is finished twice and done once; a test that never ran is done too."""
    board = board_of(workers=1, tests=3)
    for _ in range(3):
        board.finished("gw0", "failed", 0.1, 1.0)
    board.finished("", "blocked", 0.0, 1.0)
    board.tick(1.0, 1)

    assert (board.done, dict(board.counts)) == (2, {"failed": 3, "blocked": 1})


def test_an_idle_worker_is_forgotten_after_a_while_and_a_busy_one_is_not():
    """A worker that died must not stand on the screen for ever."""
    board = board_of(workers=2, tests=5)
    board.started("gw0", "here", "test_slow", 0.0)
    run(board, "gw1", at=0.0, lasting=1.0)
    board.tick(1.0 + FORGOTTEN_S, 4)
    assert board.places["gw1"] == Place("here", "test at 0.0", 1.0, False)

    board.tick(1.1 + FORGOTTEN_S, 4)

    assert board.places == {"gw0": Place("here", "test_slow", 0.0, True)}


def test_a_lost_host_takes_its_workers_along():
    """What they ran runs elsewhere."""
    board = board_of(workers=1, tests=5)
    board.hosts["far"] = HostState(STARTING)
    board.started("gw0", "here", "test_a", 0.0)
    board.started("gw1", "far", "test_b", 0.0)

    board.lost("far")

    assert (list(board.places), board.workers, board.busy_on("far")) == (["gw0"], 1, 0)
