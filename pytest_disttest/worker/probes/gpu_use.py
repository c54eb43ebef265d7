"""How much of each GPU is in use at this moment, and by whom: read when a lease is given, never kept.

nvidia-smi's --query-gpu and --query-compute-apps; amdgpu's mem_info_vram_used.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any

from pytest_disttest.worker.probes import nvidia, nvml
from pytest_disttest.worker.probes.finding import Finding, Place
from pytest_disttest.worker.probes.pci import DEVICES, functions


def probe(place: Place) -> Finding:
    """Return the mark ``devices``: ``memory_free`` in bytes and ``processes`` by the device's id."""
    used = _amd(place)
    library = None if place.outputs is not None else nvml.library()
    if library is not None and (nvidia.shows(place) or not place.names(DEVICES)):
        with contextlib.suppress(library.NVMLError):
            used |= nvml_use(library)
    elif place.program("nvidia-smi"):
        used |= _smi(place)
    return Finding("gpu.use", "ok" if used else "absent", source="NVML, /sys", marks={"devices": used})


def shortage(wanted: Mapping[str, tuple[int, int]], place: Place) -> str:
    """Return which device has too little memory left just now, and who has it; "" where none of *wanted* has.

    *wanted* gives for a device's id the bytes that are needed and those that it has. What this process holds counts as
    free: it is what it will go on with. A twentieth of the device is let pass, which drivers keep for themselves. A
    device that does not tell has enough.
    """
    used = probe(place).marks["devices"] if wanted else {}
    for name, (needed, total) in wanted.items():
        use = used.get(name, {})
        free = use.get("memory_free", total) + use.get("memory_of", {}).get(os.getpid(), 0)
        if free < needed - total // 20:
            others = [pid for pid in use.get("processes", ()) if pid != os.getpid()]
            by = f", process {', '.join(map(str, others))} uses it" if others else ""
            return f"gpu {name} has {free >> 20} MiB free, {needed >> 20} MiB are asked for{by}"
    return ""


def nvml_use(library: Any) -> dict[str, dict[str, Any]]:
    """Return the use of each GPU that *library* lists; what a GPU does not support is left out."""
    library.nvmlInit()
    used = {}
    try:
        for index in range(library.nvmlDeviceGetCount()):
            with contextlib.suppress(library.NVMLError):
                handle = library.nvmlDeviceGetHandleByIndex(index)
                used[nvml.text(library.nvmlDeviceGetUUID(handle))] = _one(library, handle)
    finally:
        library.nvmlShutdown()
    return used


def _one(library: Any, handle: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with contextlib.suppress(library.NVMLError):
        told["memory_free"] = int(library.nvmlDeviceGetMemoryInfo(handle).free)
    with contextlib.suppress(library.NVMLError):
        running = library.nvmlDeviceGetComputeRunningProcesses(handle)
        told["processes"] = sorted(int(each.pid) for each in running)
        told["memory_of"] = {int(each.pid): int(getattr(each, "usedGpuMemory", 0) or 0) for each in running}
    return told


def _smi(place: Place) -> dict[str, dict[str, Any]]:
    used: dict[str, dict[str, Any]] = {}
    code, text = place.run("nvidia-smi", "--query-gpu=uuid,memory.free", "--format=csv,noheader,nounits")
    for uuid, mebibytes in _rows(text) if not code else ():
        used[uuid] = {"memory_free": int(mebibytes) << 20, "processes": []}
    code, text = place.run("nvidia-smi", "--query-compute-apps=gpu_uuid,pid", "--format=csv,noheader")
    for uuid, pid in _rows(text) if not code else ():
        if uuid in used:
            used[uuid]["processes"].append(int(pid))
    return used


def _rows(text: str) -> list[tuple[str, str]]:
    pairs = [tuple(part.strip() for part in line.split(",")) for line in text.splitlines()]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()]


def _amd(place: Place) -> dict[str, dict[str, Any]]:
    used = {}
    for card in functions(place):
        total = place.number(f"{DEVICES}/{card.address}/mem_info_vram_total")
        taken = place.number(f"{DEVICES}/{card.address}/mem_info_vram_used")
        if card.driver == "amdgpu" and total is not None and taken is not None:
            unique = place.text(f"{DEVICES}/{card.address}/unique_id").lower().removeprefix("0x")
            name = f"GPU-{unique}" if unique.strip("0") else card.address
            used[name] = {"memory_free": total - taken}
    return used
