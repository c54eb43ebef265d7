"""How much of each GPU is in use at this moment, and by whom: read when a lease is given, never kept.

nvidia-smi's --query-gpu and --query-compute-apps; amdgpu's mem_info_vram_used.
"""

from __future__ import annotations

import contextlib
from typing import Any

from pytest_disttest.worker.probes import nvidia, nvml
from pytest_disttest.worker.probes.finding import Finding, Place
from pytest_disttest.worker.probes.pci import DEVICES, functions


def probe(place: Place) -> Finding:
    """Return the mark ``devices``: ``memory_free`` in bytes and ``processes`` by the device's id."""
    used = _amd(place)
    library = None if place.outputs is not None else nvml.library()
    if library is not None and nvidia.shows(place):
        with contextlib.suppress(library.NVMLError):
            used |= nvml_use(library)
    elif place.program("nvidia-smi"):
        used |= _smi(place)
    return Finding("gpu.use", "ok" if used else "absent", source="NVML, /sys", marks={"devices": used})


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
        told["processes"] = sorted(int(each.pid) for each in library.nvmlDeviceGetComputeRunningProcesses(handle))
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
