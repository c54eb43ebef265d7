"""Each vendor's variables, as values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_disttest.model import DeviceGrant, Grant
from pytest_disttest.worker.forkable import Runtimes
from pytest_disttest.worker.variables import VENDORS, variables_of


def gpu(name: str, **facts: Any) -> DeviceGrant:
    return DeviceGrant("gpu", name, 1.0, {f"gpu.{key.replace('_', '-')}": value for key, value in facts.items()})


def accel(name: str, **facts: Any) -> DeviceGrant:
    return DeviceGrant("accel", name, 1.0, {f"accel.{key.replace('_', '-')}": value for key, value in facts.items()})


CASES = {
    "nvidia by its id": (
        [gpu("GPU-2", vendor="10de", index=1), gpu("MIG-1", vendor="10DE")],
        {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "GPU-2,MIG-1"},
    ),
    "nvidia by its uuid": (
        [gpu("0000:41:00.0", vendor="10de", uuid="GPU-2")],
        {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "GPU-2"},
    ),
    "nvidia by number, where one has no uuid": (
        [gpu("GPU-2", vendor="10de", index=1), gpu("0000:41:00.0", vendor_name="NVIDIA", index=0)],
        {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1,0"},
    ),
    "nvidia without either": ([gpu("0000:41:00.0", vendor="10de")], {}),
    "amd by uuid": (
        [gpu("GPU-b", vendor="1002"), gpu("GPU-a", vendor="0x1002")],
        {"ROCR_VISIBLE_DEVICES": "GPU-b,GPU-a", "HIP_VISIBLE_DEVICES": "0,1"},
    ),
    "amd by number": ([gpu("0000:03:00.0", vendor="1002", index=2)], {"HIP_VISIBLE_DEVICES": "2"}),
    "intel": (
        [gpu("0000:03:00.0", vendor="8086", index=1), gpu("0000:04:00.0", vendor="8086", index=2)],
        {"ONEAPI_DEVICE_SELECTOR": "level_zero:1,2", "ZE_ENABLE_PCI_ID_DEVICE_ORDER": "1"},
    ),
    "two vendors": (
        [gpu("GPU-1", vendor="10de"), gpu("0000:03:00.0", vendor="8086", index=0)],
        {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": "GPU-1",
            "ONEAPI_DEVICE_SELECTOR": "level_zero:0",
            "ZE_ENABLE_PCI_ID_DEVICE_ORDER": "1",
        },
    ),
    "ascend": (
        [accel("a", vendor="19e5", index=3)],
        {"ASCEND_RT_VISIBLE_DEVICES": "3", "ASCEND_VISIBLE_DEVICES": "3"},
    ),
    "habana": ([accel("a", vendor="1da3", index=3)], {"HABANA_VISIBLE_MODULES": "3"}),
    "neuron by core": (
        [accel("a", vendor="1d0f", index=0, cores=2), accel("b", vendor="1d0f", index=3, cores=2)],
        {"NEURON_RT_VISIBLE_CORES": "0,1,6,7"},
    ),
    "neuron without its cores": ([accel("a", vendor="1d0f", index=1)], {}),
    "one tpu": (
        [accel("a", vendor="1ae0", index=2)],
        {"TPU_VISIBLE_CHIPS": "2", "TPU_CHIPS_PER_HOST_BOUNDS": "1,1,1", "TPU_HOST_BOUNDS": "1,1,1"},
    ),
    "four tpus": (
        [accel(str(n), vendor="1ae0", index=n) for n in range(4)],
        {"TPU_VISIBLE_CHIPS": "0,1,2,3"},
    ),
    "an npu without such a variable": ([accel("a", vendor="8086", index=0)], {}),
    "a browser": ([DeviceGrant("browser", "/usr/bin/firefox")], {}),
    "an intel npu is no intel gpu": ([accel("a", vendor="8086", index=0), gpu("b", vendor="8086")], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_devices_become_variables(name: str):
    """By what the vendor's runtime understands; nothing, and never an empty text, where it understands nothing."""
    devices, expected = CASES[name]

    assert expected == variables_of(Grant("h", devices=tuple(devices)), {"OMP_NUM_THREADS": "8"})


def test_every_variable_is_documented():
    """The guide names what a test may find in its environment."""
    guide = (Path(__file__).parents[2] / "docs/how-to/devices.md").read_text()
    names = {name for devices, _ in CASES.values() for name in variables_of(Grant("h", devices=tuple(devices)), {})}

    assert len(names) > 10
    assert [] == sorted(name for name in names if f"`{name}" not in guide)


@pytest.mark.parametrize(
    ("grant", "present", "threads"),
    [
        (Grant("h", 4.0), {}, "4"),
        (Grant("h", 0.25), {}, "1"),
        (Grant("h", 2.5), {}, "2"),
        (Grant("h", 4.0), {"OMP_NUM_THREADS": "16"}, None),
        (Grant("h", 1.0, exclusive=True), {}, None),
    ],
)
def test_as_many_threads_as_cores(grant: Grant, present: dict[str, str], threads: str | None):
    """Unless the user has said how many, or the test has the host for itself."""
    assert threads == variables_of(grant, present).get("OMP_NUM_THREADS")


@pytest.mark.parametrize(
    ("name", "path", "is_up"),
    [
        ("nvidia", "/dev/nvidia-uvm", True),
        ("nvidia", "/dev/nvidiactl", False),  # so far NVML goes
        ("amd", "/dev/kfd", True),
        ("intel", "/dev/dri/renderD128", True),
        ("ascend", "/dev/davinci0", True),
        ("tpu", "/dev/null", False),
    ],
)
def test_a_runtime_is_known_by_what_it_has_open(name: str, path: str, is_up: bool):
    """A library that only counts devices has not read the variable."""
    vendor = next(each for each in VENDORS if each.name == name)

    assert is_up == vendor.is_up(Runtimes(("/dev/pts/0", path)))
