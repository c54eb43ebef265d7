"""AMD's GPUs: what the amdgpu driver tells in /sys, with amdsmi's names where that library works.

Linux: Documentation/gpu/amdgpu/driver-misc.rst (mem_info_vram_total, unique_id), and the topology of KFD below
/sys/class/kfd. https://rocm.docs.amd.com/projects/amdsmi/ ; ROCR_VISIBLE_DEVICES takes ``GPU-`` and the unique id.
"""

from __future__ import annotations

import contextlib
from typing import Any

from pytest_disttest.worker.probes.display import is_gpu, node_fault, render_nodes
from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place, device
from pytest_disttest.worker.probes.pci import DEVICES, functions

TOPOLOGY = "/sys/class/kfd/kfd/topology/nodes"
DISCRETE_BYTES = 4 << 30
"""No integrated GPU sets so much memory aside by itself."""


def probe(place: Place) -> Finding:
    """Return the GPUs that the amdgpu driver has."""
    cards = [each.address for each in functions(place) if is_gpu(each) and each.driver == "amdgpu"]
    if not cards:
        return Finding("amd", "absent", why="the amdgpu driver has no GPU")
    kfd, nodes = topology(place), render_nodes(place)
    told, remark = ({}, "") if place.outputs is not None else _library()
    found = [_device(place, each, kfd.get(each, {}), told.get(each, {}), nodes.get(each, "")) for each in cards]
    level = "usable" if any(not each["fault"] for each in found) else "bound"
    source = "/sys, KFD, amdsmi" if told else "/sys, KFD"
    return Finding("amd", level=level, source=source, devices=tuple(found), remarks=(remark,) if remark else ())


def _device(place: Place, address: str, kfd: dict[str, int], told: Facts, node: str) -> Found:
    card = f"{DEVICES}/{address}"
    memory = place.number(f"{card}/mem_info_vram_total")
    unique = place.text(f"{card}/unique_id").lower().removeprefix("0x")
    rocm = bool(kfd) and place.may_use("/dev/kfd")
    facts: Facts = {
        "gpu.vendor": "1002",
        "gpu.vendor-name": "AMD",
        "gpu.device-name": place.text(f"{card}/product_name"),
        "gpu.driver": "amdgpu",
        "gpu.driver-version": place.text("/sys/module/amdgpu/version"),
        "gpu.memory": memory,
        "gpu.uuid": f"GPU-{unique}" if unique.strip("0") else "",
        "gpu.architecture": architecture(kfd.get("gfx_target_version", 0)),
        "gpu.kind": _kind(kfd, memory or 0),
        "gpu.address": address,
        "gpu.api": ("rocm",) if rocm else (),
    }
    facts |= {key: value for key, value in told.items() if not facts.get(key)}
    unknown = {} if memory is not None else {"gpu.memory": "amdgpu does not tell it"}
    fault = node_fault(place, node) if node else "" if rocm else "amdgpu offers no render node"
    return device("gpu", facts["gpu.uuid"] or address, address=address, facts=facts, unknown=unknown, fault=fault)


def architecture(version: int) -> str:
    """Return the compiler's name of a GPU from KFD's number: 90402 is ``gfx942`` (the last two are hexadecimal)."""
    return f"gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}" if version else ""


def _kind(kfd: dict[str, int], memory: int) -> str:
    if kfd.get("cpu_cores_count"):
        return "integrated"
    return "discrete" if memory >= DISCRETE_BYTES else "unknown"


def topology(place: Place) -> dict[str, dict[str, int]]:
    """Return the properties of each GPU that KFD knows, by PCI address."""
    found = {}
    for name in place.names(TOPOLOGY):
        rows = (line.split() for line in place.text(f"{TOPOLOGY}/{name}/properties").splitlines())
        node = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}
        if node.get("simd_count") and "location_id" in node:
            place_id = node["location_id"]  # bus, device and function as PCI packs them
            bus, slot, function = place_id >> 8 & 0xFF, place_id >> 3 & 0x1F, place_id & 7
            found[f"{node.get('domain', 0):04x}:{bus:02x}:{slot:02x}.{function}"] = node
    return found


def _library() -> tuple[dict[str, Facts], str]:
    """Return what amdsmi tells by PCI address, and why it tells nothing.

    Without ROCm its import prints two lines and raises KeyError, so that everything is caught.
    """
    try:
        import amdsmi

        amdsmi.amdsmi_init()
        return {str(_asked(amdsmi, handle, "bdf")).lower(): _told(amdsmi, handle) for handle in _handles(amdsmi)}, ""
    except ImportError:
        return {}, ""
    except Exception as fault:
        return {}, f"amdsmi is installed but of no use: {type(fault).__name__}: {fault}"


def _handles(amdsmi: Any) -> list[Any]:
    return list(amdsmi.amdsmi_get_processor_handles())


def _asked(amdsmi: Any, handle: Any, what: str) -> Any:
    with contextlib.suppress(Exception):
        return getattr(amdsmi, f"amdsmi_get_gpu_{'device_' if what == 'bdf' else ''}{what}")(handle)
    return {} if what != "bdf" else ""


def _told(amdsmi: Any, handle: Any) -> Facts:
    asic = _asked(amdsmi, handle, "asic_info")
    driver = _asked(amdsmi, handle, "driver_info")
    return {"gpu.device-name": asic.get("market_name"), "gpu.driver-version": driver.get("driver_version")}
