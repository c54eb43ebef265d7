"""What is to be done, in the imperative: the scheduler's only output."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assign:
    """Give these cases, in this order, to a worker."""

    worker: str
    cases: tuple[int, ...]


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
    """Report a case as unplaced: every host that fits it is lost."""

    case: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Report a case as an error: no worker that fits it could collect it."""

    case: int


Command = Assign | Hold | Finish | Block | Unplace | Refuse
