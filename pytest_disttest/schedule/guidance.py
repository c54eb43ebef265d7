"""What a strategy is told of a run, and what it says of it: plain values both.

A strategy is a function from a `Briefing` to a `Guidance`, called once before the first test. It says how long tests
may take where, which are urgent, what a kind of test may have of a host at once, and perhaps what it thinks once it
has seen some tests end. The laws are not its business: the scheduler keeps dependencies, groups and grants whatever it
says, and looks anew at every question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from pytest_disttest.model import Demand, Plan

NOTHING_KNOWN: Final[Mapping[int, float]] = MappingProxyType({})
_NO_CLASS: Final[Mapping[tuple[int, str], float]] = MappingProxyType({})
_NO_PLACE: Final[Mapping[str, str]] = MappingProxyType({})
_NO_DEMAND: Final[Mapping[int, Demand]] = MappingProxyType({})
_NO_POOL: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType({})

FIRST_OF_ALL: Final = 1e9
"""The urgency from which on a case goes before all that merely takes long: more seconds than any run has."""


class Times(NamedTuple):
    """Expected seconds: of a case on the average worker, and by case and class of machines. Either may lack a case.

    *cautious* are seconds that nine in ten attempts do not exceed, by case.
    """

    everywhere: Mapping[int, float] = NOTHING_KNOWN
    on_class: Mapping[tuple[int, str], float] = _NO_CLASS
    cautious: Mapping[int, float] = NOTHING_KNOWN


def _nothing(_source: str) -> Times:
    return Times()


class Briefing(NamedTuple):
    """What is known before the first test.

    *workers* is how many each host has, *classes* the class of machines of each place; *demands* are of the cases that
    ask for something. *times* gives what is expected by ``best`` (the model or medians, whichever erred less so far),
    ``median`` (what the very tests took lately) or ``model`` (the linear model alone). *deadlines* has seconds by case,
    by the clock that the scheduler is told, which says *now*.
    """

    plan: Plan
    workers: Mapping[str, int]
    classes: Mapping[str, str] = _NO_PLACE
    demands: Mapping[int, Demand] = _NO_DEMAND
    times: Callable[[str], Times] = _nothing
    deadlines: Mapping[int, float] = NOTHING_KNOWN
    now: float = 0.0

    @property
    def cases(self) -> list[int]:
        """The cases of the plan, in its order."""
        return [case for unit in self.plan.units for case in unit.cases]


Ended = tuple[int, str, float]
"""A case that ended, where, and the seconds that it took."""
Revision = Callable[[Sequence[Ended]], Mapping[int, float] | None]
"""Told what has ended since it was asked last, returns by what factor cases take longer than was expected at the
beginning (1.0 for those that are left out), or None where nothing has changed."""


class Guidance(NamedTuple):
    """What a strategy says.

    *times* is what it believes of durations; nothing, where it does not go by them. *urgency* says what goes first:
    the highest, from *urgent_from* on one by one and before all others, which follow in the order of the plan (None:
    from what would be long, were urgency seconds). Without *urgency* the scheduler sees to that: the longest first,
    and ranks where cases wait or hosts differ. *lays_out* lets a worker leave to others what these would end first;
    else whoever asks takes the first that it may run.

    *hastened* are moments, by the scheduler's clock, from which on a case goes before all others; the earlier its
    moment, the sooner. *demands* replace what cases ask for, *pools* are more that hosts have, by host and name:
    together they bound how many of a kind run at once. *revise* is asked now and then what it thinks by now.
    """

    times: Times = Times()
    urgency: Mapping[int, float] | None = None
    urgent_from: float | None = None
    lays_out: bool = True
    hastened: Mapping[int, float] = NOTHING_KNOWN
    demands: Mapping[int, Demand] = _NO_DEMAND
    pools: Mapping[str, Mapping[str, int]] = _NO_POOL
    revise: Revision | None = None


class Strategy(Protocol):
    """A strategy: a function of what is known.

    It may have an attribute ``asks``: families of facts (``memory``, ``disk``) that hosts are to be asked for, where a
    test says anything about its host.
    """

    def __call__(self, briefing: Briefing) -> Guidance:
        """Return what to go by in this run."""
        ...
