"""A stand-in of nvidia-ml-py: the functions that we call, over values from NVIDIA's documentation, with its errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml

MIB = 1 << 20
H100 = {
    "UUID": "GPU-6b0d3a5e-0c7f-4b35-9a6f-0d1f2a3b4c5d",
    "Name": "NVIDIA H100 80GB HBM3",
    "MemoryInfo": SimpleNamespace(total=81559 * MIB, free=80000 * MIB, used=1559 * MIB),
    "CudaComputeCapability": (9, 0),
    "Architecture": pynvml.NVML_DEVICE_ARCH_HOPPER,
    "MigMode": [0, 0],
    "EccMode": [1, 1],
    "PciInfo": SimpleNamespace(busId="00000000:19:00.0", pciDeviceId=0x233010DE),
    "ComputeRunningProcesses": [SimpleNamespace(pid=4711, usedGpuMemory=1000 * MIB)],
}


class Nvml:
    """NVML over *gpus*; a value that is an NVMLError, or a GPU that is one, is raised when it is asked for."""

    NVMLError = pynvml.NVMLError

    def __init__(
        self, *gpus: Any, init: Exception | None = None, driver: Any = "550.127.05", cuda: Any = 12040
    ) -> None:
        self._gpus, self._init, self._driver, self._cuda = gpus, init, driver, cuda

    def nvmlInit(self) -> None:  # noqa: N802
        _given(self._init)

    def nvmlShutdown(self) -> None:  # noqa: N802
        pass

    def nvmlSystemGetDriverVersion(self) -> Any:  # noqa: N802
        return _given(self._driver)

    def nvmlSystemGetCudaDriverVersion_v2(self) -> Any:  # noqa: N802
        return _given(self._cuda)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:  # noqa: N802
        return _given(self._gpus[index])

    def __getattr__(self, name: str) -> Any:
        field = name.removeprefix("nvmlDeviceGet")
        if field not in H100:
            raise AttributeError(name)
        return lambda handle: _given(handle[field])


def gpu(**fields: Any) -> dict[str, Any]:
    """Return an H100 with other *fields*."""
    return {**H100, **fields}


def error(number: int) -> Exception:
    """Return NVML's error of that number."""
    made: Exception = pynvml.NVMLError(number)
    return made


def second(**fields: Any) -> dict[str, Any]:
    """Return the second H100 of the recorded server."""
    where = SimpleNamespace(busId="00000000:3B:00.0", pciDeviceId=0x233010DE)
    return gpu(**{"UUID": "GPU-7c1e4b6f-1d80-4c46-8b70-1e202b3c4d5e", "PciInfo": where, **fields})


def _given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value
