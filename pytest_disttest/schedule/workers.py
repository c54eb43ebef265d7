"""What the scheduler knows of a worker."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_disttest.schedule.fragments import Fragment


@dataclass(slots=True, eq=False)
class Worker:
    """*fragments* are what it owns and can go on with, the first being worked on.

    *parked* are binding fragments with which it cannot simply go on: their cases all wait for others, or ask for
    something of the host. *leaving* are cases by their stretch of the
    plan: another worker is to go on with these as soon as this one has ended what it was given of it. *given*
    is what it has and has not ended; *untried* the cases among these that it has yet to collect. *fetched* are
    the stretches of the plan that it took without having collected them. *held* workers wait for something to
    turn up, *resting* ones among them only for the end of what they have. *has_room* says that it holds something in
    the ledger of its host, *is_alone* that what it was given goes alone, and *using* is what it took that from.
    *turn* counts up with whoever is given something, where not all may run at a time.
    """

    name: str
    host: str
    fragments: deque[Fragment] = field(default_factory=deque)
    parked: list[Fragment] = field(default_factory=list)
    leaving: dict[int, list[int]] = field(default_factory=dict)
    given: deque[int] = field(default_factory=deque)
    untried: set[int] = field(default_factory=set)
    fetched: set[int] = field(default_factory=set)
    last_batch: int = 0
    started_at: float | None = None
    held: bool = False
    resting: bool = False
    finished: bool = False
    has_room: bool = False
    is_alone: bool = False
    using: Fragment | None = None
    turn: int = 0

    def owned(self) -> Iterator[Fragment]:
        """Return all fragments in its hands."""
        yield from self.fragments
        yield from self.parked

    def busy_s(self, given_s: float, now: float) -> float:
        """Return how long it may yet be busy with its given cases, which take *given_s* in all.

        What takes longer than that may take as long again.
        """
        running_s = self.running_s(now)
        return given_s - running_s if running_s <= given_s else running_s

    def running_s(self, now: float) -> float:
        """Return how long its running case has been running; 0.0 when none is."""
        return 0.0 if self.started_at is None else now - self.started_at

    def resume(self, fragment: Fragment) -> None:
        """Something of *fragment*, which it owns, waits no more."""
        if fragment in self.parked and not fragment.fit.sign:
            self.parked.remove(fragment)
            self.fragments.append(fragment)

    def put_down(self, fragment: Fragment) -> None:
        """It goes on with *fragment* no more, or not now."""
        if self.fragments and self.fragments[0] is fragment:
            self.fragments.popleft()
        else:
            self.fragments.remove(fragment)

    def give_away(self, fragment: Fragment) -> None:
        """*fragment* is not in its hands any more."""
        if fragment in self.parked:
            self.parked.remove(fragment)
        else:
            self.put_down(fragment)
