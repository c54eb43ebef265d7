"""The number of a granted device in its vendor's own order: that of the PCI bus, among those that one driver has.

Some runtimes know devices by number only, and numbers change when a card is added. So the number is looked up when a
test is about to begin, on its own host, and not when the host was probed.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from pytest_disttest.model import DeviceGrant, Grant

ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
BY_THE_BUS = ("1002", "10de", "8086", "19e5", "1ae0", "1d0f")
"""AMD, NVIDIA, Intel, Ascend, TPU, Neuron; Gaudi's modules are numbered by how they are wired."""


def numbered(grant: Grant, bus: Path = Path("/sys/bus/pci")) -> Grant:
    """Return *grant* with the number of each device that has one in its facts: ``gpu.index``, ``accel.index``."""
    return grant._replace(devices=tuple(_numbered(device, bus) for device in grant.devices))


def _numbered(device: DeviceGrant, bus: Path) -> DeviceGrant:
    kind, facts = device.kind, device.facts
    address, driver = str(facts.get(f"{kind}.address", "")), str(facts.get(f"{kind}.driver", ""))
    if f"{kind}.index" in facts or facts.get(f"{kind}.vendor") not in BY_THE_BUS:
        return device
    if not ADDRESS.fullmatch(address) or not driver or "/" in driver:
        return device
    same = _of_driver(bus / "drivers" / driver, str(facts[f"{kind}.vendor"]))
    return device._replace(facts={**facts, f"{kind}.index": same.index(address)}) if address in same else device


def _of_driver(place: Path, vendor: str) -> list[str]:
    """Return the addresses of the vendor's devices that a driver has, in the order of the bus."""
    with contextlib.suppress(OSError):
        bound = [entry for entry in place.iterdir() if ADDRESS.fullmatch(entry.name)]
        return sorted(entry.name for entry in bound if (entry / "vendor").read_text().strip() == f"0x{vendor}")
    return []
