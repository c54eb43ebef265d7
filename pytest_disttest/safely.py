"""Calls that are made again where that can help, by the classes and rules that a run goes by.

For tests, fixtures and plugins that talk to devices or services. Only what is of a class in *on* is tried again: a
plain failure is a bug, and hiding bugs is nobody's wish. Like the rest of what tests may import, it needs nothing but
Python and our own sources, which each host is sent.
"""

from __future__ import annotations

import functools
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Final, NamedTuple, ParamSpec, TypedDict, TypeVar, Unpack, cast

from pytest_disttest.errors import did_you_mean
from pytest_disttest.recovery.backoff import Dice, full_jitter_s
from pytest_disttest.recovery.budgets import TokenBucket
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.rules import Diagnosis, Failure, Rule, classify

T = TypeVar("T")
P = ParamSpec("P")
On = FailureClass | str | type[Exception]

INFRASTRUCTURE: Final = tuple(failure for failure in FailureClass if failure.is_infrastructure)
"""What is tried again unasked: crash, host-lost, device, environment."""


class Budget:
    """What calls that belong together have left: give one to all calls of a device that may be broken for good.

    Each failure takes one of ten tokens, each success gives a tenth of one; with half or less nothing is tried again.
    """

    def __init__(self, bucket: TokenBucket | None = None) -> None:
        self.bucket = bucket or TokenBucket()

    def failed(self) -> bool:
        """A call failed; return whether it may be made again."""
        self.bucket = self.bucket.spent()
        return self.bucket.allows

    def succeeded(self) -> None:
        """A call went well."""
        self.bucket = self.bucket.earned(1)


class Options(TypedDict, total=False):
    """What `safely`, `safely_async` and `retried` take by keyword; see `safely`."""

    retries: int
    on: Iterable[On]
    rules: Iterable[Rule]
    budget: Budget
    first_s: float
    most_s: float
    dice: Dice


class _How(NamedTuple):
    retries: int
    classes: Collection[FailureClass]
    types: tuple[type[Exception], ...]
    rules: tuple[Rule, ...]
    budget: Budget | None
    first_s: float
    most_s: float
    dice: Dice

    def succeeded(self) -> None:
        """A try went well."""
        if self.budget is not None:
            self.budget.succeeded()

    def wait_s(self, error: Exception, tries: int) -> float | None:
        """Return how long to wait before another try, None for no more; then *error* has a note that says why."""
        told = class_of(error, self.rules)
        is_meant = told.failure_class in self.classes or isinstance(error, self.types)
        is_allowed = self.budget is None or self.budget.failed()
        if is_allowed and is_meant and tries <= self.retries:
            return full_jitter_s(tries, self.dice, first_s=self.first_s, most_s=self.most_s)
        times = "once" if tries == 1 else f"{tries} times"
        error.add_note(f"{told.failure_class.value} ({told.rule}), tried {times}")
        return None


def safely(call: Callable[..., T], /, *args: Any, **options: Unpack[Options]) -> T:
    """Return what *call* returns when it is given *args*, after so many *retries* (default: 2) at most.

    It is made again where its exception is of a class in *on* (words as in rules, or types of exceptions; default: the
    classes that a run tries again unasked), after a random wait of at most *first_s* (0.1), which doubles each time up
    to *most_s* (10.0). *rules* come before the table; calls that share a *budget* end their retries together when too
    many fail (default: none). *dice* is for tests. Arguments by name go into *call* with ``functools.partial``.

    Raises the exception of the last try, with a note that says its class. What is no ``Exception`` (KeyboardInterrupt,
    pytest's skip and fail) passes at once. Raises ValueError for a word that is no class, and TypeError for an option
    that does not exist.
    """
    how = _how(**options)
    tries = 1
    while True:
        try:
            value = call(*args)
        except Exception as error:
            wait_s = how.wait_s(error, tries)
            if wait_s is None:
                raise
        else:
            how.succeeded()
            return value
        time.sleep(wait_s)
        tries += 1


async def safely_async(call: Callable[..., Awaitable[T]], /, *args: Any, **options: Unpack[Options]) -> T:
    """Return what *call* returns when it is given *args* and awaited: `safely` for coroutines."""
    from asyncio import sleep

    how = _how(**options)
    tries = 1
    while True:
        try:
            value = await call(*args)
        except Exception as error:
            wait_s = how.wait_s(error, tries)
            if wait_s is None:
                raise
        else:
            how.succeeded()
            return value
        await sleep(wait_s)
        tries += 1


def retried(**options: Unpack[Options]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a decorator: each call of the function, plain or ``async``, is made by `safely` with these options.

    A *budget* is one for all calls of the function. Raises as `safely` does, where it is written.
    """
    _how(**options)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*args: P.args, **named: P.kwargs) -> Any:
                return await safely_async(functools.partial(function, *args, **named), **options)

            return cast("Callable[P, T]", later)

        @functools.wraps(function)
        def now(*args: P.args, **named: P.kwargs) -> T:
            return safely(functools.partial(function, *args, **named), **options)

        return now

    return decorate


def class_of(error: BaseException, rules: Iterable[Rule] = ()) -> Diagnosis:
    """Return the class of an exception as a run would tell it, and the rule that told; *rules* come first.

    The inventory's rows and plugins are not asked: they are the controller's.
    """
    names = tuple(f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__)
    return classify(Failure(exceptions=names, message=str(error) or type(error).__name__), rules)


def _how(
    *,
    retries: int = 2,
    on: Iterable[On] = INFRASTRUCTURE,
    rules: Iterable[Rule] = (),
    budget: Budget | None = None,
    first_s: float = 0.1,
    most_s: float = 10.0,
    dice: Dice = random.random,
) -> _How:
    given = tuple(on)
    return _How(
        retries,
        frozenset(_class(each) for each in given if isinstance(each, str)),
        tuple(each for each in given if isinstance(each, type)),
        tuple(rules),
        budget,
        first_s,
        most_s,
        dice,
    )


def _class(word: str) -> FailureClass:
    try:
        return FailureClass(word)
    except ValueError:
        known = [failure.value for failure in FailureClass]
        raise ValueError(f"no class of failure is called {word!r}; {did_you_mean(word, known)}") from None
