"""What several probes found, as one account of the host: whoever knows a device best is believed, the rest is added.

The same device is seen by several: on the PCI bus, by its vendor's library, by Vulkan. What they say of one PCI
address is one device; an adapter without an address belongs to the devices of its vendor and product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_disttest.worker.probes.finding import Finding, Found
from pytest_disttest.worker.probes.table import Row

GENERIC = ("display", "processing", "vulkan", "opencl")
"""Probes that know no vendor: their doubts about a device count where nobody else speaks of it."""
ADAPTERS = ("vulkan", "opencl")
SETS = ("gpu.api",)
WITHHELD = "it was not passed into this container"
FAILED = ("unknown", "denied")


def merged(rows: Sequence[Row], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return ``facts``, ``devices``, ``unknown`` and ``degraded`` of a profile; *findings* stand beside their *rows*.

    It speaks only of what these rows answer for.
    """
    facts: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for row, finding in zip(rows, findings, strict=True):
        facts |= finding.facts
        unknown |= finding.unknown
        if finding.status in FAILED and not finding.unknown:
            unknown |= dict.fromkeys(row.answers, f"{row.name}: {finding.why}")
    told = {row.name: finding for row, finding in zip(rows, findings, strict=True)}
    devices = _devices([(name, device) for name, finding in told.items() for device in finding.devices])
    degraded = [f"{name}: {words}" for name, finding in told.items() for words in finding.degraded]
    if "nvidia" in told:
        degraded += _compared(devices, told["nvidia"])
    for device in devices:
        del device["by"]
    return {
        "facts": facts,
        "devices": sorted(devices, key=lambda device: (device["kind"], device["address"] or device["id"])),
        "unknown": {key: why for key, why in unknown.items() if key not in facts},
        "degraded": degraded,
    }


def _devices(found: Sequence[tuple[str, Found]]) -> list[Found]:
    devices: list[Found] = []
    for name, each in found:
        same = [device for device in devices if _is_same(name, each, device)]
        for device in same:
            _add(device, each, name)
        if not same:
            devices.append({**each, "facts": dict(each["facts"]), "unknown": dict(each["unknown"]), "by": [name]})
    for device in devices:
        device["unknown"] = {key: why for key, why in device["unknown"].items() if key not in device["facts"]}
    return devices


def _is_same(name: str, each: Found, device: Found) -> bool:
    if each["kind"] != device["kind"]:
        return False
    if each["address"] and device["address"]:
        return bool(each["address"] == device["address"])
    if name in ADAPTERS:
        return _is_adapter_of(each["facts"], device)
    return bool(each["id"] == device["id"])


def _is_adapter_of(adapter: dict[str, Any], device: Found) -> bool:
    facts = device["facts"]
    if adapter.get("gpu.kind") == "software" or not adapter.get("gpu.vendor"):
        return bool(adapter.get("gpu.device-name")) and adapter["gpu.device-name"] == facts.get("gpu.device-name")
    wanted = adapter.get("gpu.device") or facts.get("gpu.device")
    return bool(adapter["gpu.vendor"] == facts.get("gpu.vendor") and wanted == facts.get("gpu.device"))


def _add(device: Found, more: Found, by: str) -> None:
    """Add what *more* says of the same device, where the device does not say better."""
    facts = device["facts"]
    for key, value in more["facts"].items():
        if key in SETS:
            facts[key] = tuple(sorted({*facts.get(key, ()), *value}))
        elif facts.get(key, "unknown") == "unknown" and not (by in ADAPTERS and key == "gpu.memory"):
            facts[key] = value
    device["unknown"] = {**more["unknown"], **device["unknown"]}
    if not device["fault"] and by not in GENERIC:
        device["fault"] = more["fault"]
    device["address"] = device["address"] or more["address"]
    device["by"].append(by)


def _compared(devices: Sequence[Found], nvml: Finding) -> list[str]:
    """Put NVML's list beside the bus': mark what only the bus has, and return the contradictions."""
    bound = [device for device in devices if device["facts"].get("gpu.driver") == "nvidia"]
    listed = [device for device in bound if "nvidia" in device["by"]]
    ours = [device for device in bound if device["address"] not in nvml.marks.get("withheld", ())]
    missing = [device for device in ours if device not in listed]
    # Where the bus shows none at all, it is not the bus that is asked (a container's, Windows' subsystem for Linux).
    shown = [device for device in ours if "display" in device["by"]]
    hidden = [device for device in listed if "display" not in device["by"]] if shown else []
    for device in bound:
        if device not in listed and not device["fault"]:
            withheld = device not in ours
            device["fault"] = WITHHELD if withheld else "NVML does not list it" if nvml.status == "ok" else nvml.why
    words = []
    if missing and nvml.status == "ok":
        absent = ", ".join(device["address"] for device in missing)
        words.append(f"PCI shows {_gpus(len(shown))} with NVIDIA's driver, NVML {len(listed)}: {absent} is missing")
    if hidden:
        extra = ", ".join(device["id"] for device in hidden)
        words.append(f"NVML lists {_gpus(len(listed))}, but PCI does not show {extra}")
    return words


def _gpus(count: int) -> str:
    return f"{count} GPU" if count == 1 else f"{count} GPUs"
