"""The environment variables that let a test see the devices that it was granted, and no others.

One row per vendor. Devices are named by what stays the same (a UUID) where the vendor's runtime understands it, else
by their number in its own order: the facts ``gpu.index`` and ``accel.index``, see `numbers`. Where neither is known,
nothing is set. No variable is ever set to "": who asks for no device keeps what plain pytest would give it (Ray took
that back, too: https://github.com/ray-project/ray/issues/54868).

A runtime reads its variable once, when it is initialised. So a process in which it runs cannot be given other devices
any more; *nodes* are what such a process has open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pytest_disttest.model import DeviceGrant, Grant
from pytest_disttest.worker.forkable import Runtimes

Devices = Sequence[DeviceGrant]
Variables = dict[str, str]


class Vendor(NamedTuple):
    """How one vendor's devices of a *kind* are told apart.

    *pci* is the vendor's PCI number in four hexadecimal digits, *words* are in its name, in small letters. *nodes*
    are beginnings of the paths that a process has open once the vendor's runtime is initialised.
    """

    name: str
    kind: str
    pci: str
    words: tuple[str, ...]
    nodes: tuple[str, ...]
    variables: Callable[[Devices], Variables]

    def made(self, device: DeviceGrant) -> bool:
        """Whether *device* is one of this vendor's."""
        if device.kind != self.kind:
            return False
        number = str(device.facts.get(f"{self.kind}.vendor", "")).lower().removeprefix("0x")
        name = str(device.facts.get(f"{self.kind}.vendor-name", "")).lower()
        return number == self.pci if number else any(word in name for word in self.words)

    def is_up(self, runtimes: Runtimes) -> bool:
        """Whether the runtime is initialised in the process that shows *runtimes*."""
        return any(path.startswith(self.nodes) for path in runtimes.opened) or (
            self.name in PYTORCHS and runtimes.has_cuda
        )


def variables_of(grant: Grant, present: Mapping[str, str]) -> Variables:
    """Return what a granted test finds in its environment, beside the variables that are *present* there.

    A number of threads that is set already is the user's, and a test that has its host for itself needs none.
    """
    found = {name: text for vendor, devices in by_vendor(grant) for name, text in vendor.variables(devices).items()}
    if THREADS not in present and not grant.exclusive:
        found[THREADS] = str(max(1, math.floor(grant.cores)))
    return found


def by_vendor(grant: Grant) -> list[tuple[Vendor, list[DeviceGrant]]]:
    """Return the granted devices of each vendor that is known here."""
    found = [(vendor, [device for device in grant.devices if vendor.made(device)]) for vendor in VENDORS]
    return [(vendor, devices) for vendor, devices in found if devices]


def _cuda(devices: Devices) -> Variables:
    """A UUID means the same whatever the order; numbers do so in the order of the bus only, which NVML goes by.

    https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#cuda-environment-variables
    """
    chosen = ",".join(_uuids(devices, ("GPU-", "MIG-")) or _numbers(devices))
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": chosen} if chosen else {}


def _rocm(devices: Devices) -> Variables:
    """HIP counts what the layer below it shows, and only that one knows UUIDs.

    https://rocm.docs.amd.com/en/latest/conceptual/gpu-isolation.html
    """
    uuids = _uuids(devices, ("GPU-",))
    if uuids:
        renumbered = ",".join(map(str, range(len(uuids))))
        return {"ROCR_VISIBLE_DEVICES": ",".join(uuids), "HIP_VISIBLE_DEVICES": renumbered}
    return _numbered("HIP_VISIBLE_DEVICES")(devices)


def _oneapi(devices: Devices) -> Variables:
    """Level Zero has numbers only, of which the bus gives the order where it is told so.

    https://intel.github.io/llvm/EnvironmentVariables.html#oneapi-device-selector
    https://oneapi-src.github.io/level-zero-spec/level-zero/latest/core/PROG.html#environment-variables
    """
    chosen = ",".join(_numbers(devices))
    order = {"ZE_ENABLE_PCI_ID_DEVICE_ORDER": "1"}
    return {"ONEAPI_DEVICE_SELECTOR": f"level_zero:{chosen}", **order} if chosen else {}


def _neuron(devices: Devices) -> Variables:
    """A device has several cores (``accel.cores``), which are numbered through; nothing is set unless it is known.

    https://awsdocs-neuron.readthedocs-hosted.com/en/latest/neuron-runtime/nrt-configurable-parameters.html
    """
    counts = [device.facts.get("accel.cores") for device in devices]
    chosen = [
        str(int(number) * count + core)
        for number, count in zip(_numbers(devices), counts, strict=False)
        if isinstance(count, int)
        for core in range(count)
    ]
    return {"NEURON_RT_VISIBLE_CORES": ",".join(chosen)} if chosen and None not in counts else {}


def _tpu(devices: Devices) -> Variables:
    """Less than a whole host of chips must be told its shape as well.

    https://github.com/google/jax/issues/14977 has the values.
    """
    chips = _numbers(devices)
    shape = {1: "1,1,1", 2: "1,2,1"}.get(len(chips))
    bounds = {"TPU_CHIPS_PER_HOST_BOUNDS": shape, "TPU_HOST_BOUNDS": "1,1,1"} if shape else {}
    return {"TPU_VISIBLE_CHIPS": ",".join(chips), **bounds} if chips else {}


def _numbered(*names: str) -> Callable[[Devices], Variables]:
    """Return a function that names devices by their numbers in each of the variables *names*."""

    def variables(devices: Devices) -> Variables:
        chosen = ",".join(_numbers(devices))
        return dict.fromkeys(names, chosen) if chosen else {}

    return variables


def _uuids(devices: Devices, beginnings: tuple[str, ...]) -> list[str]:
    """Return the UUID of every device, nothing where one has none: the two ways to name them do not mix."""
    found = [str(device.facts.get(f"{device.kind}.uuid") or device.id) for device in devices]
    return found if all(uuid.startswith(beginnings) for uuid in found) else []


def _numbers(devices: Devices) -> list[str]:
    """Return the number of every device in its vendor's order, nothing where one has none."""
    found = [device.facts.get(f"{device.kind}.index") for device in devices]
    return [] if None in found else [str(number) for number in found]


THREADS = "OMP_NUM_THREADS"
PYTORCHS = ("nvidia", "amd")
"""Those whose runtimes PyTorch calls CUDA."""

VENDORS = (
    Vendor("nvidia", "gpu", "10de", ("nvidia",), ("/dev/nvidia-uvm", "/dev/dxg"), _cuda),
    Vendor("amd", "gpu", "1002", ("amd", "advanced micro"), ("/dev/kfd",), _rocm),
    Vendor("intel", "gpu", "8086", ("intel",), ("/dev/dri/renderD",), _oneapi),
    Vendor(
        "ascend", "accel", "19e5", ("huawei", "ascend"), ("/dev/davinci",),
        _numbered("ASCEND_RT_VISIBLE_DEVICES", "ASCEND_VISIBLE_DEVICES"),
    ),
    Vendor("habana", "accel", "1da3", ("habana",), ("/dev/accel/", "/dev/hl"), _numbered("HABANA_VISIBLE_MODULES")),
    Vendor("neuron", "accel", "1d0f", ("amazon", "annapurna"), ("/dev/neuron",), _neuron),
    Vendor("tpu", "accel", "1ae0", ("google",), ("/dev/accel", "/dev/vfio/"), _tpu),
)  # fmt: skip
"""NVIDIA's management library opens the devices, too, but not their shared memory (``uvm``), as CUDA does."""
