"""What CUDA itself says of NVIDIA's GPUs: which it shows this process, and whether they calculate.

The tiny operation is a kernel over 256 numbers, compiled on the spot by the driver, of which each one is checked.
https://docs.nvidia.com/cuda/cuda-driver-api/ , https://docs.nvidia.com/cuda/parallel-thread-execution/
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_disttest.worker import cuda

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
NO_DEVICE = 100
BLOCKS, THREADS = 4, 64
KERNEL = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry square(.param .u64 out)
{
    .reg .b32 %r<6>;
    .reg .b64 %rd<4>;
    ld.param.u64 %rd0, [out];
    cvta.to.global.u64 %rd1, %rd0;
    mov.u32 %r0, %ctaid.x;
    mov.u32 %r1, %ntid.x;
    mov.u32 %r2, %tid.x;
    mad.lo.u32 %r3, %r0, %r1, %r2;
    mad.lo.u32 %r4, %r3, %r3, 7;
    mul.wide.u32 %rd2, %r3, 4;
    add.u64 %rd3, %rd1, %rd2;
    st.global.u32 [%rd3], %r4;
    ret;
}
"""


class Shown(NamedTuple):
    """What CUDA shows: *devices* are the handles by UUID. *why* says what is wrong where it shows nothing."""

    devices: Mapping[str, int]
    why: str = ""
    driver: Any = None


def shown(environment: Mapping[str, str]) -> Shown:
    """Return which devices CUDA shows a process with that *environment*; to be asked once in a process."""
    try:
        driver = ctypes.CDLL(cuda.LIBRARY)
    except OSError as fault:
        return Shown({}, f"CUDA's driver library cannot be loaded: {fault}")
    for name in (VISIBLE, ORDER):
        os.environ.pop(name, None)
        if name in environment:
            os.environ[name] = environment[name]
    code = driver.cuInit(0)
    count = ctypes.c_int()
    if code == 0:
        code = driver.cuDeviceGetCount(ctypes.byref(count))
    if code not in (0, NO_DEVICE):
        return Shown({}, cuda.error(driver, code), driver)
    return Shown({cuda.device_uuid(driver, device): device for device in range(count.value)}, "", driver)


def wrong(driver: Any, device: int) -> str:
    """Return why the *device* with that handle does not calculate, "" where each number is right."""
    try:
        numbers = _calculated(driver, device)
    except Refused as refusal:
        return str(refusal)
    bad = sum(number != index * index + 7 for index, number in enumerate(numbers))
    return f"{bad} of {len(numbers)} numbers that it calculated are wrong" if bad else ""


class Refused(Exception):
    """A call of the driver failed."""


def _calculated(driver: Any, device: int) -> list[int]:
    def call(name: str, *arguments: Any) -> None:
        code = getattr(driver, name)(*arguments)
        if code:
            raise Refused(f"{name}: {cuda.error(driver, code)}")

    context, module, function, place = (ctypes.c_void_p() for _ in range(4))
    numbers = (ctypes.c_uint32 * (BLOCKS * THREADS))()
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    try:
        call("cuCtxSetCurrent", context)
        call("cuModuleLoadData", ctypes.byref(module), KERNEL)
        call("cuModuleGetFunction", ctypes.byref(function), module, b"square")
        call("cuMemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(ctypes.sizeof(numbers)))
        arguments = (ctypes.c_void_p * 1)(ctypes.cast(ctypes.byref(place), ctypes.c_void_p))
        size = BLOCKS, 1, 1, THREADS, 1, 1, 0
        call("cuLaunchKernel", function, *size, None, arguments, None)
        call("cuMemcpyDtoH_v2", numbers, place, ctypes.c_size_t(ctypes.sizeof(numbers)))  # waits for the kernel
    finally:
        driver.cuDevicePrimaryCtxRelease_v2(device)
    return list(numbers)
