"""Calls of other code: what is tried again, how often, and what is raised in the end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.gateways.shipping import gather
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.rules import Diagnosis, Rule
from pytest_disttest.safely import Budget, class_of, retried, safely, safely_async

AT_ONCE: dict[str, Callable[[], float]] = {"dice": lambda: 0.0}
LOST = RuntimeError("GPU is lost")


class Board:
    """Fails with the errors given, one after the other, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def ask(self, question: str = "", *, loudly: bool = False) -> str:
        """Return the answer."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return question.upper() if loudly else question

    async def later(self, question: str = "") -> str:
        """Return the answer in a while."""
        await asyncio.sleep(0)
        return self.ask(question)


def notes_of(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()


def awaited(board: Board, **options: object) -> Callable[[], str]:
    """Return a call of the board through `safely_async`."""
    return lambda: asyncio.run(safely_async(board.later, "x", **options, **AT_ONCE))  # type: ignore[arg-type]


@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_the_machine_s_fault_is_tried_again(is_async: bool):
    """Twice at most, and the value of the call comes back."""
    board = Board(LOST, OSError(28, "No space left on device"))
    call = awaited(board) if is_async else partial(safely, board.ask, "x", **AT_ONCE)

    assert ("x", 3) == (call(), board.calls)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_bug_is_raised_at_once(is_async: bool):
    """With a note of its class."""
    board = Board(KeyError("x"), LOST)
    call = awaited(board) if is_async else partial(safely, board.ask, **AT_ONCE)
    with pytest.raises(KeyError) as raised:
        call()

    assert 1 == board.calls
    assert "test-failure (it failed in its call), tried once" == notes_of(raised.value)


def test_the_last_error_is_raised():
    """Its note tells the class, the rule, and how often it was tried."""
    board = Board(LOST, LOST, RuntimeError("Xid 79"), LOST)
    with pytest.raises(RuntimeError, match="Xid") as raised:
        safely(board.ask, **AT_ONCE)

    assert "device (device is gone), tried 3 times" == notes_of(raised.value)


def test_classes_types_and_rules_can_be_named():
    """Words as in the inventory, exceptions by type, rules before ours."""
    rule = Rule("board hangs", FailureClass.DEVICE, message="does not answer")

    assert "" == safely(Board(ConnectionResetError("gone")).ask, on=("device", ConnectionError), **AT_ONCE)
    assert "" == safely(Board(RuntimeError("does not answer")).ask, rules=[rule], **AT_ONCE)
    with pytest.raises(RuntimeError, match="GPU"):
        safely(Board(LOST).ask, on=[FailureClass.ENVIRONMENT], **AT_ONCE)
    assert Diagnosis(FailureClass.DEVICE, "board hangs") == class_of(RuntimeError("does not answer"), [rule])
    assert FailureClass.ENVIRONMENT is class_of(ModuleNotFoundError("x")).failure_class


@pytest.mark.parametrize("give", [safely, lambda call, **options: retried(**options)(call)])
def test_a_wrong_word_is_told_at_once(give: Callable[..., object]):
    """With what it may have been, and before anything is called."""
    board = Board()
    with pytest.raises(ValueError, match="did you mean 'device'"):
        give(board.ask, on=["devise"])
    with pytest.raises(TypeError, match="retires"):
        give(board.ask, retires=2)

    assert 0 == board.calls


def test_what_is_no_error_passes():
    """A skip, pytest's fail and Ctrl-C are none of ours."""
    for stop in (KeyboardInterrupt, partial(pytest.fail.Exception, "x"), partial(pytest.skip.Exception, "x")):
        board = Board(stop())
        with pytest.raises(BaseException) as raised:
            safely(board.ask, on=[Exception], **AT_ONCE)

        assert (1, False) == (board.calls, hasattr(raised.value, "__notes__"))


def test_a_function_can_be_decorated():
    """Plain or async; names, arguments and values go through."""
    board, slow = Board(LOST), Board(LOST)

    @retried(retries=1, **AT_ONCE)
    def ask(question: str, *, loudly: bool) -> str:
        """Ask the board."""
        return board.ask(question, loudly=loudly)

    @retried(retries=1, **AT_ONCE)
    async def later(question: str) -> str:
        return await slow.later(question)

    assert ("YES", "no") == (ask("yes", loudly=True), asyncio.run(later("no")))
    assert ("ask", "Ask the board.", 2, 2) == (ask.__name__, ask.__doc__, board.calls, slow.calls)


def test_a_budget_ends_retries_for_all_who_share_it():
    """A device that is broken for good is not tried twice for each call; what goes well earns a little."""
    budget, calls = Budget(), []
    for _ in range(6):
        board = Board(LOST, LOST, LOST)
        with pytest.raises(RuntimeError):
            safely(board.ask, budget=budget, **AT_ONCE)
        calls.append(board.calls)
    assert [3, 2, 1, 1, 1, 1] == calls

    for _ in range(60):
        safely(Board().ask, budget=budget)
    assert "" == safely(Board(LOST).ask, budget=budget, **AT_ONCE)


@given(st.integers(0, 6), st.integers(0, 6))
def test_it_is_called_as_often_as_it_fails_but_not_more_than_asked(failures: int, retries: int):
    """Whatever is asked: once, and once more for each failure, up to the retries."""
    board = Board(*[RuntimeError("Xid") for _ in range(failures)])
    try:
        safely(board.ask, retries=retries, **AT_ONCE)
    except RuntimeError:
        assert failures > retries

    assert min(failures, retries) + 1 == board.calls


def test_waits_double_and_have_an_end(monkeypatch: pytest.MonkeyPatch):
    """At most a tenth of a second first, here half of that; the loop of an async caller is not blocked."""
    slept: list[float] = []

    async def sleeps(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("time.sleep", slept.append)
    monkeypatch.setattr("asyncio.sleep", sleeps)
    how = {"retries": 4, "first_s": 1.0, "most_s": 3.0, "dice": lambda: 0.5}
    safely(Board(*[LOST] * 4).ask, **how)  # type: ignore[arg-type]
    board = Board(*[LOST] * 4)

    async def ask() -> str:
        return board.ask()

    asyncio.run(safely_async(ask, **how))  # type: ignore[arg-type]

    assert [0.5, 1.0, 1.5, 1.5] * 2 == slept


def test_a_host_that_was_sent_our_sources_can_use_it(tmp_path):
    """It needs nothing else: no site-packages, no pytest."""
    for name, text in gather().items():
        place = tmp_path / "pytest_disttest" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from pytest_disttest.safely import class_of, safely\n"
        "import json; print(json.dumps([safely(int, '7'), class_of(ImportError()).failure_class]))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)

    assert ([7, "environment"], "") == (json.loads(done.stdout or "0"), done.stderr)
