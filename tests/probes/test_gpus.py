"""GPUs on recorded machines, and what NVML's many states come to."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.nvml import H100, MIB, Nvml, error, gpu, second
from rigs.recorded import laid_out, probed, text_of

from pytest_disttest.worker import cuda as driver
from pytest_disttest.worker.probes import amd, cuda, gpu_use, nvidia, nvml, vulkan
from pytest_disttest.worker.probes.finding import Finding, Place

AST = "ast only drives a display: it offers no render node"


def hopper(tmp_path: Path, library: Nvml) -> dict[str, Any]:
    """Return the recorded server's profile with *library* in the place of NVML."""
    place = laid_out(text_of("hopper"), tmp_path)
    return probed(place, instead={"nvidia": lambda: nvml.read(library)})


def faults(profile: dict[str, Any]) -> dict[str, str]:
    """Return the fault of each device by its address."""
    return {device["address"]: device["fault"] for device in profile["devices"]}


def test_what_nvml_and_pci_say_of_one_gpu_is_one_device(tmp_path: Path):
    """Two H100 are two devices with all their facts; a board's display is no GPU to use."""
    profile = hopper(tmp_path, Nvml(gpu(), second()))

    assert {"0000:02:00.0": AST, "0000:19:00.0": "", "0000:3b:00.0": ""} == faults(profile)
    assert [] == profile["degraded"]
    device = profile["devices"][1]
    assert H100["UUID"] == device["id"]
    assert {
        "gpu.vendor": "10de",
        "gpu.vendor-name": "NVIDIA",
        "gpu.device": "2330",
        "gpu.device-name": "NVIDIA H100 80GB HBM3",
        "gpu.driver": "nvidia",
        "gpu.driver-version": "550.127.05",
        "gpu.cuda": "12.4",
        "gpu.compute-capability": "9.0",
        "gpu.architecture": "hopper",
        "gpu.memory": 81559 * MIB,
        "gpu.mig": False,
        "gpu.ecc": True,
        "gpu.uuid": H100["UUID"],
        "gpu.address": "0000:19:00.0",
        "gpu.kind": "discrete",
        "gpu.api": ("cuda",),
    } == device["facts"]
    assert {} == device["unknown"]


def test_a_gpu_that_nvml_does_not_list_makes_the_host_degraded(tmp_path: Path):
    """PCI shows two, NVML one: the other has a fault, the host a reason, and the first still counts."""
    profile = hopper(tmp_path, Nvml(gpu()))

    assert {"0000:02:00.0": AST, "0000:19:00.0": "", "0000:3b:00.0": "NVML does not list it"} == faults(profile)
    assert ["PCI shows 2 GPUs with NVIDIA's driver, NVML 1: 0000:3b:00.0 is missing"] == profile["degraded"]


GIVEN = """/proc/driver/nvidia/gpus/0000:19:00.0/information <<
Model: 		 NVIDIA H100 80GB HBM3
Device Minor: 	 0
>>
/dev/nvidia0
"""
NOT_GIVEN = """/proc/driver/nvidia/gpus/0000:3b:00.0/information <<
Device Minor: 	 1
>>
"""


@pytest.mark.parametrize("more", ["", NOT_GIVEN])
def test_a_gpu_that_a_container_was_not_given_is_no_contradiction(more: str, tmp_path: Path):
    """/sys shows a container the machine's GPUs, NVML those that it was given: nothing is wrong with it."""
    place = laid_out(text_of("hopper") + GIVEN + more, tmp_path)
    finding = nvml.read(Nvml(gpu()))._replace(marks={"withheld": nvidia.withheld(place)})
    profile = probed(place, instead={"nvidia": lambda: finding})

    assert "it was not passed into this container" == faults(profile)["0000:3b:00.0"]
    assert ("", []) == (faults(profile)["0000:19:00.0"], profile["degraded"])


def test_a_lost_gpu_is_told_apart(tmp_path: Path):
    """NVML lists it and cannot open it: GPU is lost."""
    profile = hopper(tmp_path, Nvml(gpu(), error(15)))

    assert "NVML does not list it" == faults(profile)["0000:3b:00.0"]
    assert "nvidia: NVML's GPU 1: the GPU is lost: it has fallen off the bus" == profile["degraded"][0]


