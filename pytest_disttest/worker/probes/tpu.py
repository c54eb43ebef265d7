"""Google's TPUs, by vendor and device on the PCI bus.

Chips and their memory: https://cloud.google.com/tpu/docs/system-architecture-tpu-vm ; ids as tpu-info's.
A TPU of v5 and later is bound to vfio-pci in its ordinary use: its own group's node says whether we may use it.
"""

from __future__ import annotations

from pytest_disttest.worker.probes.display import node_fault
from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place
from pytest_disttest.worker.probes.pci import DEVICES, Function, card, functions

VENDOR = "1ae0"
GIB = 1 << 30
CHIPS = {
    "005e": ("TPU v4", 32 * GIB),
    "0062": ("TPU v5p", 95 * GIB),
    "0063": ("TPU v5e", 16 * GIB),
    "006f": ("TPU v6e", 32 * GIB),
    "0076": ("TPU v7x", 192 * GIB),
}
EARLY = {"004e": ("TPU v2", 16 * GIB), "004f": ("TPU v3", 32 * GIB)}
"""v2 and v3 share the device id 0027: their subsystem's tells them apart."""


def probe(place: Place) -> Finding:
    """Return a device for each chip whose id is known to be a TPU's."""
    found = [(each, chip) for each in functions(place) if each.vendor == VENDOR and (chip := chip_of(each))]
    if not found:
        return Finding("tpu", "absent", why="no TPU on the PCI bus")
    devices = tuple(_device(place, each, *chip) for each, chip in found)
    level = "usable" if any(not each["fault"] for each in devices) else "present"
    return Finding("tpu", level=level, source="PCI", devices=devices)


def chip_of(function: Function) -> tuple[str, int] | None:
    """Return the chip's name and its memory in bytes, None for what is no TPU (Google's NICs, for one)."""
    if function.device == "0027":
        return EARLY.get(function.subsystem.partition(":")[2])
    return CHIPS.get(function.device)


def _device(place: Place, found: Function, name: str, memory: int) -> Found:
    facts: Facts = {
        "accel.type": "tpu",
        "accel.vendor-name": "Google",
        "accel.device-name": name,
        "accel.memory": memory,
    }
    fault = "" if found.driver else "no driver has it"
    if found.driver == "vfio-pci":
        fault = node_fault(place, f"/dev/vfio/{place.link(f'{DEVICES}/{found.address}/iommu_group')}")
    return card(found, facts, fault=fault)
