"""The steps by which a run recovers, what each is for, and the order in which they escalate while nothing is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum
from typing import Final, NamedTuple

from .classes import FailureClass


class Step(str, Enum):
    """Something that may help after a failure of the machines; the values are the words in the history."""

    REPEAT = "repeat"
    RECONNECT = "reconnect"
    RESPAWN_AGENT = "respawn-agent"
    RESPAWN_WORKER = "respawn-worker"
    RESYNC = "resync"
    REPROBE = "reprobe"
    RESET_DEVICE = "reset-device"
    MOVE = "move"
    QUARANTINE = "quarantine"


class Rung(NamedTuple):
    """A row of the table: for which *classes* a *step* is, and when it *succeeded*, as a half sentence.

    One that *needs_record* is not taken before the record speaks for it.
    """

    step: Step
    classes: frozenset[FailureClass]
    succeeded: str
    needs_record: bool = False


_CRASH, _LOST = FailureClass.CRASH, FailureClass.HOST_LOST
_DEVICE, _ENVIRONMENT = FailureClass.DEVICE, FailureClass.ENVIRONMENT
_OWN_END: Final = "its next attempt ended with a result of its own, good or bad"

# From what disturbs least to what disturbs most.
LADDER: Final = (
    Rung(Step.REPEAT, frozenset({_DEVICE, _ENVIRONMENT}), f"the test ran on the same host again, and {_OWN_END}", True),
    Rung(Step.RECONNECT, frozenset({_LOST}), "the host answered before its last try"),
    Rung(Step.RESPAWN_AGENT, frozenset({_LOST}), "the new agent said hello before the last try"),
    Rung(Step.RESPAWN_WORKER, frozenset({_CRASH}), f"a fresh worker took over: of the test that crashed, {_OWN_END}"),
    Rung(Step.RESYNC, frozenset({_LOST, _ENVIRONMENT}), "the files were there"),
    Rung(Step.REPROBE, frozenset({_DEVICE, _ENVIRONMENT}), "the probe found all well"),
    Rung(Step.RESET_DEVICE, frozenset({_DEVICE}), "the device answered"),
    Rung(Step.MOVE, frozenset({_CRASH, _LOST, _DEVICE, _ENVIRONMENT}), f"the test ran on another host, and {_OWN_END}"),
    Rung(Step.QUARANTINE, frozenset({_CRASH, _LOST, _DEVICE, _ENVIRONMENT}), "the next test elsewhere had its result"),
)
RUNGS: Final = {rung.step: rung for rung in LADDER}


def fixed_order(failure: FailureClass) -> tuple[Step, ...]:
    """Return the steps that are for *failure* in the order of the table, those that need a record too."""
    return tuple(rung.step for rung in LADDER if failure in rung.classes)


def escalated(order: Sequence[Step], tried: Collection[Step]) -> tuple[Step, ...]:
    """Return *order* after the steps in *tried* did not help: they come last, and those that need a record go."""
    again = [step for step in order if step in tried and not RUNGS[step].needs_record]
    return (*(step for step in order if step not in tried), *again)
