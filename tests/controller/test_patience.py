"""Ctrl-C waits for the end of what is being taken."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from pytest_disttest.controller.patience import Patience


@pytest.fixture(autouse=True)
def usual():
    """Listen to Ctrl-C as Python does, whoever runs the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_one_is_kept_until_somebody_asks():
    """What is under way is done to its end."""
    patience, done = Patience(), []
    with pytest.raises(KeyboardInterrupt), patience.kept():
        interrupt()
        done.append("a message")
        patience.look()
        done.append("never")

    assert ["a message"] == done
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_the_second_one_is_raised_at_once():
    """Whatever hangs is ended by it."""
    patience = Patience()
    with pytest.raises(KeyboardInterrupt), patience.kept():
        interrupt()
        interrupt()
        pytest.fail("nobody was interrupted")

    patience.look()


def test_nobody_who_asked_for_it_is_left_without():
    """One that comes last is raised at the end; without one nothing happens."""
    patience, done = Patience(), []
    with patience.kept():
        patience.look()
    with pytest.raises(KeyboardInterrupt):
        with patience.kept():
            interrupt()
        done.append("never")

    assert not done


def test_other_listeners_and_other_threads_are_left_alone():
    """Their handler stays."""
    heard: list[int] = []
    mine = lambda number, _frame: heard.append(number)  # noqa: E731
    signal.signal(signal.SIGINT, mine)
    with Patience().kept():
        interrupt()
    assert [signal.SIGINT] == heard

    signal.signal(signal.SIGINT, signal.default_int_handler)
    seen: list[object] = []

    def elsewhere() -> None:
        with Patience().kept():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert [signal.default_int_handler] == seen
