"""The ledger as a rule-based machine: whatever is granted and given back in whatever order, nothing is given twice."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pytest_disttest.match import fits
from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import NOTHING, Capabilities, Demand, Device, Grant, Requirement

GIB = 2**30
EXACT = 1_000_000


def sizes(most: int) -> st.SearchStrategy[int]:
    return st.integers(1, most).map(lambda gib: gib * GIB)


gpus = st.builds(
    lambda place, gib, fault: Device("gpu", f"g{place}", {"gpu.memory": gib}, fault=fault),
    st.integers(0, 9),
    sizes(4),
    st.sampled_from(["", "", "", "gone"]),
)
browsers = st.builds(
    lambda name: Device("browser", name, {"browser.name": name}), st.sampled_from(["firefox", "chrome", "edge"])
)
hosts = st.builds(
    lambda facts, devices: Capabilities(facts, tuple(devices)),
    st.fixed_dictionaries(
        {"cpu.processors": st.sampled_from([1, 1.5, 2, 4, 6]), "memory": sizes(8)},
        optional={"resource.license": st.integers(0, 3), "disk.rotational": st.booleans()},
    ),
    st.lists(gpus | browsers, max_size=5, unique_by=lambda device: device.id),
)
conditions = st.one_of(
    st.builds(Requirement, st.just("cpu.processors"), st.sampled_from([">=", ">"]), st.integers(0, 4)),
    st.builds(Requirement, st.just("memory"), st.just(">="), sizes(6)),
    st.builds(Requirement, st.just("gpu.count"), st.just(">="), st.integers(1, 2)),
    st.builds(Requirement, st.just("gpu.memory"), st.just(">="), sizes(4)),
    st.builds(Requirement, st.just("browser.name"), st.just("="), st.sampled_from(["firefox", "chrome"])),
    st.builds(Requirement, st.just("resource.license"), st.just(">="), st.integers(1, 2)),
)
demands = st.just(NOTHING) | st.builds(
    Demand,
    alternatives=st.lists(st.lists(conditions, max_size=3).map(tuple), min_size=1, max_size=2).map(tuple),
    share=st.sampled_from([1.0, 1.0, 0.5, 1 / 3, 0.1, 0.07]),
    share_bytes=st.just(0) | sizes(4),
    exclusive=st.sampled_from(["", "", "", "", "host", "gpu", "browser"]),
    workload=st.sampled_from(["", "io", "browser"]),
)


class LedgerMachine(RuleBasedStateMachine):
    @initialize(capabilities=hosts, workers=st.integers(1, 8))
    def make(self, capabilities: Capabilities, workers: int) -> None:
        self.capabilities = capabilities
        self.workers = workers
        self.ledger = Ledger("box", capabilities, workers=workers)
        self.held: dict[int, tuple[Demand, Grant]] = {}
        self.lost: set[str] = set()
        self.keys = 0

    @rule(demand=demands, memory=st.just(0) | sizes(10))
    def ask(self, demand: Demand, memory: int) -> None:
        """Granted exactly where nothing is missing; then it is what was asked for."""
        before, missing = self.ledger.free, self.ledger.lacks(demand, memory=memory)
        assert self.ledger.could(demand) == fits(demand, self.ledger.capabilities), "as the matcher says"
        self.keys += 1
        grant = self.ledger.grant(demand, self.keys, memory=memory)
        assert (grant is None) == bool(missing)
        if grant is None:
            assert before == self.ledger.free
            assert self.held or not self.ledger.could(demand), "a drained host gives what it could"
            return
        assert self.ledger.could(demand)
        assert not {device.id for device in grant.devices} & self.lost, "what is lost is not given"
        assert any(self.serves(grant, alternative) for alternative in demand.alternatives)
        self.held[self.keys] = demand, grant

    def serves(self, grant: Grant, alternative: tuple[Requirement, ...]) -> bool:
        """Whether *grant* has what one alternative asks for."""
        for key, _, value in (r[:3] for r in alternative):
            found = [device.facts.get(key) for device in grant.devices if device.kind == key.partition(".")[0]]
            if key == "cpu.processors":
                served = grant.cores >= value
            elif key == "memory":
                served = grant.memory >= value
            elif key == "resource.license":
                served = dict(grant.pools).get("license", 0) >= value
            elif key == "gpu.count":
                served = len(found) >= value
            elif key == "gpu.memory":
                served = any(have >= value for have in found)
            else:
                served = value in found
            if not served:
                return False
        return True

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        self.give_back_of(data.draw(st.sampled_from(sorted(self.held))))

    @precondition(lambda self: self.held)
    @rule(demand=demands, data=st.data())
    def look_ahead(self, demand: Demand, data: st.DataObject) -> None:
        """What would be missing without one holder is what is missing once that one is gone."""
        key = data.draw(st.sampled_from(sorted(self.held)))
        foreseen = self.ledger.lacks(demand, apart_from=key)
        self.give_back_of(key)
        assert foreseen == self.ledger.lacks(demand)

    def give_back_of(self, key: int) -> None:
        del self.held[key]
        self.ledger.release(key)

    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        if self.capabilities.devices and len(self.lost) < 2:
            device = data.draw(st.sampled_from(self.capabilities.devices))
            self.lost.add(device.id)
            self.ledger.lose(device.kind, device.id)

    @invariant()
    def nothing_is_given_twice(self) -> None:
        """Counted anew from the grants alone."""
        if not hasattr(self, "ledger"):
            return
        grants = [grant for _, grant in self.held.values()]
        facts = self.capabilities.facts
        assert sum(grant.cores for grant in grants) <= facts["cpu.processors"] + 1e-6
        assert sum(grant.memory for grant in grants) <= facts["memory"]
        units = sum(units for grant in grants for name, units in grant.pools if name == "license")
        assert units <= facts.get("resource.license", 0)
        assert len(grants) == 1 or not any(grant.exclusive for grant in grants)
        busy = [demand for demand, _ in self.held.values() if demand.workload == "io"]
        assert len(busy) <= (1 if facts.get("disk.rotational") else 2)
        self.devices_are_whole_or_shared(grants)

    def devices_are_whole_or_shared(self, grants: list[Grant]) -> None:
        shares: dict[tuple[str, str], list[Fraction]] = defaultdict(list)
        for grant in grants:
            for device in grant.devices:
                shares[device.kind, device.id].append(Fraction(device.share).limit_denominator(10**9))
        for device, parts in shares.items():
            assert sum(parts) <= 1 + Fraction(1, EXACT), f"{device} is given more than once"
            assert len(parts) == 1 or 1 not in parts, f"{device} is whole and shared"
        faulty = {(device.kind, device.id) for device in self.capabilities.devices if device.fault}
        assert not faulty & shares.keys()

    @invariant()
    def the_free_is_what_is_not_given(self) -> None:
        if not hasattr(self, "ledger"):
            return
        free, grants = self.ledger.free, [grant for _, grant in self.held.values()]
        assert (len(grants), not grants) == (free.holders, self.ledger.is_idle)
        if not free.exclusive:
            cores = self.capabilities.facts["cpu.processors"] - sum(grant.cores for grant in grants)
            assert free.cores == pytest.approx(cores)
            assert free.memory == self.capabilities.facts["memory"] - sum(grant.memory for grant in grants)

    def teardown(self) -> None:
        """Everything given back: the host is as it was."""
        if hasattr(self, "ledger"):
            for key in list(self.held):
                self.give_back_of(key)
            assert self.ledger.is_idle
            assert Ledger("box", self.ledger.capabilities, workers=self.workers).free == self.ledger.free


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
