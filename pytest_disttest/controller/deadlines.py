"""Tests that take longer than they may: their workers are asked for their stacks, then killed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pytest_disttest.controller.replay import Story
from pytest_disttest.worker.stacks import TELL_STACKS

GRACE_S = 1.0
"""How long a worker may take to tell its stacks before it is killed."""


@dataclass(slots=True)
class Watched:
    """A story that was seen at *since*; its worker is killed at *kill_at*, once that is set."""

    story: Story
    since: float
    kill_at: float = 0.0


@dataclass(slots=True)
class Deadlines:
    """Watches what runs. *send_signal* sends a signal to a worker by its id."""

    limit_s: float
    send_signal: Callable[[str, int], None]
    watched: dict[str, Watched] = field(default_factory=dict)

    def look(self, running: Mapping[str, Story], now: float) -> None:
        """Take note of what runs, by worker, and end what is overdue."""
        for worker in [worker for worker, one in self.watched.items() if running.get(worker) is not one.story]:
            del self.watched[worker]
        for worker, story in list(running.items()):
            one = self.watched.setdefault(worker, Watched(story, now))
            if not one.kill_at and now - one.since > self.limit_s:
                one.kill_at = now + GRACE_S
                story.limit_s = self.limit_s
                self.send_signal(worker, TELL_STACKS)
            elif one.kill_at and now >= one.kill_at:
                one.kill_at = float("inf")
                self.send_signal(worker, int(signal.SIGKILL))
