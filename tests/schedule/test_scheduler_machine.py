"""The scheduler as a rule-based machine: it loses no case, runs none twice, and never gets stuck."""

from __future__ import annotations

from hypothesis import settings
from rigs.scheduling import SchedulerMachine

TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