def test_a_gpu_that_is_lost_while_it_is_asked_has_a_fault(tmp_path: Path):
    """The handle was there, the memory no more."""
    profile = hopper(tmp_path, Nvml(gpu(), second(MemoryInfo=error(15))))
    device = profile["devices"][2]

    assert "the GPU is lost: it has fallen off the bus" == device["fault"]
    assert "gpu.api" not in device["facts"]


def test_in_windows_subsystem_for_linux_nvml_alone_tells(tmp_path: Path):
    """The bus shows a paravirtual display there; that NVML knows more is no contradiction."""
    place = laid_out("pci 0001:00:00.0 class=030200 vendor=1414 device=008e driver=dxgkrnl\n", tmp_path)
    profile = probed(place, instead={"nvidia": lambda: nvml.read(Nvml(gpu()))})

    assert nvidia.shows(place)
    assert [] == profile["degraded"]
    assert [H100["UUID"]] == [device["id"] for device in profile["devices"] if not device["fault"]]


def test_a_gpu_that_only_nvml_sees_is_a_contradiction(tmp_path: Path):
    """NVML lists more than the bus shows."""
    odd = gpu(UUID="GPU-odd", PciInfo=type(H100["PciInfo"])(busId="00000000:5E:00.0", pciDeviceId=0x233010DE))
    profile = hopper(tmp_path, Nvml(gpu(), second(), odd))

    assert ["NVML lists 3 GPUs, but PCI does not show GPU-odd"] == profile["degraded"]


@pytest.mark.parametrize(
    ("number", "status", "why"),
    [
        (12, "absent", "NVML library not found"),
        (9, "absent", "the NVIDIA driver is not loaded"),
        (18, "unknown", "driver and library do not match: was the driver updated without a reboot?"),
        (4, "denied", "denied: NVML does not let this user ask"),
        (999, "unknown", "NVML: Unknown Error"),
    ],
)
def test_every_state_of_nvml_is_the_fault_of_the_gpus(number: int, status: str, why: str, tmp_path: Path):
    """GPUs that PCI shows and whose library does not answer do not count, and say why."""
    profile = hopper(tmp_path, Nvml(init=error(number)))

    assert status == profile["findings"]["nvidia"].status
    assert {"0000:02:00.0": AST, "0000:19:00.0": why, "0000:3b:00.0": why} == faults(profile)


@given(st.sets(st.sampled_from(sorted(H100))), st.sampled_from([2, 3, 13, 999]))
def test_each_field_fails_on_its_own(fields: set[str], number: int):
    """Whatever fields a GPU does not support, the others are told, and each of those says why it is not."""
    finding = nvml.read(Nvml(gpu(**dict.fromkeys(fields, error(number)))))
    (device,) = finding.devices

    assert ("ok", "") == (finding.status, device["fault"])
    assert not set(device["facts"]) & set(device["unknown"])
    assert ("gpu.memory" in device["unknown"]) == ("MemoryInfo" in fields)
    assert ("gpu.memory" in device["facts"]) == ("MemoryInfo" not in fields)
    asked = {"gpu.uuid", "gpu.device-name", "gpu.memory", "gpu.compute-capability", "gpu.architecture"}
    assert asked <= {*device["facts"], *device["unknown"]}


def test_old_bindings_give_bytes():
    """Text is text whatever release of nvidia-ml-py is installed."""
    (device,) = nvml.read(Nvml(gpu(UUID=b"GPU-1", Name=b"Tesla T4"), driver=b"470.1")).devices
    facts = device["facts"]

    assert ("GPU-1", "Tesla T4", "470.1") == (device["id"], facts["gpu.device-name"], facts["gpu.driver-version"])


def test_the_real_library_finds_no_driver_here():
    """nvidia-ml-py itself, on a machine without a driver, is an answer and no error."""
    library = nvml.library()
    assert library is not None, "nvidia-ml-py is one of our dependencies"
    finding = nvml.read(library)

    assert (finding.status, finding.why) in {("absent", "NVML library not found"), ("ok", "")}


