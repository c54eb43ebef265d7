"""What runs on several hosts teach: how long tests take where, how reliable hosts are, what choices weigh.

It is read in the background while hosts open, and written once at a run's end, where that is cheap against the run.
A run on one host, or one of many tiny tests, has nothing to gain from it: it neither reads nor writes any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_disttest.model import Case, Outcome
from pytest_disttest.predict import Observation, Predictor, openings
from pytest_disttest.schedule.choice import Weights, within_bounds
from pytest_disttest.store.learned import keep_learned, read_learned

if TYPE_CHECKING:
    from pytest_disttest.controller.run import Run

LEARNING_S: Final = 60e-6
"""What it takes to learn, keep and read one test, with room to spare."""
MOST_SHARE: Final = 0.02
"""Part of a run's time that learning from it may cost."""
MOST_TESTS: Final = 100_000
DOUBT: Final = 20.0
"""A host of which nothing is known counts as if so many tests had gone well there."""
MEMORY: Final = 0.8
"""What counts of the attempts of earlier runs, with each later one."""
LOST_HOST: Final = 5.0
"""To lose a host is as bad as so many crashes."""

Record = tuple[float, float]
"""Attempts, and those of them that ended by a fault of the host; both fade with each run."""


class Lessons:
    """What was learned so far. *hosts* has records by name; *weights* are None where no choice was ever made."""

    def __init__(
        self,
        predictor: Predictor | None = None,
        hosts: Mapping[str, Record] | None = None,
        weights: Weights | None = None,
    ) -> None:
        self.predictor = predictor or Predictor()
        self.hosts = dict(hosts or {})
        self.weights = weights

    @classmethod
    def read(cls, store: Path) -> Lessons:
        """Return what the store holds; what cannot be read was not learned."""
        found = read_learned(store)
        try:
            hosts = {str(name): (float(tried), float(faults)) for name, (tried, faults) in found["hosts"].items()}
            weights = Weights(*map(float, found["weights"])) if found["weights"] else None
            predictor = Predictor.from_plain(found["predictor"])
        except (LookupError, TypeError, ValueError, AttributeError):
            return cls()
        return cls(predictor, hosts, None if weights is None else within_bounds(weights))

    def keep(self, store: Path) -> None:
        """Leave this to later runs."""
        keep_learned(store, self.plain())

    def plain(self) -> dict[str, Any]:
        """Return all that was learned, as builtins."""
        hosts = {name: [round(number, 3) for number in record] for name, record in self.hosts.items()}
        weights = [round(weight, 4) for weight in self.weights] if self.weights is not None else []
        return {"predictor": self.predictor.plain(), "hosts": hosts, "weights": weights}

    def reliability(self) -> dict[str, float]:
        """Return the share of each known host's attempts that had no fault of the host; few attempts count little."""
        return {name: 1 - faults / (tried + DOUBT) for name, (tried, faults) in self.hosts.items()}

    # learning

    def learn(self, run: Run, classes: Mapping[str, str]) -> None:
        """Take in a run that has ended; *classes* are those of its hosts."""
        cases = run.collected.cases
        self.predictor.learn_run(
            seen
            for host, rows in run.journal.measured.by_worker()
            for seen in observed(cases, rows, classes.get(host, host))
        )
        if len(self.predictor) > MOST_TESTS:
            self.predictor.forget_others({case.nodeid for case in cases})
        for name, tally in run.tallies.items():
            faults = tally.outcomes[Outcome.CRASHED] + LOST_HOST * (run.fleet.links[name].state == "gone")
            self.note(name, sum(tally.outcomes.values()), faults)
        if run.scheduler is not None and run.scheduler.weights is not None:
            self.weights = run.scheduler.weights

    def note(self, host: str, tried: float, faults: float) -> None:
        """Count the attempts of one more run on *host*."""
        if tried or faults:
            before_tried, before_faults = self.hosts.get(host, (0.0, 0.0))
            self.hosts[host] = MEMORY * before_tried + max(tried, faults), MEMORY * before_faults + faults


def observed(
    cases: Sequence[Case], rows: Sequence[tuple[int, float, float, float]], hw_class: str
) -> Iterator[Observation]:
    """Yield what one worker's attempts tell, in their order; *rows* are case, and seconds of three phases.

    An attempt that did not pass (its set-up is negative) tells only who set up wide fixtures.
    """
    ran = [cases[case] for case, *_ in rows]
    for case, (_, setup_s, call_s, teardown_s), (opens, closes) in zip(ran, rows, openings(ran), strict=True):
        if setup_s >= 0:
            phases = setup_s, call_s, teardown_s
            yield Observation(case.nodeid, case.file, case.cls, hw_class, *phases, opens, closes)


def pays(attempts: int, lasted_s: float) -> bool:
    """Whether a run of so many attempts lasted so long that learning from it goes unnoticed."""
    return 0 < attempts * LEARNING_S <= MOST_SHARE * lasted_s
