"""Whoever ran on a lost host has one for itself the next time: so only a case that kills its hosts loses two."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Capabilities, Demand, Outcome
from pytest_disttest.schedule import (
    AskedAnew,
    Assign,
    CaseEnded,
    CaseStarted,
    Finish,
    HostLost,
    Scheduler,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.testing import free_seams, plan_of

ALONE = Demand(exclusive="host")
WORKERS = 3
KILLER = 0


class Lab:
    """Hosts with workers that run what they are given; one case loses them their host, some time after it began."""

    def __init__(self, cases: list[int], hosts: int) -> None:
        self.names = [f"h{number}" for number in range(hosts)]
        ledgers = {name: Ledger(name, Capabilities({}), workers=WORKERS) for name in self.names}
        self.scheduler = Scheduler(plan_of(*([case] for case in cases)), seams=free_seams, ledgers=lambda: ledgers)
        self.losses: Counter[int] = Counter()
        self.ended: dict[int, Outcome] = {}
        self.queues: dict[str, list[int]] = {}
        self.running: dict[str, int] = {}
        self.asks: set[str] = set()
        for host in self.names:
            for number in range(WORKERS):
                name = f"{host}-{number}"
                self.queues[name] = []
                self.tell(WorkerReady(name, host))

    def tell(self, event: object) -> None:
        for command in self.scheduler.handle(event, 0.0):  # type: ignore[arg-type]
            match command:
                case Assign(worker, cases, _):
                    self.queues[worker].extend(cases)
                    self.asks.discard(worker)
                case Finish(worker):
                    self.queues.pop(worker)

    def moves(self) -> list[str]:
        """Return who can do something."""
        return sorted(
            name for name in self.queues if name in self.running or self.queues[name] or name not in self.asks
        )

    def move(self, name: str) -> None:
        case = self.running.get(name)
        if case == KILLER:
            self.lose(name.partition("-")[0])
        elif case is not None:
            del self.running[name]
            self.end(name, case, Outcome.PASSED)
        elif self.queues[name]:
            self.running[name] = case = self.queues[name].pop(0)
            self.tell(CaseStarted(name, case))
        else:
            self.asks.add(name)
            self.tell(WorkWanted(name))

    def end(self, name: str, case: int, outcome: Outcome) -> None:
        assert case not in self.ended
        self.ended[case] = outcome
        self.tell(CaseEnded(name, case, outcome, 0.1))

    def lose(self, host: str) -> None:
        """As `HostWork.lost` and `Retrying.lost` tell it."""
        gone = [name for name in self.queues if name.partition("-")[0] == host]
        suspects = [name for name in gone if name in self.running]
        for name in gone:
            case = self.running.pop(name, None)
            if case is not None:
                self.losses[case] += 1
                if self.losses[case] == 2:
                    self.end(name, case, Outcome.CRASHED)
                elif len(suspects) > 1:
                    self.tell(AskedAnew(case, ALONE))
            self.tell(WorkerLost(name))
            self.queues.pop(name, None)  # what it was told until everybody knows goes down with it
        self.tell(HostLost(host))


@given(data=st.data(), cases=st.permutations(range(9)), hosts=st.integers(3, 4))
@settings(max_examples=150, deadline=None)
def test_only_the_killer_loses_two_hosts(data, cases, hosts):
    """All others pass, whoever comes first, as long as a host is left."""
    lab = Lab(cases, hosts)

    while moves := lab.moves():
        lab.move(data.draw(st.sampled_from(moves)))

    assert {case for case, losses in lab.losses.items() if losses > 1} == {KILLER}
    assert lab.ended == {case: Outcome.CRASHED if case == KILLER else Outcome.PASSED for case in range(9)}
