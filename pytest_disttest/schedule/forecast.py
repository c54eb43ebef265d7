"""How long things will take: what history knows of a case, and for all others the running mean of this run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

LONG_S = 0.1
"""A case shorter than this is never long: what could be gained is not worth another order."""
REST_S = 0.25
"""A worker that is busy for longer is not given the next case yet: its answer would only take a part of this."""
LONG_SHARE = 0.03
"""Share of the ideal makespan from which on a case must start early, lest it ends alone."""
FINE_SHARE = 0.002
"""The same where ranks count."""
RECENT = 0.2
"""Weight of the newest duration in the running mean."""


class Forecast:
    """Expected seconds of cases, and of all that nobody was given yet.

    *apart* has the hosts of cases that do not fit all: what is left of them is also summed up by these hosts.
    """

    def __init__(
        self,
        cases: Iterable[int],
        predicted: Mapping[int, float] | None = None,
        apart: Mapping[int, frozenset[str]] | None = None,
    ) -> None:
        every = list(cases)
        self._apart = apart or {}
        self.left_on_s: dict[frozenset[str], float] = {}
        self.known = {case: predicted[case] for case in every if case in predicted} if predicted else {}
        self.mean_s: float | None = None
        self._known_left_s = self._known_s = sum(self.known.values())
        for case, hosts in self._apart.items():
            self.left_on_s[hosts] = self.left_on_s.get(hosts, 0.0) + self.known.get(case, 0.0)
        self._unknown_left = len(every) - len(self.known)
        self._longest_s = max(self.known.values(), default=0.0)
        self._whole_s = self._known_s * len(every) / len(self.known) if self.known else 0.0

    def expected_s(self, case: int) -> float | None:
        """Return the seconds that *case* may take; None while nothing is known."""
        return self.known.get(case, self.mean_s)

    def expected_of(self, cases: Collection[int], default_s: float) -> float:
        """Return the seconds that *cases* may take, those without history *default_s* each."""
        if not self.known:
            return len(cases) * default_s
        return sum(self.known.get(case, default_s) for case in cases)

    def average_s(self, cases: Iterable[int]) -> float | None:
        """Return the average of the predictions for *cases*; None where there is none."""
        found = [self.known[case] for case in cases if case in self.known] if self.known else []
        return sum(found) / len(found) if found else None

    def learn(self, duration_s: float) -> None:
        """A case has taken *duration_s*."""
        mean_s = self.mean_s
        self.mean_s = duration_s if mean_s is None else mean_s + RECENT * (duration_s - mean_s)

    def hand_out(self, case: int) -> None:
        """*case* is in nobody's way any more: it was given, or will not run."""
        if case in self.known:
            self._known_left_s -= self.known[case]
            if case in self._apart:
                self.left_on_s[self._apart[case]] -= self.known[case]
        else:
            self._unknown_left -= 1

    def take_back(self, case: int) -> None:
        """*case* is to be given once more."""
        if case in self.known:
            self._known_left_s += self.known[case]
            if case in self._apart:
                self.left_on_s[self._apart[case]] += self.known[case]
        else:
            self._unknown_left += 1

    @property
    def left_s(self) -> float:
        """Seconds of work that nobody was given yet."""
        return self._known_left_s + self._unknown_left * (self.mean_s or 0.0)

    def long_s(self, workers: int, *, finely: bool = False) -> float:
        """Return how many seconds make a case long, in a run of *workers*; *finely* where the order counts for more."""
        return max(
            LONG_S, (FINE_SHARE if finely else LONG_SHARE) * max(self._whole_s / max(workers, 1), self._longest_s)
        )
