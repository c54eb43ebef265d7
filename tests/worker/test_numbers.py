"""A device's number is its place on the bus, among those of its driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_disttest.model import DeviceGrant, Grant
from pytest_disttest.worker.numbers import numbered


@pytest.fixture
def bus(tmp_path: Path) -> Path:
    """A bus on which i915 has two cards, and vfio-pci a TPU between other things."""
    there = {
        "i915": {"0000:03:00.0": "8086", "0000:00:02.0": "8086"},
        "vfio-pci": {"0000:05:00.0": "10de", "0001:00:04.0": "1ae0", "0000:00:05.0": "1ae0"},
    }
    for driver, devices in there.items():
        (tmp_path / "drivers" / driver).mkdir(parents=True)
        (tmp_path / "drivers" / driver / "bind").write_text("")
        for address, vendor in devices.items():
            (tmp_path / "drivers" / driver / address).mkdir()
            (tmp_path / "drivers" / driver / address / "vendor").write_text(f"0x{vendor}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "vendor", "driver", "address", "number"),
    [
        ("gpu", "8086", "i915", "0000:00:02.0", 0),
        ("gpu", "8086", "i915", "0000:03:00.0", 1),
        ("accel", "1ae0", "vfio-pci", "0001:00:04.0", 1),
        ("gpu", "8086", "i915", "0000:09:00.0", None),  # gone since the host was probed
        ("gpu", "8086", "xe", "0000:03:00.0", None),
        ("gpu", "8086", "", "0000:03:00.0", None),
        ("gpu", "8086", "..", "../../..", None),
        ("accel", "1da3", "i915", "0000:03:00.0", None),
    ],
)
def test_the_number_is_the_place_on_the_bus(
    bus: Path, kind: str, vendor: str, driver: str, address: str, number: int | None
):
    """Of the same vendor and driver; nothing where that cannot be told."""
    facts = {f"{kind}.vendor": vendor, f"{kind}.driver": driver, f"{kind}.address": address}

    (found,) = numbered(Grant("h", devices=(DeviceGrant(kind, "x", 1.0, facts),)), bus).devices

    assert number == found.facts.get(f"{kind}.index")
    assert facts.items() <= found.facts.items()


def test_a_number_that_is_known_stays(bus: Path):
    """A lab's own facts may say it."""
    facts = {"gpu.vendor": "8086", "gpu.driver": "i915", "gpu.address": "0000:03:00.0", "gpu.index": 7}
    grant = Grant("h", devices=(DeviceGrant("gpu", "x", 1.0, facts),))

    assert grant == numbered(grant, bus)
