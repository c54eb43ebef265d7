"""The machine with cases that ask for something, and devices that get lost: no host is overfilled, no run stuck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from rigs.scheduling import HOSTS, SchedulerMachine, Worker

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Capabilities, Demand, Device, Grant, Plan, Preference, Requirement, Unit
from pytest_disttest.schedule import (
    AskedAnew,
    CaseReturned,
    DeviceBack,
    DeviceHeld,
    DeviceLost,
    DevicesBusy,
    HostJoined,
    Scheduler,
    WorkerLost,
    WorkerReady,
)
from pytest_disttest.schedule.elsewhere import AWAY_S
from pytest_disttest.testing.taken import Taken

GIB = 2**30
MOST_WORKERS = 7
PROCESSORS = {"a": 2, "b": 4, "c": 4}
GPUS = {"a": 1, "b": 2, "c": 0}
LICENSES = {"a": 0, "b": 0, "c": 2}


def least(key: str, amount: int) -> Requirement:
    return Requirement(key, ">=", amount)


GPU, TWO = (least("gpu.count", 1),), (least("gpu.count", 2),)
DEMANDS: dict[str, tuple[Demand, Callable[[str, int], bool]]] = {
    # and whether a host with so many working GPUs could serve it, worked out by hand
    "gpu": (Demand((GPU,)), lambda host, gpus: gpus >= 1),
    "two": (Demand((TWO,)), lambda host, gpus: gpus >= 2),
    "half": (Demand((GPU,), share=0.5), lambda host, gpus: gpus >= 1),
    "alone": (Demand(exclusive="host"), lambda host, gpus: True),
    "all gpus": (Demand((GPU,), exclusive="gpu"), lambda host, gpus: gpus >= 1),
    "cores": (Demand(((least("cpu.processors", 3),),)), lambda host, gpus: PROCESSORS[host] >= 3),
    "memory": (Demand(((least("memory", 6 * GIB),),)), lambda host, gpus: True),
    "license": (Demand(((least("resource.license", 2),),)), lambda host, gpus: LICENSES[host] >= 2),
    "either": (Demand((GPU, (least("resource.license", 1),))), lambda host, gpus: gpus >= 1 or host == "c"),
    "liking": (Demand(prefer=(Preference(least("cpu.processors", 4)),)), lambda host, gpus: True),
    "gpu liking": (Demand((GPU,), prefer=(Preference(least("gpu.count", 2)),)), lambda host, gpus: gpus >= 1),
}


def capabilities(host: str) -> Capabilities:
    return Capabilities(
        {"cpu.processors": PROCESSORS[host], "memory": 8 * GIB, "resource.license": LICENSES[host]},
        tuple(Device("gpu", f"{host}{place}") for place in range(GPUS[host])),
        hw_class=host,
    )


class GrantsMachine(SchedulerMachine):
    def scheduler_of(
        self, plan: Plan, seams: Callable[[Unit], tuple[int, ...]], predicted: dict[int, float], data: st.DataObject
    ) -> Scheduler:
        names = data.draw(st.lists(st.sampled_from(sorted(DEMANDS)), min_size=1, max_size=3))
        some = st.dictionaries(st.sampled_from(sorted(self.cases)), st.sampled_from(names))
        self.asks: dict[int, str] = data.draw(some)
        self.fitted: dict[int, frozenset[str]] = {}
        self.lost: set[str] = set()
        self.repaired: set[str] = set()
        self.moved: set[str] = set()
        self.grants: dict[int, Grant] = {}
        self.away: dict[str, float] = {}
        self.denied: int | None = None
        self.absent = data.draw(st.sampled_from((frozenset[str](), frozenset({"c"}))))
        ledgers = {host: Ledger(host, capabilities(host), workers=MOST_WORKERS) for host in HOSTS}
        ledgers = {host: ledger for host, ledger in ledgers.items() if host not in self.absent}
        fits = {case: hosts - self.absent for case, hosts in plan.eligible.items()}
        plan = replace(plan, eligible=fits)
        demands = {case: DEMANDS[name][0] for case, name in self.asks.items()}
        books = data.draw(st.sampled_from((ledgers, lambda: ledgers)))
        return Scheduler(plan, seams=seams, predicted=predicted, demands=demands, ledgers=books, **self.differing)

    # what the model knows

    def eligible(self, case: int) -> frozenset[str]:
        fits = super().eligible(case)
        if case in self.plan.eligible or case in self.asks:
            fits -= self.absent
        fits &= self.fitted.get(case, fits)
        if case not in self.asks:
            return fits
        could = DEMANDS[self.asks[case]][1]
        return frozenset(host for host in fits if could(host, len(self.gpus(host))))

    def gpus(self, host: str) -> set[str]:
        """Return the GPUs of *host* that work."""
        return {f"{host}{place}" for place in range(GPUS[host])} - self.lost

    def is_costly(self, case: int) -> bool:
        return self.asks.get(case, "liking") != "liking"

    def has_left(self, worker: Worker, unit: Unit) -> bool:
        left = unit.key in self.moved and not {*worker.has} & {*unit.cases}
        return left or super().has_left(worker, unit)

    def is_known(self, host: str) -> bool:
        return host not in self.absent

    # what the scheduler says

    def take(self, name: str, worker: Worker, cases: tuple[int, ...]) -> None:
        if any(case in self.asks for case in cases):
            assert not worker.has, "what asks for something is handed out to a worker that has nothing"
        assert not any(map(self.is_costly, worker.has)), "and nothing comes after it"
        super().take(name, worker, cases)

    def grant(self, name: str, cases: tuple[int, ...], grants: tuple[Grant, ...]) -> None:
        if not any(map(self.is_costly, cases)):
            assert not grants
            return
        ((case,), (grant,)) = cases, grants
        given = {device.id for device in grant.devices}
        assert not given & self.lost or case == self.denied, "a lost device is not given"
        assert not given & self.repaired or case == self.denied, "nor one that is being repaired"
        away = {device for device, until in self.away.items() if self.now < until}
        assert not given & away or case == self.denied, "what another run holds is given to nobody but who waits for it"
        self.serves(self.asks[case], grant)
        self.grants[case] = grant
        self.no_host_is_overfilled()

    def serves(self, name: str, grant: Grant) -> None:
        """What was asked for is in the grant."""
        gpus = [device for device in grant.devices if device.kind == "gpu"]
        wanted = {"gpu": 1, "two": 2, "half": 1, "gpu liking": 1, "all gpus": len(self.gpus(grant.host))}.get(name, 0)
        assert len(gpus) >= wanted
        assert all(device.share == (0.5 if name == "half" else 1.0) for device in gpus)
        assert grant.exclusive == (name == "alone")
        assert name != "cores" or grant.cores >= 3
        assert name != "memory" or grant.memory == 6 * GIB
        assert name != "license" or grant.pools == (("license", 2),)
        assert name != "either" or gpus or grant.pools

    # rules

    @rule(host=st.sampled_from(HOSTS))
    def a_crew_comes(self, host: str) -> None:
        """Three workers at once, so that a host is crowded."""
        if host not in self.gone and self.is_known(host) and len(self.workers) < 4:
            for _ in range(3):
                name = f"gw{self.started}"
                self.started += 1
                self.workers[name] = Worker(host)
                self.tell(WorkerReady(name, host))

    @precondition(lambda self: len(self.lost) < 2)
    @rule(device=st.sampled_from(["a0", "b0", "b1"]))
    def a_device_is_lost(self, device: str) -> None:
        if device not in self.lost | self.repaired:
            self.lose(device)

    @rule(device=st.sampled_from(["a0", "b0", "b1"]))
    def a_device_is_repaired(self, device: str) -> None:
        if device not in self.lost | self.repaired:
            self.repaired.add(device)
            self.tell(DeviceHeld(device[0], "gpu", device))

    @precondition(lambda self: self.repaired)
    @rule(is_well=st.booleans())
    def a_repair_is_over(self, is_well: bool) -> None:
        device = min(self.repaired)
        self.repaired.discard(device)
        if is_well:
            self.tell(DeviceBack(device[0], "gpu", device))
        else:
            self.lose(device)

    def lose(self, device: str) -> None:
        before = {case: self.hosts_of(case) for case in self.cases}
        self.lost.add(device)
        self.moved |= {self.cases[case].key for case, hosts in before.items() if hosts != self.hosts_of(case)}
        self.tell(DeviceLost(device[0], "gpu", device))

    @precondition(lambda self: self.able_to_end())
    @rule(data=st.data(), wanted=st.sampled_from(sorted(DEMANDS.keys() - {"liking"})), is_lost=st.booleans())
    def one_asks_anew(self, data: st.DataObject, wanted: str, is_lost: bool) -> None:
        """What runs asks for something else, and comes back or loses its worker; a group stays as it is."""
        name, worker = self.named(data, self.able_to_end())
        case = worker.running
        assert case is not None
        shunned = data.draw(st.sampled_from((frozenset(HOSTS[:1]), frozenset[str]())))
        if not self.cases[case].binding:
            fitted = self.eligible(case)
            if not any(DEMANDS[wanted][1](host, len(self.gpus(host))) for host in fitted - self.gone):
                return  # nobody is told to ask for what no host has
            self.fitted[case] = fitted
            self.asks[case] = wanted
        self.tell(AskedAnew(case, DEMANDS[wanted][0]))
        if is_lost:
            del self.workers[name]
            self.tell(WorkerLost(name))
        else:
            worker.running = None
            self.shunned[case] = shunned
            self.tell(CaseReturned(name, case, shunned, self.now))

    @precondition(lambda self: self.absent)
    @rule()
    def a_host_joins(self) -> None:
        """It was not there when the plan was made; what its demand fits may go there now."""
        before = {case: self.hosts_of(case) for case in self.cases}
        self.absent = frozenset()
        self.fitted = {case: hosts | {"c"} for case, hosts in self.fitted.items()}
        self.moved |= {self.cases[case].key for case, hosts in before.items() if hosts != self.hosts_of(case)}
        meets = {case: DEMANDS[name][1]("c", GPUS["c"]) for case, name in self.asks.items()}
        unfit = {case for case in self.cases if "c" not in super(GrantsMachine, self).eligible(case)}
        unfit |= {case for case, is_met in meets.items() if not is_met}
        self.tell(HostJoined("c", Ledger("c", capabilities("c"), workers=MOST_WORKERS), frozenset(unfit)))

    def teardown(self) -> None:
        if hasattr(self, "plan") and self.absent:
            self.a_host_joins()
        while hasattr(self, "plan") and self.repaired:
            self.a_repair_is_over(is_well=True)
        super().teardown()

    @precondition(lambda self: self.lost)
    @rule()
    def a_device_is_back(self) -> None:
        before = {case: self.hosts_of(case) for case in self.cases}
        device = min(self.lost)
        self.lost.discard(device)
        self.moved |= {self.cases[case].key for case, hosts in before.items() if hosts != self.hosts_of(case)}
        self.tell(DeviceBack(device[0], "gpu", device))

    def able_to_be_denied(self) -> list[str]:
        return [
            name
            for name, worker in self.workers.items()
            if worker.queue and worker.running is None and self.is_costly(worker.queue[0])
        ]

    @precondition(lambda self: self.able_to_be_denied())
    @rule(data=st.data())
    def another_run_holds_its_devices(self, data: st.DataObject) -> None:
        """It may be told to wait for them all the same; else it asks for other work."""
        name, worker = self.named(data, self.able_to_be_denied())
        case = self.denied = worker.queue.popleft()
        grant = self.grants.pop(case)
        self.away |= {device.id: self.now + AWAY_S for device in grant.devices}
        self.tell(DevicesBusy(name, case))
        self.denied = None
        if case in self.scheduler.given(name) and case not in worker.has:  # it waits
            self.grants[case] = grant
            worker.queue.appendleft(case)
        elif self.cases[case].binding:
            assert worker.host not in self.hosts_of(case), "a group stays where it is"

    def awaits_others(self) -> bool:
        return bool(self.repaired) or any(self.now < until for until in self.away.values())

    # what always holds

    @invariant()
    def no_host_is_overfilled(self) -> None:
        """Counted from what workers have in hand, with a slot for each that has plain cases."""
        if not hasattr(self, "plan"):
            return
        for host in HOSTS:
            taken = Taken(host, capabilities(host), MOST_WORKERS)
            for worker in self.workers.values():
                if worker.host == host and worker.has:
                    case = worker.has[0]
                    taken.begin(case, self.grants[case] if self.is_costly(case) else None)


TestGrants = GrantsMachine.TestCase
TestGrants.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