SMI = """$ nvidia-smi -q -x <<
<?xml version="1.0" ?>
<nvidia_smi_log>
  <driver_version>550.127.05</driver_version>
  <cuda_version>12.4</cuda_version>
  <gpu id="00000000:19:00.0">
    <product_name>NVIDIA H100 80GB HBM3</product_name>
    <product_architecture>Hopper</product_architecture>
    <uuid>GPU-aa</uuid>
    <mig_mode><current_mig>Enabled</current_mig></mig_mode>
    <ecc_mode><current_ecc>N/A</current_ecc></ecc_mode>
    <fb_memory_usage><total>81559 MiB</total></fb_memory_usage>
  </gpu>
  <gpu id="00000000:3B:00.0">
    <product_name>NVIDIA H100 80GB HBM3</product_name>
    <product_architecture>Hopper</product_architecture>
    <uuid>GPU-bb</uuid>
    <fb_memory_usage><total>GPU is lost</total></fb_memory_usage>
  </gpu>
</nvidia_smi_log>
>>
"""


def test_nvidia_smi_answers_where_the_bindings_are_not_installed(tmp_path: Path):
    """A host needs only Python and its driver: the driver's own program tells nearly as much."""
    profile = probed(laid_out(text_of("hopper") + SMI, tmp_path))
    first, lost = profile["devices"][1:]

    assert ("GPU-aa", 81559 * MIB, "hopper", True, "12.4") == (
        first["id"],
        *(first["facts"][key] for key in ("gpu.memory", "gpu.architecture", "gpu.mig", "gpu.cuda")),
    )
    assert "not supported" == first["unknown"]["gpu.ecc"]
    assert "the GPU is lost: it has fallen off the bus" == lost["fault"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("exit 9\nNVIDIA-SMI has failed because it couldn't communicate", "the NVIDIA driver is not loaded"),
        ("exit 255\nsomething new", "something new"),
        ("<nvidia_smi_log>", "nvidia-smi -q -x printed no XML: "),
        (None, "NVML library not found: neither nvidia-ml-py nor nvidia-smi is there"),
    ],
)
def test_a_failing_nvidia_smi_is_told(said: str | None, why: str, tmp_path: Path):
    """Its exit code is NVML's, whatever it prints."""
    text = text_of("hopper") + (f"$ nvidia-smi -q -x <<\n{said}\n>>\n" if said else "")
    profile = probed(laid_out(text, tmp_path))

    assert profile["devices"][1]["fault"].startswith(why)


def test_a_recorded_h200(tmp_path: Path):
    """What a real one was seen to say: by nvidia-smi as recorded, and by NVML with the values that it gave there."""
    where = SimpleNamespace(busId="00000000:00:06.0", pciDeviceId=0x233510DE)
    memory = SimpleNamespace(total=150754820096, free=150109880320, used=644939776)
    uuid = "GPU-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
    card = gpu(UUID=uuid, Name="NVIDIA H200", MemoryInfo=memory, PciInfo=where, ComputeRunningProcesses=[])
    library = Nvml(card, driver="580.159.04", cuda=13000)
    place = laid_out(text_of("h200-vm"), tmp_path)

    by_smi = probed(place)
    by_nvml = probed(place, instead={"nvidia": lambda: nvml.read(library)})

    for profile in (by_smi, by_nvml):
        assert ([], [uuid]) == (profile["degraded"], [device["id"] for device in profile["devices"]])
        assert {"0000:00:06.0": ""} == faults(profile)
    facts = by_nvml["devices"][0]["facts"]
    assert ("9.0", "2335") == (facts.pop("gpu.compute-capability"), facts["gpu.device"])
    assert facts == by_smi["devices"][0]["facts"]
    assert (150754820096, "13.0", "hopper", False, True) == tuple(
        facts[f"gpu.{key}"] for key in ("memory", "cuda", "architecture", "mig", "ecc")
    )


def test_what_a_gpu_is_used_for_is_read_now():
    """Free memory and processes, by the device's id."""
    told = {"memory_free": 80000 * MIB, "processes": [4711], "memory_of": {4711: 1000 * MIB}}
    assert {H100["UUID"]: told} == gpu_use.nvml_use(Nvml(gpu()))
    told.pop("memory_free")
    assert {H100["UUID"]: told} == gpu_use.nvml_use(Nvml(gpu(MemoryInfo=error(3))))


