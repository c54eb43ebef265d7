"""Huawei's Ascend, by vendor and device on the PCI bus, with its own number's node.

https://www.hiascend.com/document (npu-smi, "Device ID"). The ids d100, d105, d500, d801 and d802 are those of
pci.ids; Huawei's network cards share the vendor.
"""

from __future__ import annotations

from pytest_disttest.worker.probes.display import node_fault
from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place
from pytest_disttest.worker.probes.pci import Function, card, functions, held_back

VENDOR = "19e5"
CHIPS = {
    "d100": "Ascend 310",
    "d105": "Ascend 310B",
    "d500": "Ascend 310P",
    "d801": "Ascend 910",
    "d802": "Ascend 910B",
    "d803": "Ascend 910_93",
}


def probe(place: Place) -> Finding:
    """Return a device for each card; each has its node /dev/davinciN in the order of the bus."""
    cards = [each for each in functions(place) if each.vendor == VENDOR and each.device in CHIPS]
    if not cards:
        return Finding("ascend", "absent", why="no Ascend on the PCI bus")
    found = tuple(_device(place, each, number) for number, each in enumerate(cards))
    level = "usable" if any(not each["fault"] for each in found) else "present"
    return Finding("ascend", level=level, source="PCI", devices=found)


def _device(place: Place, found: Function, number: int) -> Found:
    facts: Facts = {
        "accel.type": "npu",
        "accel.vendor-name": "Huawei",
        "accel.device-name": CHIPS[found.device],
    }
    unknown = {"accel.memory": "the driver does not tell it in /sys"}
    fault = held_back(found) or node_fault(place, f"/dev/davinci{number}")
    return card(found, facts, unknown=unknown, fault=fault)
