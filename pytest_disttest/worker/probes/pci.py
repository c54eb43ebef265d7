"""What sits on the PCI bus, and which driver has it: what every other probe of devices begins with.

Linux: Documentation/ABI/testing/sysfs-bus-pci. Names: the pci.ids of hwdata or pciutils, where installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pytest_disttest.worker.probes.finding import Finding, Found, Place, device

DEVICES = "/sys/bus/pci/devices"
IDS = ("/usr/share/hwdata/pci.ids", "/usr/share/misc/pci.ids")
DISPLAY = "03"
ACCELERATOR = "12"
PASSED_ON = ("vfio-pci", "pci-stub", "xen-pciback")
"""Drivers that hold a device for somebody else, a virtual machine as a rule."""


class Function(NamedTuple):
    """One PCI function: ids are four hexadecimal digits, *code* is its class in six, *driver* "" for none."""

    address: str
    vendor: str
    device: str
    code: str
    subsystem: str
    driver: str


def functions(place: Place) -> tuple[Function, ...]:
    """Return what is on the bus, by address; () where there is no bus or no /sys."""
    return tuple(_function(place, address) for address in place.names(DEVICES))


def _function(place: Place, address: str) -> Function:
    def digits(name: str, width: int = 4) -> str:
        return place.text(f"{DEVICES}/{address}/{name}").removeprefix("0x").lower().rjust(width, "0")

    subsystem = f"{digits('subsystem_vendor')}:{digits('subsystem_device')}"
    driver = place.link(f"{DEVICES}/{address}/driver")
    return Function(address.lower(), digits("vendor"), digits("device"), digits("class", 6), subsystem, driver)


def names(place: Place, vendor: str, device: str) -> tuple[str, str]:
    """Return vendor's and device's name by the host's copy of pci.ids; "" for what it does not know."""
    for path in IDS:
        try:
            with open(place.path(path), encoding="utf-8", errors="replace") as file:
                return _named(file, vendor, device)
        except OSError:
            continue
    return "", ""


def _named(lines: Iterable[str], vendor: str, device: str) -> tuple[str, str]:
    vendor_name = ""
    for line in lines:
        if vendor_name and line.startswith(f"\t{device}  "):
            return vendor_name, line[7:].strip()
        if line[:1] not in ("\t", "#", "\n"):
            if vendor_name:
                break
            if line.startswith(f"{vendor}  "):
                vendor_name = line[6:].strip()
    return vendor_name, ""


def held_back(function: Function) -> str:
    """Return why nobody here can use the function: no driver has it, or one that holds it for others; else ""."""
    if not function.driver:
        return "no driver has it"
    if function.driver in PASSED_ON:
        return f"{function.driver} holds it for a virtual machine"
    return ""


def card(
    function: Function, facts: Mapping[str, Any], *, unknown: Mapping[str, str] | None = None, fault: str = ""
) -> Found:
    """Return an accelerator on the bus: what the bus says of it, and *facts* (its type and names at least)."""
    seen = {
        "accel.vendor": function.vendor,
        "accel.device": function.device,
        "accel.driver": function.driver,
        "accel.address": function.address,
    }
    return device(
        "accel", function.address, address=function.address, facts={**seen, **facts}, unknown=unknown, fault=fault
    )


def probe(place: Place) -> Finding:
    """Return ``pci.device`` as ``vendor:device``, sorted."""
    if place.system != "linux":
        why = "only Linux' /sys is read"
        return Finding("pci", "unknown", why=why, source="/sys", unknown={"pci.device": why})
    found = functions(place)
    if not found:
        return Finding("pci", "absent", why="there is nothing on a PCI bus", source=DEVICES)
    ids = tuple(sorted({f"{each.vendor}:{each.device}" for each in found}))
    marks = {"subsystems": {each.address: each.subsystem for each in found}}
    return Finding("pci", level="present", source=DEVICES, facts={"pci.device": ids}, marks=marks)
