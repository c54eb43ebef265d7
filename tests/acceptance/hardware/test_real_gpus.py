"""NVIDIA's GPUs that are really there: what is told of them, what a granted test sees, and what a broken one leaves.

Only where there is one: elsewhere all of it skips. The programs under test speak to the driver library themselves, so
that no framework is needed; what PyTorch does is looked at where it is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rigs.suites import ROOT, Suite

from pytest_disttest.worker.leases import read_leases
from pytest_disttest.worker.probes import nvidia_smi, nvml
from pytest_disttest.worker.probes.finding import Found, here
from pytest_disttest.worker.probing import probe_host


def listed() -> list[Found]:
    """Return the GPUs that NVML lists on this machine."""
    library = nvml.library()
    return list(nvml.read(library).devices) if library is not None else []


GPUS = listed()
pytestmark = [pytest.mark.skipif(not GPUS, reason="no NVIDIA GPU here"), pytest.mark.slow]
needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
MIB = 1 << 20
FIELDS = {
    "gpu.uuid": "uuid",
    "gpu.device-name": "name",
    "gpu.compute-capability": "compute_cap",
    "gpu.driver-version": "driver_version",
    "gpu.memory": "memory.total",
    "gpu.address": "pci.bus_id",
    "gpu.ecc": "ecc.mode.current",
    "gpu.mig": "mig.mode.current",
}

# A program of CUDA, by the driver's own interface.
CUDA = """
import ctypes, uuid

driver = ctypes.CDLL("libcuda.so.1")

def check(code):
    name = ctypes.c_char_p()
    driver.cuGetErrorName(code, ctypes.byref(name))
    assert code == 0, name.value.decode()

def devices():
    check(driver.cuInit(0))
    count = ctypes.c_int()
    check(driver.cuDeviceGetCount(ctypes.byref(count)))
    found = []
    for number in range(count.value):
        its = (ctypes.c_ubyte * 16)()
        check(driver.cuDeviceGetUuid(ctypes.byref(its), number))
        found.append(f"GPU-{uuid.UUID(bytes=bytes(its))}")
    return found

class Held:
    # Holds *size* bytes of the first device; there must be so much left.
    def __init__(self, size):
        self.context, self.place = ctypes.c_void_p(), ctypes.c_void_p()
        check(driver.cuDevicePrimaryCtxRetain(ctypes.byref(self.context), 0))
        check(driver.cuCtxSetCurrent(self.context))
        check(driver.cuMemAlloc_v2(ctypes.byref(self.place), ctypes.c_size_t(size)))
    def __enter__(self):
        return self
    def __exit__(self, *_):
        check(driver.cuMemFree_v2(self.place))

def break_it():
    # A kernel that writes where there is nothing.
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    with Held(1 << 20):
        check(driver.cuModuleLoadData(ctypes.byref(module), KERNEL))
        check(driver.cuModuleGetFunction(ctypes.byref(function), module, b"bad"))
        check(driver.cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, None, None, None))
        check(driver.cuCtxSynchronize())

