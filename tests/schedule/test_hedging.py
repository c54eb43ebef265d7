"""Copies of what takes too long elsewhere: when there is one, and that whatever happens each test counts once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from rigs.scheduling import SchedulerMachine, Worker

from pytest_disttest.model import Outcome, Plan, Unit
from pytest_disttest.schedule import CaseEnded, Command, Copy, GiveUp, Scheduler, Tick
from pytest_disttest.schedule.hedging import Hedging, candidates
from pytest_disttest.testing import FakeHost, Record, drive, free_seams, plan_of

HOSTS = [FakeHost("a"), FakeHost("b")]


def hanging(plan: Plan, *, on: str = "a", hosts: list[FakeHost] = HOSTS, **more: object) -> Record:
    """Return what becomes of a plan whose tests take 1 s, but test 0 takes a minute on one host."""
    scheduler = Scheduler(plan, seams=free_seams)
    cases = [case for unit in plan.units for case in unit.cases]
    scheduler.hedge(Hedging(candidates(plan, dict.fromkeys(cases, 1.5), **more), {}))  # type: ignore[arg-type]
    return drive(scheduler, hosts, seconds_on=lambda case, host: 60.0 if (case, host) == (0, on) else 1.0)


def test_a_test_that_hangs_is_run_elsewhere_too_and_ends_there():
    """Once the other host has nothing else to do, and twice the cautious time has passed: the run ends soon after."""
    record = hanging(plan_of([0], [1], [2]), apart=())

    assert [(0, "gw1", "gw0")] == [(one.case, one.worker, one.other) for one in record.copies]
    assert [0, 1, 2] == sorted(one.case for one in record.ran)
    assert record.makespan_s <= 5.1
    assert [] == record.waiting


def test_the_slow_one_counts_if_it_ends_first():
    """The copy, on a host where it hangs too, is given up, and nothing counts twice."""
    plan = plan_of([0])
    scheduler = Scheduler(plan, seams=free_seams)
    scheduler.hedge(Hedging({0: 1.0}, {}))
    record = drive(scheduler, HOSTS, seconds_on=lambda _, host: 4.0 if host == "a" else 60.0)

    assert [("a", 4.0)] == [(one.host, one.ended_s) for one in record.ran]
    assert 1 == len(record.copies)


@pytest.mark.parametrize(
    ("plan", "apart"),
    [
        (plan_of([0], [1]), (0,)),
        (plan_of([0], [1], prerequisites={1: (0,)}), ()),
        (plan_of([1], [0], prerequisites={0: (1,)}), ()),
        (plan_of([0, 1], binding=[0]), ()),
        (plan_of([0], [1], eligible={0: frozenset({"a"})}), ()),
    ],
    ids=["marked", "depended on", "depending", "a group", "fits nowhere else"],
)
def test_what_a_copy_might_harm_has_none(plan: Plan, apart: tuple[int, ...]):
    """It hangs, and the run waits."""
    record = hanging(plan, apart=apart, on="a", hosts=[FakeHost("a")] if 1 in plan.prerequisites else HOSTS)

    assert [] == record.copies
    assert {0, 1} == {one.case for one in record.ran}


def test_there_is_no_copy_on_the_same_host():
    """What hangs there for a reason of the host would hang again, and meet the first one's files."""
    assert [] == hanging(plan_of([0], [1]), hosts=[FakeHost("a", workers=2)], apart=()).copies


def test_a_host_of_another_class_is_asked_first():
    """Of two idle hosts that could, each tells what it would take: what runs on another class than its own."""
    from pytest_disttest.schedule.workers import Worker as Known

    workers = {name: Known(name, host) for name, host in (("w1", "a"), ("w2", "b"), ("idle", "c"))}
    for case, worker in enumerate(list(workers.values())[:2]):
        worker.given.append(case)
        worker.started_at = 0.0
    hedging = Hedging({0: 1.0, 1: 1.0}, {"a": "x", "b": "y", "c": "x"})

    assert [] == hedging.overdue(workers["idle"], workers, 1.9)
    assert [1, 0] == hedging.overdue(workers["idle"], workers, 2.1)


class HedgingMachine(SchedulerMachine):
    def scheduler_of(
        self, plan: Plan, seams: Callable[[Unit], tuple[int, ...]], predicted: dict[int, float], data: st.DataObject
    ) -> Scheduler:
        made = super().scheduler_of(plan, seams, predicted, data)
        self.candidates = candidates(plan, dict.fromkeys(self.cases, 0.3), ())
        self.both: dict[int, set[str]] = {}
        made.hedge(Hedging(self.candidates, {}))
        return made

    def obey(self, command: Command) -> None:
        match command:
            case Copy(name, case, other):
                worker = self.workers[name]
                assert worker.asked and not worker.has and not worker.finished
                assert case in self.candidates and case in self.open and case not in self.both
                assert self.workers[other].running == case and self.workers[other].host != worker.host
                assert worker.host in self.hosts_of(case) and case not in worker.refused
                self.both[case] = {name, other}
                worker.asked = worker.held = False
                worker.queue.append(case)
            case GiveUp(name, case):
                assert case not in self.open or case in self.shunned
                assert name in self.both[case]
                del self.workers[name]
            case _:
                super().obey(command)

    @precondition(lambda self: self.able_to_end() and len(self.both) < 3)
    @rule(times=st.integers(0, 3))
    def what_runs_hangs(self, times: int) -> None:
        """The others do what is left, and ask for more while time passes."""
        hanging = self.able_to_end()[0]
        for _ in range(12 * times):
            names = [name for name in self.able_to_move() if name != hanging]
            if names:
                self.move(names[0], self.workers[names[0]], Outcome.PASSED)
        self.now += 60.0
        self.tell(Tick())

    def end(self, name: str, worker: Worker, outcome: Outcome, duration_s: float) -> None:
        case, worker.running = worker.running, None
        assert case is not None
        assert case not in self.outcomes, "whoever comes second is given up before it can tell"
        self.outcomes[case] = outcome
        self.tell(CaseEnded(name, case, outcome, duration_s))


TestHedging = HedgingMachine.TestCase
TestHedging.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
