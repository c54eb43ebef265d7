"""Accelerators of the kernel's own subsystem, told apart by the driver that is bound, never by a node's name.

Linux: Documentation/accel/introduction.rst (class ``accel``, nodes /dev/accel/accel*). Four vendors' devices were
once taken for Google's by that name alone.
"""

from __future__ import annotations

from typing import NamedTuple

from pytest_disttest.worker.probes.display import VENDORS, node_fault
from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place, device
from pytest_disttest.worker.probes.pci import names

ACCEL = "/sys/class/accel"


class Driver(NamedTuple):
    """What a driver's devices are: their type, and whose they are where no PCI vendor says so."""

    type: str
    vendor: str


DRIVERS = {
    "intel_vpu": Driver("npu", "Intel"),
    "amdxdna": Driver("npu", "AMD"),
    "habanalabs": Driver("hpu", "Habana"),
    "qaic": Driver("npu", "Qualcomm"),
    "ethosu": Driver("npu", "ARM"),
    "rocket": Driver("npu", "Rockchip"),
}


def probe(place: Place) -> Finding:
    """Return a device for each entry of the subsystem."""
    found = tuple(_device(place, name) for name in place.names(ACCEL) if name.startswith("accel"))
    if not found:
        return Finding("accel", "absent", why="the kernel's accel subsystem has no device", source=ACCEL)
    level = "usable" if any(not each["fault"] for each in found) else "bound"
    return Finding("accel", level=level, source=ACCEL, devices=found)


def _device(place: Place, name: str) -> Found:
    where = f"{ACCEL}/{name}/device"
    bus = place.link(where)
    address = bus.lower() if ":" in bus else ""
    driver = place.link(f"{where}/driver")
    vendor, product = (place.text(f"{where}/{part}").removeprefix("0x").lower() for part in ("vendor", "device"))
    what = DRIVERS.get(driver, Driver("other", ""))
    facts: Facts = {
        "accel.type": what.type,
        "accel.vendor": vendor,
        "accel.device": product,
        "accel.vendor-name": what.vendor or VENDORS.get(vendor, ""),
        "accel.device-name": names(place, vendor, product)[1] if address else "",
        "accel.driver": driver,
        "accel.driver-version": place.text(f"/sys/module/{driver}/version") if driver else "",
        "accel.address": address,
    }
    unknown = {key: "nothing here tells it" for key in ("accel.device-name", "accel.memory") if not facts.get(key)}
    fault = "" if driver else "no driver has it"
    fault = fault or node_fault(place, f"/dev/accel/{name}")
    return device("accel", address or bus or name, address=address, facts=facts, unknown=unknown, fault=fault)
