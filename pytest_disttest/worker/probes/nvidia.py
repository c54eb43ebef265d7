"""NVIDIA's GPUs, asked through NVML: nvidia-ml-py where it is installed, else nvidia-smi.

Each field is asked on its own, because a MIG slice, a vGPU or a consumer card supports some and not others.
https://docs.nvidia.com/deploy/nvml-api/ (error codes, CUDA version as 1000*major + 10*minor);
https://docs.nvidia.com/deploy/nvidia-smi/ (exit codes, which are NVML's).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from pytest_disttest.worker.probes.finding import Facts, Finding, Found, Place, device
from pytest_disttest.worker.probes.pci import DEVICES, functions

STATES = {
    4: "denied: NVML does not let this user ask",
    9: "the NVIDIA driver is not loaded",
    12: "NVML library not found",
    14: "the infoROM is corrupted",
    15: "the GPU is lost: it has fallen off the bus",
    18: "driver and library do not match: was the driver updated without a reboot?",
}
"""NVML's error codes in our words; others keep NVML's own."""
ARCHITECTURES = {2: "kepler", 3: "maxwell", 4: "pascal", 5: "volta", 6: "turing", 7: "ampere", 8: "ada",
                 9: "hopper", 10: "blackwell", 13: "rubin"}  # fmt: skip


def probe(place: Place) -> Finding:
    """Return each GPU that NVML lists, or the state that keeps NVML from answering."""
    here = [each for each in functions(place) if each.vendor == "10de" and each.code.startswith("03")]
    if place.names(DEVICES) and not here:
        return Finding("nvidia", "absent", why="no NVIDIA GPU on the PCI bus")
    nvml = None if place.outputs is not None else library()
    if nvml is not None:
        return read(nvml)
    from pytest_disttest.worker.probes import nvidia_smi

    return nvidia_smi.read(place)


def library() -> Any:
    """Return nvidia-ml-py's module, None where it is not installed."""
    try:
        import pynvml
    except Exception:  # not installed, or somebody else's module of that name
        return None
    return pynvml if hasattr(pynvml, "nvmlInit") else None


def read(nvml: Any) -> Finding:
    """Return what *nvml*, a module with nvidia-ml-py's functions, tells."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return failed(state(error), getattr(error, "value", 0))
    try:
        return _read(nvml)
    except nvml.NVMLError as error:
        return failed(state(error), getattr(error, "value", 0))
    finally:
        with contextlib.suppress(Exception):
            nvml.nvmlShutdown()


def failed(why: str, code: int) -> Finding:
    """Return the finding of a library that gives no answer: absent without driver or library, else unknown."""
    status = {4: "denied", 9: "absent", 12: "absent"}.get(code, "unknown")
    return Finding("nvidia", status, level="present", why=why, source="NVML")


def state(error: Exception) -> str:
    """Return NVML's error in our words."""
    return STATES.get(getattr(error, "value", 0), f"NVML: {error}")


def _read(nvml: Any) -> Finding:
    shared: Facts = {}
    with contextlib.suppress(nvml.NVMLError):
        shared["gpu.driver-version"] = text(nvml.nvmlSystemGetDriverVersion())
    with contextlib.suppress(nvml.NVMLError):
        version = nvml.nvmlSystemGetCudaDriverVersion_v2()
        shared["gpu.cuda"] = f"{version // 1000}.{version % 1000 // 10}"
    lost, found = [], []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except nvml.NVMLError as error:
            lost.append(f"NVML's GPU {index}: {state(error)}")
        else:
            found.append(_device(nvml, handle, shared, index))
    status = "ok" if found else "unknown" if lost else "absent"
    why = "; ".join(lost) if lost else "" if found else "NVML lists no GPU"
    level = "usable" if found else ""
    return Finding("nvidia", status, level, why, "NVML", devices=tuple(found), degraded=tuple(lost))


def _device(nvml: Any, handle: Any, shared: Facts, index: int) -> Found:
    facts, unknown = dict(shared), {}
    fault = ""

    def ask(key: str, question: Callable[[], Any]) -> Any:
        nonlocal fault
        try:
            answer = question()
        except nvml.NVMLError as error:
            unknown[key] = state(error)
            if getattr(error, "value", 0) in (15, 16):  # lost, or in need of a reset
                fault = state(error)
        except (AttributeError, TypeError, ValueError) as error:  # an older nvidia-ml-py, an odd answer
            unknown[key] = f"{type(error).__name__}: {error}"
        else:
            facts[key] = answer
            return answer
        return None

    ask("gpu.uuid", lambda: text(nvml.nvmlDeviceGetUUID(handle)))
    ask("gpu.device-name", lambda: text(nvml.nvmlDeviceGetName(handle)))
    ask("gpu.memory", lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).total))
    ask("gpu.compute-capability", lambda: ".".join(map(str, nvml.nvmlDeviceGetCudaComputeCapability(handle))))
    ask("gpu.architecture", lambda: ARCHITECTURES[nvml.nvmlDeviceGetArchitecture(handle)])
    ask("gpu.mig", lambda: bool(nvml.nvmlDeviceGetMigMode(handle)[0]))
    ask("gpu.ecc", lambda: bool(nvml.nvmlDeviceGetEccMode(handle)[0]))
    place = ask("pci", lambda: nvml.nvmlDeviceGetPciInfo(handle))
    facts.pop("pci", None)
    unknown.pop("pci", None)
    address = "" if place is None else pci_address(text(place.busId))
    if place is not None:
        facts["gpu.device"] = f"{place.pciDeviceId >> 16:04x}"
    return nvidia_gpu(facts, unknown, address=address, fault=fault, index=index)


def nvidia_gpu(facts: Facts, unknown: dict[str, str], *, address: str, fault: str, index: int) -> Found:
    """Return the device with what is true of every GPU of NVIDIA's."""
    facts |= {"gpu.vendor": "10de", "gpu.vendor-name": "NVIDIA", "gpu.driver": "nvidia", "gpu.address": address}
    # Neither a MIG slice nor NVML says so; a Tegra's or Grace's shared memory is what NVML does not support.
    facts["gpu.kind"] = "discrete"
    if not fault:
        facts["gpu.api"] = ("cuda",)
    name = facts.get("gpu.uuid") or address or f"nvidia{index}"
    return device("gpu", name, address=address, facts=facts, unknown=unknown, fault=fault)


def pci_address(text: str) -> str:
    """Return NVML's ``00000000:41:00.0`` as the kernel writes it, ``0000:41:00.0``."""
    domain, _, rest = text.lower().partition(":")
    return f"{domain[-4:].rjust(4, '0')}:{rest}" if rest else ""


def text(value: Any) -> str:
    """Return text: old releases of NVML's bindings give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
