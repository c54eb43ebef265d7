"""What is learned from, and what is told."""

from __future__ import annotations

from typing import NamedTuple

from pytest_disttest.model import FixtureUse


class Observation(NamedTuple):
    """One attempt that passed: seconds of its phases, on a host of *hw_class* (``Capabilities.hw_class``).

    *file* and *cls* are a case's. *opens* are the wide fixtures (class to session) whose first user on its worker
    this attempt was, so that *setup_s* holds their set-up; *closes* are those whose last user it was.
    """

    nodeid: str
    file: str = ""
    cls: str = ""
    hw_class: str = ""
    setup_s: float = 0.0
    call_s: float = 0.0
    teardown_s: float = 0.0
    opens: tuple[FixtureUse, ...] = ()
    closes: tuple[FixtureUse, ...] = ()


class Prediction(NamedTuple):
    """Seconds that will not be exceeded in half of all cases, and in nine of ten.

    *n* is the number of observations of this very test (0: a guess from its surroundings). *source* says what was
    asked: ``linear`` (the model), the median of the ``test``, of its ``function``, ``class``, ``file``, of the
    ``suite``, or ``nothing`` (a wide guess about any test of any suite). *std* is the expected error in natural
    logarithms: 0.1 means "within 10 % or so", 1.0 "by a factor of 2.7".
    """

    q50_s: float
    q90_s: float
    n: int
    source: str
    std: float


class FixtureCost(NamedTuple):
    """What a wide fixture costs each worker that uses it, beside the tests."""

    setup: Prediction
    teardown: Prediction

    @property
    def q50_s(self) -> float:
        return self.setup.q50_s + self.teardown.q50_s
