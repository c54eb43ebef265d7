"""Processing accelerators on the PCI bus (class 12xx) that no other probe knows: there, and little more.

PCI Code and ID Assignment Specification, class 12h.
"""

from __future__ import annotations

from pytest_disttest.worker.probes.display import VENDORS, is_gpu
from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place
from pytest_disttest.worker.probes.pci import ACCELERATOR, Function, card, functions, held_back, names

FPGA_VENDORS = ("10ee", "1172")  # Xilinx, Altera
OTHERS = {"1e60": "npu"}
"""Makers whose accelerators keep another class: Hailo."""


def probe(place: Place) -> Finding:
    """Return a device for each; another probe's word on the same address comes first."""
    found = tuple(_device(place, each) for each in functions(place) if _is_accelerator(each))
    if not found:
        return Finding("processing", "absent", why="no processing accelerator on the PCI bus")
    level = "bound" if any(not each["fault"] for each in found) else "present"
    return Finding("processing", level=level, source="PCI", devices=found)


def _is_accelerator(function: Function) -> bool:
    return (function.code.startswith(ACCELERATOR) and not is_gpu(function)) or function.vendor in OTHERS


def _device(place: Place, found: Function) -> Found:
    vendor_name, device_name = names(place, found.vendor, found.device)
    facts: Facts = {
        "accel.type": "fpga" if found.vendor in FPGA_VENDORS else OTHERS.get(found.vendor, "other"),
        "accel.vendor-name": VENDORS.get(found.vendor, vendor_name),
        "accel.device-name": device_name,
    }
    unknown = {key: "nothing here tells it" for key in ("accel.memory", "accel.device-name") if not facts.get(key)}
    fault = held_back(found)
    return card(found, facts, unknown=unknown, fault=fault)