KERNEL = b'''
.version 6.0
.target sm_50
.address_size 64
.visible .entry bad() { .reg .b64 %rd<2>; mov.u64 %rd1, 8; st.global.u32 [%rd1], 1; ret; }
'''
"""

MakeSuite = Callable[..., Suite]


@pytest.fixture
def suite(tmp_path: Path) -> MakeSuite:
    """Return a function that makes a suite; all share the machine's leases."""

    def make(name: str, text: str, **more: str) -> Suite:
        files = {"test_it.py": text, "gpu_program.py": CUDA, **more}
        place = {"DISTTEST_LEASES": str(tmp_path / "leases"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return Suite(tmp_path / name, files=files, environment={**place, "PLACE": str(tmp_path), "COLUMNS": "160"})

    return make


def smi(fields: str, of: str = "gpu") -> list[list[str]]:
    """Return nvidia-smi's answer, a row for each GPU or process."""
    text = subprocess.check_output(["nvidia-smi", f"--query-{of}={fields}", "--format=csv,noheader,nounits"], text=True)
    return [[word.strip() for word in line.split(",")] for line in text.splitlines()]


def test_nvml_says_what_nvidia_smi_says():
    """Each field of each GPU."""
    told = [dict(zip(FIELDS, row, strict=True)) for row in smi(",".join(FIELDS.values()))]

    for device, theirs in zip(GPUS, told, strict=True):
        facts = device["facts"]
        assert theirs["gpu.address"].lower().endswith(facts["gpu.address"])
        assert int(theirs["gpu.memory"]) == facts["gpu.memory"] // MIB
        for key in ("gpu.ecc", "gpu.mig"):
            assert theirs[key] == "[N/A]" or (theirs[key] == "Enabled") == facts[key]
        same = ("gpu.uuid", "gpu.device-name", "gpu.compute-capability", "gpu.driver-version")
        assert {key: theirs[key] for key in same} == {key: facts[key] for key in same}


def test_without_nvml_nvidia_smi_tells_the_same():
    """All but what it does not know, and says so."""
    found = nvidia_smi.read(here())

    assert [device["id"] for device in GPUS] == [device["id"] for device in found.devices]
    for ours, theirs in zip(GPUS, found.devices, strict=True):
        unknown = {"gpu.compute-capability", "gpu.device"}
        assert {key: value for key, value in ours["facts"].items() if key not in unknown} == theirs["facts"]


def test_the_host_is_well_and_its_gpus_calculate(tmp_path: Path):
    """The profile: every GPU usable, verified by its numbers; no contradiction with the bus."""
    profile = probe_host(["gpu"], verify=True, cache_dir=str(tmp_path))

    assert [] == profile["degraded"]
    ours = [device for device in profile["devices"] if device["facts"].get("gpu.vendor") == "10de"]
    assert [""] * len(GPUS) == [device["fault"] for device in ours]
    assert {"nvidia": "verified"} == {row["name"]: row["level"] for row in profile["probes"] if row["name"] == "nvidia"}
    assert "unknown" not in {row["status"] for row in profile["probes"]}


def test_a_gpu_that_is_hidden_from_cuda_is_not_used(tmp_path: Path):
    """Who sets CUDA_VISIBLE_DEVICES for a host keeps its other GPUs for something else."""
    profile = probe_host(["gpu"], cache_dir=str(tmp_path), environment={"CUDA_VISIBLE_DEVICES": "GPU-of-nobody"})

    faults = [device["fault"] for device in profile["devices"] if device["facts"].get("gpu.vendor") == "10de"]
    assert ["CUDA_VISIBLE_DEVICES=GPU-of-nobody hides it"] * len(GPUS) == faults


SEES = """
import os
import pytest
import gpu_program

@pytest.mark.parametrize("number", range(6))
@pytest.mark.hw(gpu="memory >= 1 GiB")
def test_sees(number, hw_grant):
    (device,) = hw_grant.devices
    assert gpu_program.devices() == [device.id]
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    with gpu_program.Held(1 << 28):
        pass
"""


@pytest.mark.parametrize("start", ["auto", "fork", "spawn"])
def test_a_granted_test_sees_its_device_and_no_other(suite: MakeSuite, start: str):
    """CUDA lists the granted GPU alone, and it can be used, in forked workers too."""
    ran = suite("one", SEES).run("--dist-hw", "--hw-workers=3", f"--hw-start={start}", "--hw-verify")

    assert 0 == ran.exit_code, ran
    assert 6 == len(ran.outcomes)


FIGHT = """
import os, time
import pytest
import gpu_program

@pytest.mark.parametrize("number", range(10))
@pytest.mark.hw(gpu=1)
def test_alone(number, hw_grant):
    (device,) = hw_grant.devices
    assert gpu_program.devices() == [device.id]
    held = os.path.join(os.environ["PLACE"], device.id)
    os.close(os.open(held, os.O_CREAT | os.O_EXCL))
    with gpu_program.Held(int(device.facts["gpu.memory"] * 0.6)):  # two at a time would not have room
        time.sleep(0.1)
    os.unlink(held)
"""


def test_two_controllers_that_fight_over_the_gpus_never_have_one_at_a_time(suite: MakeSuite, tmp_path: Path):
    """Each of their tests finds its device free, and room for more than half of it; nobody holds it afterwards."""
    suites = [suite(name, FIGHT) for name in ("one", "two")]
    started = [each.start("--dist-hw", "--hw-workers=2") for each in suites]

    ran = [each.end(process) for each, process in zip(suites, started, strict=True)]

    assert [0, 0] == [each.exit_code for each in ran], "\n".join(map(str, ran))
    assert [10, 10] == [len(each.outcomes) for each in ran]
    assert [] == read_leases(tmp_path / "leases")


BREAKS = """
import pytest
import gpu_program

@pytest.fixture(autouse=True)
def uses_it():
    gpu_program.devices()
    with gpu_program.Held(1 << 20):
        pass

@MARK
def test_before(): pass

@MARK
def test_bad(): gpu_program.break_it()

@MARK
def test_after_1(): pass

@MARK
def test_after_2(): pass
"""


@pytest.mark.parametrize("mark", ["pytest.mark.hw(gpu=1)", "pytest.mark.filterwarnings('default')"])
def test_a_kernel_that_breaks_its_process_fails_one_test(suite: MakeSuite, mark: str):
    """Plain pytest fails all that follow, whoever wrote them; we go on in a fresh process."""
    one = suite("one", BREAKS.replace("MARK", mark))

    plain, ours = one.plain(), one.run("--dist-hw", "--hw-workers=1")

    assert ["passed", "failed"] == [word.split()[0] for word in list(plain.words.values())[:2]]
    assert "passed" not in list(plain.words.values())[2:]
    told = ours.words
    # An error in the teardown of the broken test itself is its own.
    assert "failed" in told.pop("test_bad")
    assert {"test_before": "passed", "test_after_1": "passed", "test_after_2": "passed"} == told, ours
    assert "has left CUDA unusable in its process (CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access" in ours.output


HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
import gpu_program
gpu_program.devices()
with gpu_program.Held(int(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.readline()
"""

NEEDS_MEMORY = """
import pytest
import gpu_program

@pytest.mark.hw(gpu="memory >= SIZE MiB")
def test_needs(hw_grant):
    gpu_program.devices()
    with gpu_program.Held(SIZE << 20):
        pass
"""


@pytest.mark.skipif(len(GPUS) > 1, reason="the test would move to another GPU")
def test_a_test_waits_for_memory_that_a_stranger_has(suite: MakeSuite):
    """Somebody's notebook holds no lease; its memory is missing all the same, and the test runs once it is back."""
    total = GPUS[0]["facts"]["gpu.memory"]
    one = suite("one", NEEDS_MEMORY.replace("SIZE", str(int(total * 0.6) // MIB)))
    command = [sys.executable, "-c", HOLDER, str(one.directory), str(int(total * 0.7))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert "held\n" == holder.stdout.readline()
        process = one.start("--dist-hw", "--hw-workers=1")
        said = ""
        assert process.stdout is not None
        while "waits on host" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        print(file=holder.stdin, flush=True)
    ran = one.end(process)

    assert 0 == ran.exit_code, said + str(ran)
    assert "MiB are asked for" in said


TORCH = """
import pytest
torch = pytest.importorskip("torch")

@pytest.mark.hw(gpu=1)
@pytest.mark.parametrize("number", range(4))
def test_one(number, hw_grant):
    assert torch.cuda.device_count() == 1
    assert str(torch.cuda.get_device_properties(0).uuid) in hw_grant.devices[0].id
    a = torch.ones(256, 256, device="cuda")
    assert (a @ a).sum().item() == 256 ** 3

@pytest.mark.hw(gpu=1)
def test_assert_in_a_kernel():
    torch.zeros(4, device="cuda")[torch.tensor([9], device="cuda")].sum().item()

@pytest.mark.hw(gpu=1)
def test_after():
    assert torch.ones(4, device="cuda").sum().item() == 4

@pytest.mark.hw(gpu=1)
def test_too_much():
    torch.empty(1 << 42, dtype=torch.uint8, device="cuda")

@pytest.mark.hw(gpu="memory >= SIZE MiB")
@pytest.mark.parametrize("number", range(6))
def test_each_has_room(number):
    torch.empty(SIZE << 20, dtype=torch.uint8, device="cuda")
"""


@needs_torch
def test_pytorch(suite: MakeSuite):
    """It sees the granted GPU; what it keeps for later is there for the next worker; one kernel fails one test."""
    size = int(GPUS[0]["facts"]["gpu.memory"] * 0.6) // MIB
    ran = suite("one", TORCH.replace("SIZE", str(size))).run("--dist-hw", "--hw-workers=3")

    failed = {name for name, word in ran.words.items() if "passed" != word}
    assert {"test_assert_in_a_kernel", "test_too_much"} == failed, ran
    assert 13 == len(ran.outcomes)
    assert "has left CUDA unusable" in ran.output


@needs_torch
def test_cuda_that_a_conftest_starts(suite: MakeSuite):
    """It is up in the process that collects, which is not forked then: all tests run, with a warning."""
    conftest = "import torch\ntorch.ones(1, device='cuda')\n"
    text = "import pytest, torch\n@pytest.mark.hw(gpu=1)\n@pytest.mark.parametrize('n', range(4))\n"
    text += "def test_it(n): assert torch.ones(1, device='cuda').item() == 1\n"

    ran = suite("one", text, **{"conftest.py": conftest}).run("--dist-hw", "--hw-workers=2")

    assert 0 == ran.exit_code, ran
    assert 4 == len(ran.outcomes)


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs ``disttest`` and gives what it printed."""

    def run(*arguments: str) -> str:
        program = "import sys; from pytest_disttest.cli import main; sys.exit(main())"
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "COLUMNS": "160"}
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        whole = [sys.executable, "-c", program, *arguments]
        return subprocess.check_output(whole, cwd=tmp_path, env=environment, text=True, timeout=60)

    return run


def test_the_command_verifies(command: Callable[..., str]):
    """``disttest probe --verify`` shows the GPU, and that it calculates."""
    told = json.loads(command("probe", "--verify", "--json"))

    (row,) = (row for row in told["probes"] if row["name"] == "nvidia")
    assert ("ok", "verified") == (row["status"], row["level"])
    assert GPUS[0]["facts"]["gpu.device-name"] in command("probe")
