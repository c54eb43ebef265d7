"""Who waits for whom, while the run goes on."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Container, Iterable

from pytest_disttest.model import Outcome, Plan


class Waits:
    """The cases that wait for others."""

    def __init__(self, plan: Plan) -> None:
        self._left = {case: len(needed) for case, needed in plan.prerequisites.items() if needed}
        self._dependents: dict[int, list[int]] = defaultdict(list)
        for case, needed in sorted(plan.prerequisites.items()):
            for prerequisite in needed:
                self._dependents[prerequisite].append(case)

    def among(self, cases: Iterable[int]) -> set[int]:
        """Return those of *cases* that still wait."""
        return self._left.keys() & cases if self._left else set()

    def is_awaited(self, case: int) -> bool:
        """Whether others wait, or waited, for *case*."""
        return case in self._dependents

    def end(self, case: int, outcome: Outcome, still_open: Container[int]) -> tuple[list[int], list[tuple[int, int]]]:
        """Note the end of *case*; return who waits for nothing now, and who is blocked, each with its culprit.

        Whoever waits for a blocked case is blocked by that one. Cases that are not open any more do not count.
        """
        free: list[int] = []
        blocked: dict[int, int] = {}
        ended = deque([(case, outcome)])
        while ended:
            culprit, how = ended.popleft()
            for dependent in self._dependents.get(culprit, ()):
                if dependent not in self._left or dependent not in still_open:
                    continue
                if not how.is_success:
                    del self._left[dependent]
                    blocked[dependent] = culprit
                    ended.append((dependent, Outcome.BLOCKED))
                    continue
                self._left[dependent] -= 1
                if not self._left[dependent]:
                    del self._left[dependent]
                    free.append(dependent)
        return free, list(blocked.items())
