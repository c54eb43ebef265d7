"""NVIDIA's GPUs through nvidia-ml-py.

Each field is asked on its own, because a MIG slice, a vGPU or a consumer card supports some and not others.
https://docs.nvidia.com/deploy/nvml-api/ (the CUDA version is 1000*major + 10*minor).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from pytest_disttest.worker.probes.finding import Facts, Finding, Found
from pytest_disttest.worker.probes.nvidia_words import STATES, failed, nvidia_gpu, pci_address

ARCHITECTURES = {2: "kepler", 3: "maxwell", 4: "pascal", 5: "volta", 6: "turing", 7: "ampere", 8: "ada",
                 9: "hopper", 10: "blackwell", 13: "rubin"}  # fmt: skip


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


def text(value: Any) -> str:
    """Return text: old releases of NVML's bindings give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