@pytest.mark.parametrize(
    ("free", "needed", "own", "short"),
    [
        (80000, 79000, 0, False),
        (79000, 81559, 0, False),  # all of it: what drivers keep for themselves is no shortage
        (3000, 16000, 0, True),
        (3000, 16000, 14000, False),  # this process has the rest, and will go on with it
        (3000, 0, 0, False),
    ],
)
def test_a_gpu_whose_memory_others_have_is_told(
    free: int, needed: int, own: int, short: bool, monkeypatch: pytest.MonkeyPatch
):
    """Of what a test asks for nearly all must be free just now; who has it is said."""
    running = [SimpleNamespace(pid=4711, usedGpuMemory=9), SimpleNamespace(pid=os.getpid(), usedGpuMemory=own * MIB)]
    memory = SimpleNamespace(total=81559 * MIB, free=free * MIB, used=0)
    library = Nvml(gpu(MemoryInfo=memory, ComputeRunningProcesses=running))
    monkeypatch.setattr(nvml, "library", lambda: library)
    monkeypatch.setattr(nvidia, "shows", lambda place: True)

    why = gpu_use.shortage({H100["UUID"]: (needed * MIB, 81559 * MIB)}, Place())

    name = H100["UUID"]
    assert why == (f"gpu {name} has 3000 MiB free, 16000 MiB are asked for, process 4711 uses it" if short else "")
    assert "" == gpu_use.shortage({"another": (needed * MIB, 81559 * MIB)}, Place())


HIDDEN = "CUDA_VISIBLE_DEVICES=1 hides it"


@pytest.mark.parametrize(
    ("shows", "environment", "verify", "faults_told", "level"),
    [
        ((0, 1), {}, True, ["", ""], "verified"),
        ((1,), {"CUDA_VISIBLE_DEVICES": "1"}, False, [HIDDEN, ""], "usable"),
        ((1,), {"CUDA_VISIBLE_DEVICES": "1"}, True, [HIDDEN, ""], "verified"),
        ((1,), {}, True, ["CUDA does not show it", ""], "verified"),
        ((), {}, True, ["CUDA_ERROR_X"] * 2, "usable"),
    ],
)
def test_what_cuda_says_counts(
    shows: tuple[int, ...],
    environment: dict[str, str],
    verify: bool,
    faults_told: list[str],
    level: str,
    monkeypatch: pytest.MonkeyPatch,
):
    """A GPU that CUDA does not show a process of this host is of no use to its tests."""
    uuids = [H100["UUID"], second()["UUID"]]
    shown = cuda.Shown({uuids[number]: number for number in shows}, "" if shows else "CUDA_ERROR_X")
    monkeypatch.setattr(cuda, "wrong", lambda driver, device: "")

    found = nvidia.looked_at(nvml.read(Nvml(gpu(), second())), shown, Place(environment=environment, verify=verify))

    assert (faults_told, level) == ([device["fault"] for device in found.devices], found.level)
    assert [not fault for fault in faults_told] == ["gpu.api" in device["facts"] for device in found.devices]


def test_a_gpu_that_gives_wrong_numbers_is_of_no_use(monkeypatch: pytest.MonkeyPatch):
    """It is asked only where that is wanted."""
    monkeypatch.setattr(cuda, "_calculated", lambda driver, device: [7, 8, 12, 16])
    shown, found = cuda.Shown({H100["UUID"]: 0}), nvml.read(Nvml(gpu()))

    (bad,) = nvidia.looked_at(found, shown, Place(verify=True)).devices
    (unasked,) = nvidia.looked_at(found, shown, Place()).devices

    assert ("1 of 4 numbers that it calculated are wrong", "") == (bad["fault"], unasked["fault"])


def test_without_its_library_cuda_shows_nothing(monkeypatch: pytest.MonkeyPatch):
    """The answer says so."""
    monkeypatch.setattr(driver, "LIBRARY", "libcuda-that-is-nowhere.so.1")

    assert {} == cuda.shown({}).devices
    assert cuda.shown({}).why.startswith("CUDA's driver library cannot be loaded: libcuda-that-is-nowhere")


