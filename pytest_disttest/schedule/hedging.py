"""A second copy of what takes far too long, for hosts that have nothing else to do: the first result counts.

Theory of operation. A case that runs for more than twice its cautious time (which nine in ten attempts do not exceed)
probably hangs on something of its host. When a worker of another host is idle and nothing is left for it, it is given
the case too, once. Whose attempt ends first is heard; the other worker is given up (`GiveUp`): whatever else it had
goes back to its place, and what it still says of cases is to be ignored. Where one of the two is lost, the other one
has the case alone, as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from pytest_disttest.model import Plan
from pytest_disttest.schedule.workers import Worker

OVERDUE = 2.0
"""How many times its cautious time a case must have run."""
LEAST_S = 1.0
"""So long it must have run at least: to stop a worker costs about as much."""


class Hedging:
    """Knows which cases may have a copy, and which have. *cautious* are seconds by case; what is not in it has none."""

    def __init__(self, cautious: Mapping[int, float], classes: Mapping[str, str]) -> None:
        self._cautious = cautious
        self._classes = classes
        self._copies: dict[int, tuple[str, str]] = {}
        self._hedged: set[int] = set()

    def overdue(self, idle: Worker, workers: Mapping[str, Worker], now: float) -> list[int]:
        """Return the running cases that *idle*, on another host, might run too: of another class of hosts first."""
        found = []
        for other in workers.values():
            if _host(other) == _host(idle) or other.started_at is None or not other.given:
                continue
            case = other.given[0]
            limit_s = self._cautious.get(case)
            if limit_s is None or case in self._hedged or other.running_s(now) < max(LEAST_S, OVERDUE * limit_s):
                continue
            is_alike = self._class(other) == self._class(idle)
            found.append((is_alike, -other.running_s(now) / max(limit_s, LEAST_S), case))
        return [case for _, _, case in sorted(found)]

    def begin(self, case: int, first: str, second: str) -> None:
        """*second* is given the case that *first* runs."""
        self._copies[case] = first, second
        self._hedged.add(case)

    def other(self, case: int, worker: str) -> str | None:
        """Return who else has *case*, None where nobody does."""
        both = self._copies.get(case)
        if both is None or worker not in both:
            return None
        return both[1] if worker == both[0] else both[0]

    def end(self, case: int) -> None:
        """Only one worker has *case*, or it has ended."""
        self._copies.pop(case, None)

    def without_copies(self, cases: Iterable[int], worker: Worker) -> list[int]:
        """Return those of *cases* that nobody but *worker* has; the others are from now on the other one's alone."""
        alone = []
        for case in cases:
            if self.other(case, worker.name) is None:
                alone.append(case)
            else:
                self.end(case)
        return alone

    def _class(self, worker: Worker) -> str:
        return self._classes.get(worker.host, worker.host)


def _host(worker: Worker) -> str:
    """Return the host of a worker, which may stand at a place of its own there."""
    return worker.host.partition("#")[0]


def candidates(plan: Plan, cautious: Mapping[int, float], apart: Collection[int]) -> dict[int, float]:
    """Return the cautious seconds of cases of which a copy does no harm, as far as the plan tells.

    Neither what depends on others or is depended on (a dependent must not begin while a copy is still at work), nor
    members of groups, nor *apart*: those that ask for something of their host, or are marked.
    """
    awaited = {before for needed in plan.prerequisites.values() for before in needed}
    barred = awaited.union(
        apart,
        (case for case, needed in plan.prerequisites.items() if needed),
        (case for unit in plan.units if unit.binding for case in unit.cases),
    )
    return {case: seconds for case, seconds in cautious.items() if case not in barred}
