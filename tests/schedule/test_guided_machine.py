"""The machine under each strategy, with deadlines: none makes the scheduler lose, repeat or hold back a test."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from rigs.scheduling import DURATIONS, HOSTS, SchedulerMachine

from pytest_disttest.model import Plan, Unit
from pytest_disttest.schedule import Scheduler
from pytest_disttest.schedule.guidance import Briefing, Guidance, Times
from pytest_disttest.schedule.strategies import STRATEGIES


class GuidedMachine(SchedulerMachine):
    def scheduler_of(
        self, plan: Plan, seams: Callable[[Unit], tuple[int, ...]], predicted: dict[int, float], data: st.DataObject
    ) -> Scheduler:
        classes = self.differing.get("classes", {})
        times = Times(predicted, self.differing.get("predicted_on", {}))
        deadlines = data.draw(st.dictionaries(st.sampled_from(sorted(self.cases)), st.sampled_from((0.5, 3.0, 60.0))))
        workers = {host: data.draw(st.integers(1, 3)) for host in HOSTS}
        name = data.draw(st.sampled_from(STRATEGIES.names()))
        briefing = Briefing(plan, workers, classes, {}, lambda _: times, deadlines)
        guidance: Guidance = STRATEGIES.load(name)(briefing)
        if guidance.revise is not None and data.draw(st.booleans()):
            factors = {case: data.draw(DURATIONS) for case in self.cases}
            guidance = guidance._replace(revise=lambda _: factors)
        made = Scheduler(
            plan,
            seams=seams,
            predicted=guidance.times.everywhere,
            predicted_on=guidance.times.on_class,
            classes=classes,
            guidance=guidance,
        )
        if made.steering is not None:
            made.steering.ask_after = 1  # suites of this machine are small
        return made


TestGuided = GuidedMachine.TestCase
TestGuided.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