def test_amds_compute_cards_are_gpus(tmp_path: Path):
    """PCI class, DRM and KFD together tell all there is without a library."""
    place = laid_out(text_of("instinct"), tmp_path)
    profile = probed(place)

    assert ["GPU-1a2b3c4d5e6f7081", "GPU-2a2b3c4d5e6f7082"] == [device["id"] for device in profile["devices"]]
    assert {
        "gpu.vendor": "1002",
        "gpu.vendor-name": "AMD",
        "gpu.device": "74a1",
        "gpu.device-name": "AMD Instinct MI300X OAM",
        "gpu.driver": "amdgpu",
        "gpu.driver-version": "6.8.5",
        "gpu.memory": 206141652992,
        "gpu.uuid": "GPU-1a2b3c4d5e6f7081",
        "gpu.architecture": "gfx942",
        "gpu.kind": "discrete",
        "gpu.address": "0000:05:00.0",
        "gpu.api": ("rocm",),
    } == profile["devices"][0]["facts"]
    use = gpu_use.probe(place).marks["devices"]
    assert {"GPU-1a2b3c4d5e6f7081": {"memory_free": 206140604416}} == use


@given(st.tuples(st.integers(6, 12), st.integers(0, 15), st.integers(0, 15)))
def test_the_name_of_an_architecture_is_the_compilers(parts: tuple[int, int, int]):
    """KFD's decimal packing and LLVM's name say the same."""
    major, minor, step = parts

    assert f"gfx{major}{minor:x}{step:x}" == amd.architecture(major * 10000 + minor * 100 + step)


def test_an_integrated_and_a_discrete_gpu_of_intels(tmp_path: Path):
    """Which one shares the processor's memory is seen by its place, and the other's memory is told."""
    gpus = [each for each in probed(laid_out(text_of("arc-laptop"), tmp_path))["devices"] if each["kind"] == "gpu"]
    told = [(each["facts"]["gpu.kind"], each["facts"].get("gpu.memory"), each["fault"]) for each in gpus]

    assert [("integrated", None, ""), ("discrete", 17079205888, "")] == told
    assert "it shares the processor's" == gpus[0]["unknown"]["gpu.memory"]
    assert ["Meteor Lake-P [Intel Arc Graphics]", "DG2 [Arc A770]"] == [
        each["facts"]["gpu.device-name"] for each in gpus
    ]
    assert ("level-zero",) == gpus[0]["facts"]["gpu.api"]


def test_a_render_node_that_is_not_there_is_a_fault(tmp_path: Path):
    """In a container /sys shows the machine's GPU, and /dev what was passed in."""
    text = text_of("arc-laptop").replace("/dev/dri/renderD129\n", "")
    gpus = [each for each in probed(laid_out(text, tmp_path))["devices"] if each["kind"] == "gpu"]

    absent = "/dev/dri/renderD129 is not there: was the device passed into this container?"
    assert ["", absent] == [each["fault"] for each in gpus]


def test_what_a_guest_has_is_not_the_hosts(tmp_path: Path):
    """A GPU that vfio-pci holds is there and of no use, and NVML need not know it."""
    profile = probed(laid_out(text_of("passthrough"), tmp_path))

    assert {"0000:41:00.0": "vfio-pci holds it for a virtual machine"} == faults(profile)
    assert [] == profile["degraded"]


def test_a_gpu_without_a_bus(tmp_path: Path):
    """A Raspberry Pi's GPU is part of the chip."""
    (device,) = probed(laid_out(text_of("raspberry-pi"), tmp_path))["devices"]

    assert ("fec00000.v3d", "") == (device["id"], device["fault"])
    facts = device["facts"]
    assert ("Broadcom", "brcm,2711-v3d", "v3d", "integrated") == (
        *(facts[f"gpu.{word}"] for word in ("vendor-name", "device-name", "driver", "kind")),
    )


def test_the_gpu_of_a_mac(tmp_path: Path):
    """One GPU, of the processor's memory, by Metal."""
    (device,) = probed(laid_out(text_of("mac"), tmp_path))["devices"]

    facts = device["facts"]
    assert ("Apple M2", "integrated", 17179869184, ("metal",)) == (
        *(facts[f"gpu.{word}"] for word in ("device-name", "kind", "memory", "api")),
    )


