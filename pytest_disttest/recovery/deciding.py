"""Whether an attempt that failed is made again, and where."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from .budgets import Limits
from .classes import FailureClass
from .steps import RUNGS, Step, fixed_order


class Where(str, Enum):
    """Where a test is tried again; each is a wish, given up where nobody is left to fulfil it."""

    ANYWHERE = "anywhere"
    HERE = "on the same host"
    ELSEWHERE = "on another host"
    FRESH = "first in a fresh worker"


PLACES: Final[Mapping[Step, Where]] = {
    Step.REPEAT: Where.HERE,
    Step.RESPAWN_WORKER: Where.FRESH,
    Step.MOVE: Where.ELSEWHERE,
}
"""Where a test is tried again by a step; the other steps are not about single tests."""


class Request(NamedTuple):
    """What the user asked for a test that fails: so many *reruns*, each after *delay_s* seconds."""

    reruns: int = 0
    delay_s: float = 0.0


class History(NamedTuple):
    """What became of earlier attempts of the same test in this run, the one that just failed included.

    *retries* are those that nobody asked for, *reruns* those that were requested, *doublings* those of the retries for
    which more memory was asked.
    """

    crashes: int = 0
    host_losses: int = 0
    retries: int = 0
    reruns: int = 0
    doublings: int = 0


class Situation(NamedTuple):
    """What the run looks like: *failed* tests by now, *retries* that nobody asked for.

    *host_allows*: the host's budget is not used up. *has_elsewhere*: another host could run the test, on which it has
    not failed yet. *more* says what a test that ran out of memory could be given now ("with 2 GiB"), "" for no more
    than it had. *steps* is the order that the record advises for this failure, empty where nobody asked it.
    """

    failed: int = 0
    retries: int = 0
    host_allows: bool = True
    has_elsewhere: bool = False
    steps: tuple[Step, ...] = ()
    more: str = ""


class Decision(NamedTuple):
    """*where* to try again after *delay_s* seconds, None to let the failure stand; *why* in words."""

    where: Where | None
    why: str
    delay_s: float = 0.0
    is_requested: bool = False


def decide(
    failure: FailureClass, history: History, situation: Situation, *, request: Request, limits: Limits
) -> Decision:
    """Return whether and where a test that failed with *failure* is tried again.

    What the user requested comes after what the class asks for by itself, so that an unrelated crash does not use it
    up. A test that has killed *limits.crashes* workers is never run again.
    """
    if history.crashes >= limits.crashes or history.host_losses >= limits.host_losses:
        return Decision(None, "it has killed its worker before" if history.crashes else "its hosts were lost twice")
    if situation.failed >= limits.too_many:
        return Decision(None, f"{situation.failed} tests have failed: too many to try any again")
    unasked = _unasked(failure, history, situation, limits)
    if unasked.where is not None:
        return unasked
    if failure is FailureClass.CRASH or history.reruns >= request.reruns:
        return unasked
    return _requested(history, situation, request)


def _unasked(failure: FailureClass, history: History, situation: Situation, limits: Limits) -> Decision:
    """Return what the class of a failure asks for by itself."""
    if failure is FailureClass.MEMORY:
        return _with_more(history, situation, limits)
    if not failure.is_infrastructure:
        return Decision(None, f"a {failure.value} is tried again on request only")
    where = _first_open(failure, situation)
    if where is None:
        return Decision(None, "no other host could run it")
    for is_spent, why in (
        (history.retries >= limits.per_test, f"it was tried again {history.retries} times"),
        (situation.retries >= limits.per_run, f"the run has had its {limits.per_run} retries"),
        # a failure of the host's own goes elsewhere: a full disk fails tests faster than others can pass them
        (where is Where.FRESH and not situation.host_allows, "too much fails on its host"),
    ):
        if is_spent:
            return Decision(None, why)
    is_advised = where is not _first_open(failure, situation._replace(steps=()))
    return Decision(where, f"{failure.value}, as the record advises" if is_advised else failure.value)


def _with_more(history: History, situation: Situation, limits: Limits) -> Decision:
    """Return what is done about a test that ran out of memory: it is given more, wherever there is so much."""
    for is_spent, why in (
        (not situation.more, "it can be given no more memory"),
        (history.doublings >= limits.doublings, f"it was given more memory {history.doublings} times"),
        (situation.retries >= limits.per_run, f"the run has had its {limits.per_run} retries"),
    ):
        if is_spent:
            return Decision(None, why)
    return Decision(Where.ANYWHERE, f"{FailureClass.MEMORY.value}, again {situation.more}")


def _first_open(failure: FailureClass, situation: Situation) -> Where | None:
    """Return where the first step leads that can be taken: none elsewhere without another host that could run it.

    Nothing is repeated on a host on which too much fails.
    """
    steps = situation.steps or (step for step in fixed_order(failure) if not RUNGS[step].needs_record)
    is_closed = {Where.ELSEWHERE: not situation.has_elsewhere, Where.HERE: not situation.host_allows}
    places = (PLACES[step] for step in steps if step in PLACES)
    return next((where for where in places if not is_closed.get(where)), None)


def _requested(history: History, situation: Situation, request: Request) -> Decision:
    """Return where a requested rerun goes: to the same host first, which tells a flaky test from a bad host."""
    where = Where.HERE if history.reruns == 0 else Where.ELSEWHERE if situation.has_elsewhere else Where.ANYWHERE
    return Decision(where, f"rerun {history.reruns + 1} of {request.reruns}", request.delay_s, is_requested=True)
