"""A device that is lost is given to nobody, and can be given again once it is restored."""

from __future__ import annotations

import pytest

from pytest_disttest.match.ledger import Ledger
from pytest_disttest.model import Capabilities, Demand, Device, Requirement

GPU = Demand(((Requirement("gpu.count", ">=", 1),),))


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("lab", Capabilities({}, (Device("gpu", "a"), Device("gpu", "b", fault="no driver"))), workers=2)


def test_what_is_lost_and_restored_is_given_again(ledger: Ledger):
    """Also while somebody holds it, who keeps it until released."""
    grant = ledger.grant(GPU, "one")
    assert grant is not None and "a" == grant.devices[0].id
    ledger.lose("gpu", "a")
    assert not ledger.could(GPU)

    ledger.restore("gpu", "a")

    assert ledger.could(GPU) and ledger.grant(GPU, "two") is None
    ledger.release("one")
    assert ledger.grant(GPU, "two") is not None


def test_a_device_with_a_fault_of_its_own_stays_useless(ledger: Ledger):
    """Nobody lost it: there is nothing to restore."""
    ledger.lose("gpu", "a")
    ledger.restore("gpu", "b")

    assert not ledger.could(GPU)
