"""Adapters of the native graphics APIs (Vulkan, Metal, OpenGL), where ``wgpu`` is installed on the host.

https://wgpu-py.readthedocs.io/ (GPUAdapterInfo). A rasteriser in software is listed once per API as ``CPU``.
"""

from __future__ import annotations

from typing import Any

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, device

KINDS = {"CPU": "software", "DiscreteGPU": "discrete", "IntegratedGPU": "integrated", "VirtualGPU": "virtual"}


def probe(_place: object) -> Finding:
    """Return an adapter for each GPU that a native API offers, the software ones as ``gpu.kind = software``."""
    try:
        import wgpu
    except ImportError:
        return Finding("vulkan", "absent", why="wgpu is not installed on this host")
    rows = [dict(adapter.info) for adapter in wgpu.gpu.enumerate_adapters_sync()]
    return adapters(rows)


def adapters(rows: list[dict[str, Any]]) -> Finding:
    """Return one device for the rows of each GPU: they come once per API."""
    found: dict[tuple[Any, ...], Found] = {}
    for row in rows:
        # The OpenGL backend often leaves the ids out, or that of the product; the name then tells.
        ids = row.get("vendor_id"), row.get("device_id")
        key = ids if all(ids) else (row.get("device"),)
        backend = str(row.get("backend_type", "")).lower()
        known = found.setdefault(key, _device(row))
        if backend in ("vulkan", "metal"):
            known["facts"]["gpu.api"] = tuple(sorted({*known["facts"].get("gpu.api", ()), backend}))
    if not found:
        return Finding("vulkan", "absent", why="wgpu lists no adapter", source="wgpu")
    return Finding("vulkan", level="usable", source="wgpu", devices=tuple(found.values()))


def _device(row: dict[str, Any]) -> Found:
    vendor, product = row.get("vendor_id") or 0, row.get("device_id") or 0
    kind = KINDS.get(str(row.get("adapter_type", "")).replace("_", ""), "unknown")
    facts: Facts = {
        "gpu.kind": kind,
        "gpu.device-name": str(row.get("device", "")),
        # Above 16 bits are Khronos' ids of vendors that have none on the PCI bus: Mesa is 0x10005.
        "gpu.vendor": f"{vendor:04x}" if 0 < vendor < 0x10000 else "",
        "gpu.device": f"{product:04x}" if 0 < vendor < 0x10000 and product else "",
    }
    return device("gpu", f"adapter:{vendor:x}:{product:x}:{row.get('device', '')}", facts=facts)
