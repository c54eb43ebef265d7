"""NVIDIA's driver library as a process has it loaded: which devices it shows, and whether it still works there.

Some errors (an address that is none, an assertion in a kernel) spoil CUDA for the rest of the process: each call that
follows fails with the same error, whoever makes it, and only a new process helps. So the tests that come after would
fail for what one of them did. https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__TYPES.html ("CUresult").
"""

from __future__ import annotations

import ctypes
import os
import uuid
from collections.abc import Iterator
from typing import Any

LIBRARY = "libcuda.so.1"
ENDINGS = frozenset({214, 700, 702, 710, 714, 715, 716, 717, 718, 719, 911})
"""The errors after which the process has to end, by their number in ``CUresult``."""
NO_CONTEXT = 201


def loaded() -> Any:
    """Return the driver library if this process has loaded it, None if it has not: it is never loaded by asking."""
    try:
        return ctypes.CDLL(LIBRARY, mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
    except (OSError, AttributeError):  # not loaded, or a system without such a mode
        return None


def spoilt() -> str:
    """Return the error that has ended CUDA for this process, "" where it works or nobody uses it.

    Nothing is waited for: an error that a kernel has yet to make is not seen. It takes some microseconds.
    """
    driver = loaded()
    if driver is None:
        return ""
    code = driver.cuStreamQuery(None)
    codes = _of_other_contexts(driver) if code == NO_CONTEXT else (code,)
    return next((error(driver, each) for each in codes if each in ENDINGS), "")


def _of_other_contexts(driver: Any) -> Iterator[int]:
    """Yield the state of each device's context that is not this thread's current one."""
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    for device in range(count.value):
        flags, is_active, context = ctypes.c_uint(), ctypes.c_int(), ctypes.c_void_p()
        code = driver.cuDevicePrimaryCtxGetState(device, ctypes.byref(flags), ctypes.byref(is_active))
        if code or not is_active.value:
            yield code
            continue
        code = driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
        if code == 0:
            code = driver.cuCtxPushCurrent_v2(context)
            if code == 0:
                code = driver.cuStreamQuery(None)
                driver.cuCtxPopCurrent_v2(ctypes.byref(context))
            driver.cuDevicePrimaryCtxRelease_v2(device)
        yield code


def error(driver: Any, code: int) -> str:
    """Return NVIDIA's name of an error, and its words."""
    told = []
    for ask in (driver.cuGetErrorName, driver.cuGetErrorString):
        text = ctypes.c_char_p()
        if ask(code, ctypes.byref(text)) == 0 and text.value:
            told.append(text.value.decode("utf-8", "replace"))
    return ": ".join(told) or f"CUDA error {code}"


def device_uuid(driver: Any, device: int) -> str:
    """Return the UUID of the *device* with that handle as NVML writes it: ``GPU-…``, or ``MIG-…`` for a slice."""
    found = (ctypes.c_ubyte * 16)()
    if driver.cuDeviceGetUuid_v2(ctypes.byref(found), device):
        return ""
    name = ctypes.create_string_buffer(256)
    driver.cuDeviceGetName(name, len(name), device)
    return f"{'MIG' if b' MIG ' in name.value else 'GPU'}-{uuid.UUID(bytes=bytes(found))}"
