"""What is to be done, in the imperative: the scheduler's only output."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_disttest.model import Grant


@dataclass(frozen=True, slots=True)
class Assign:
    """Give these cases, in this order, to a worker.

    *grants* say what each of them may use of the host, one for each case; empty where nothing was asked for. A case
    that asks for more than room for itself always comes alone. What was granted is the worker's until it has ended
    all that it was given, or is lost.
    """

    worker: str
    cases: tuple[int, ...]
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Give a case that *other* runs to an idle worker, too: the first result counts."""

    worker: str
    case: int
    other: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop a worker that runs a case of which another one had the first result; what it says of cases is nothing."""

    worker: str
    case: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Tell a worker that nothing is to be done now, but may be later: it keeps its shared fixtures."""

    worker: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Tell a worker that nothing will come any more: it ends its session."""

    worker: str


@dataclass(frozen=True, slots=True)
class Block:
    """Report a case as skipped: what it depends on did not pass. *reason* names the culprit."""

    case: int
    culprit: int


@dataclass(frozen=True, slots=True)
class Unplace:
    """Report a case as unplaced: every host that fits it is lost, or *why* says what else keeps it from running."""

    case: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Report a case as an error: no worker that fits it could collect it."""

    case: int


@dataclass(frozen=True, slots=True)
class Recruit:
    """Start a worker for a case that is to be run again, and that none of those who are there is to run.

    It may be said more than once. Where nobody comes, ``NobodyComes`` is the answer.
    """

    case: int


Command = Assign | Copy | GiveUp | Hold | Finish | Block | Unplace | Refuse | Recruit
