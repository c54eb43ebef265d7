"""Habana's Gaudi, by vendor and device on the PCI bus; its driver is habanalabs, in or out of the kernel's tree.

https://docs.habana.ai/ ("System Management Interface Tool"); Linux: drivers/accel/habanalabs (PCI ids).
"""

from __future__ import annotations

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place
from pytest_disttest.worker.probes.pci import DEVICES, Function, card, functions, held_back

VENDOR = "1da3"
GIB = 1 << 30
CARDS = {
    "0001": ("Goya", 16 * GIB),
    "1000": ("Gaudi", 32 * GIB),
    "1010": ("Gaudi", 32 * GIB),
    "1020": ("Gaudi2", 96 * GIB),
    "1060": ("Gaudi3", 128 * GIB),
}


def probe(place: Place) -> Finding:
    """Return a device for each card."""
    found = tuple(_device(place, each) for each in functions(place) if each.vendor == VENDOR)
    if not found:
        return Finding("gaudi", "absent", why="no Gaudi on the PCI bus")
    level = "bound" if any(not each["fault"] for each in found) else "present"
    return Finding("gaudi", level=level, source="PCI", devices=found)


def _device(place: Place, found: Function) -> Found:
    name, memory = CARDS.get(found.device, ("", 0))
    facts: Facts = {
        "accel.type": "hpu",
        "accel.vendor-name": "Habana",
        "accel.device-name": name,
        "accel.memory": memory or None,
        "accel.driver-version": place.text("/sys/module/habanalabs/version"),
    }
    unknown = {} if memory else {"accel.memory": f"the card {found.device} is not in our table"}
    # The driver itself says when a card hangs: "operational", "in reset", "disabled" ...
    status = _status(place, found.address)
    fault = held_back(found) or (f"habanalabs says: {status}" if status not in ("", "Operational") else "")
    return card(found, facts, unknown=unknown, fault=fault)


def _status(place: Place, address: str) -> str:
    for group in ("accel", "habanalabs"):
        for name in place.names(f"{DEVICES}/{address}/{group}"):
            told = place.text(f"{DEVICES}/{address}/{group}/{name}/device/status")
            if told:
                return told.capitalize()
    return ""
