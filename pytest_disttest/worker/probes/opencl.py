"""OpenCL's devices, where ``pyopencl`` is installed on the host.

https://documen.tician.de/pyopencl/ ; an installation without a platform raises LogicError.
"""

from __future__ import annotations

from typing import Any

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, device

GPU, CPU = 1 << 2, 1 << 1
"""CL_DEVICE_TYPE_GPU and CL_DEVICE_TYPE_CPU of the specification."""


def probe(_place: object) -> Finding:
    """Return a device for each GPU that OpenCL offers; one that is the processor is ``gpu.kind = software``."""
    try:
        import pyopencl
    except ImportError:
        return Finding("opencl", "absent", why="pyopencl is not installed on this host")
    try:
        listed = [each for platform in pyopencl.get_platforms() for each in platform.get_devices()]
    except pyopencl.Error as fault:
        return Finding("opencl", "absent", why=f"OpenCL has no platform: {fault}", source="pyopencl")
    found = tuple(_device(each) for each in listed if each.type & (GPU | CPU))
    status, level = ("ok", "usable") if found else ("absent", "")
    return Finding("opencl", status, level, source="pyopencl", devices=found)


def _device(cl: Any) -> Found:
    vendor = int(cl.vendor_id)
    software = not cl.type & GPU
    facts: Facts = {
        "gpu.kind": "software" if software else "unknown",
        "gpu.device-name": str(cl.name).strip(),
        "gpu.vendor": f"{vendor:04x}" if 0 < vendor < 0x10000 and not software else "",
        "gpu.memory": int(cl.global_mem_size),
        "gpu.api": ("opencl",),
    }
    return device("gpu", f"opencl:{vendor:x}:{facts['gpu.device-name']}", facts=facts)