LLVMPIPE = {"vendor_id": 0x10005, "device_id": 0, "device": "llvmpipe (LLVM 15.0.6, 256 bits)", "adapter_type": "CPU"}
ARC = {"vendor_id": 0x8086, "device_id": 0x56A0, "device": "Intel(R) Arc(tm) A770", "adapter_type": "DiscreteGPU"}


def wgpu(*rows: dict[str, Any]) -> dict[str, Any]:
    """Return vulkan's finding in the place of the probe."""
    return {"vulkan": lambda: vulkan.adapters(list(rows))}


def test_an_adapter_that_knows_no_product_is_no_second_gpu(tmp_path: Path):
    """As an H200 was seen to be listed: by Vulkan with its ids, by OpenGL with its vendor's and another name."""
    rows = [
        {"vendor_id": 0x10DE, "device_id": 0x2330, "device": "NVIDIA H100", "adapter_type": "DiscreteGPU"},
        {"vendor_id": 0x10DE, "device_id": 0, "device": "NVIDIA H100/PCIe/SSE2", "adapter_type": "Unknown"},
    ]
    rows = [{**row, "backend_type": api} for row, api in zip(rows, ("Vulkan", "OpenGL"), strict=True)]
    place = laid_out(text_of("hopper"), tmp_path)
    instead = {**wgpu(*rows), "nvidia": lambda: nvml.read(Nvml(gpu()))}
    gpus = probed(place, instead=instead, leave=("python", "disk", "browser", "opencl"))["devices"]

    (usable,) = (device for device in gpus if not device["fault"])
    assert (H100["UUID"], ("cuda", "vulkan")) == (usable["id"], usable["facts"]["gpu.api"])


def test_an_adapter_is_the_gpu_that_it_drives(tmp_path: Path):
    """Vulkan's view of a GPU adds an API to the device that PCI shows; it is listed once per backend."""
    rows = [{**ARC, "backend_type": "Vulkan"}, {**ARC, "backend_type": "OpenGL"}]
    place = laid_out(text_of("arc-laptop"), tmp_path)
    gpus = probed(place, instead=wgpu(*rows), leave=("python", "disk", "browser", "opencl"))["devices"]

    arc = next(each for each in gpus if each["address"] == "0000:03:00.0")
    assert 3 == len(gpus)
    assert ("level-zero", "vulkan") == arc["facts"]["gpu.api"]


def test_a_rasteriser_in_software_says_so(tmp_path: Path):
    """llvmpipe is one device of the kind that counts only where it is asked for."""
    rows = [{**LLVMPIPE, "backend_type": name} for name in ("Vulkan", "OpenGL")]
    place = laid_out(text_of("bare-vm"), tmp_path)
    (device,) = probed(place, instead=wgpu(*rows), leave=("python", "disk", "browser", "opencl"))["devices"]

    assert ("software", ("vulkan",)) == (device["facts"]["gpu.kind"], device["facts"]["gpu.api"])


def test_a_probe_that_failed_makes_its_family_unknown(tmp_path: Path):
    """Where a vendor's probe died, nobody says that there is no GPU."""
    place = laid_out(text_of("bare-vm"), tmp_path)
    profile = probed(place, instead={"amd": lambda: Finding("amd", "unknown", why="killed by SIGSEGV")})

    assert "amd: killed by SIGSEGV" == profile["unknown"]["gpu"]


def test_a_library_that_prints_and_raises_what_it_likes_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without ROCm amdsmi raises KeyError on import; /sys still answers."""
    tmp_path.joinpath("amdsmi.py").write_text("print('no library')\nraise KeyError('libamd_smi.so')\n")
    monkeypatch.syspath_prepend(tmp_path)
    place = laid_out(text_of("instinct"), tmp_path / "root")._replace(outputs=None)
    finding = amd.probe(place)

    assert ("ok", 2) == (finding.status, len(finding.devices))
    assert ("amdsmi is installed but of no use: KeyError: 'libamd_smi.so'",) == finding.remarks


def test_a_place_of_another_system_has_no_bus():
    """Where there is no /sys, what PCI holds is unknown, not empty."""
    from pytest_disttest.worker.probes import pci

    assert "unknown" == pci.probe(Place(system="freebsd")).status
