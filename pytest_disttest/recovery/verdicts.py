"""What all attempts of a test say together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from pytest_disttest.model import Outcome

from .classes import FailureClass

BAD = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.CRASHED})
NOT_RUN = frozenset({Outcome.BLOCKED, Outcome.UNPLACED, Outcome.CANCELLED})


class Tried(NamedTuple):
    """One attempt: how it ended, where, and of what class its failure was; *hw_class* is "" where nobody told."""

    outcome: Outcome
    host: str = ""
    failure: FailureClass | None = None
    hw_class: str = ""


class Verdict(str, Enum):
    """What becomes of a test in the end."""

    PASSED = "passed"
    FAILED = "failed"
    FLAKY = "flaky"
    HARDWARE_SPECIFIC = "hardware-specific"
    NOT_RUN = "not run"


def verdict(attempts: Iterable[Tried]) -> Verdict:
    """Return what *attempts* say together, whatever their order.

    A test that passed and did not is FLAKY, never just passed; hardware-specific where each class of machines gave one
    answer, and they differ.
    """
    good: defaultdict[str, int] = defaultdict(int)
    bad: defaultdict[str, int] = defaultdict(int)
    ended = False
    for tried in attempts:
        ended = ended or tried.outcome not in NOT_RUN
        if tried.outcome in BAD:
            bad[tried.hw_class] += 1
        elif tried.outcome not in NOT_RUN:
            good[tried.hw_class] += 1
    if not ended:
        return Verdict.NOT_RUN
    if not bad:
        return Verdict.PASSED
    if not good:
        return Verdict.FAILED
    differs = "" not in good and "" not in bad and not good.keys() & bad.keys()
    return Verdict.HARDWARE_SPECIFIC if differs else Verdict.FLAKY
