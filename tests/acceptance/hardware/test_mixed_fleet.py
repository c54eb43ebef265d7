"""Eight simulated hosts and three real ones run a suite in which every kind of requirement occurs.

What each test needs is written down a second time, as plain Python over the facts in the store, so that the matcher is
not its own judge.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from acceptance.hardware.conftest import Lab, gpu, host
from rigs.sshd import SshHost

MakeLab = Callable[..., Lab]
GIB = 1 << 30


class Seen(NamedTuple):
    """A host as the store has it: its own facts, and those of each device."""

    facts: Mapping[str, Any]
    devices: Mapping[str, Mapping[str, Any]]

    def having(self, key: str) -> list[Mapping[str, Any]]:
        """Return the devices that have a fact."""
        return [facts for facts in self.devices.values() if key in facts]


SUITE = """
import pytest
hw = pytest.mark.hw

@hw(os="linux")
def test_os(): pass
@hw(arch="aarch64")
def test_arch(): pass
@hw(cores=16)
def test_cores(): pass
@hw("cpu.flag = amx_tile")
def test_flag(): pass
@hw("cpu.level >= x86_64_v4", "tag = sim")
def test_level(): pass
@hw(memory="256 GiB")
def test_memory(): pass
@hw("disk.free >= 1 TiB")
def test_disk(): pass
@hw("kernel >= 6.9", "tag = sim")
def test_kernel(): pass
@hw("location = basement")
def test_location(): pass
@hw("tag in (rack1, rack2)")
def test_tag(): pass
@hw("hostname ~ ^sim-")
def test_hostname(): pass
@hw(gpu=2)
def test_two_gpus(): pass
@hw(gpu="cuda >= 12.2, memory >= 40 GiB")
def test_cuda(): pass
@hw("gpu.compute-capability >= 9.0", "gpu.vendor-name = NVIDIA", "gpu.driver-version >= 535")
def test_capability(): pass
@hw(gpu="device-name ~ MI300")
def test_name(): pass
@hw("gpu.kind = software")
def test_software(): pass
@hw(gpu=1, share=0.5)
def test_share(): pass
@hw(gpu=1, exclusive="host")
def test_exclusive(): pass
@hw(npu=1)
def test_npu(): pass
@hw("accel.memory >= 16 GiB", tpu=1)
def test_tpu(): pass
@hw(browser="firefox >= 120")
def test_browser(): pass
@hw("webgpu = true", "webgpu.feature = shader-f16")
def test_webgpu(): pass
@hw("webnn.device-type = npu")
def test_webnn(): pass
@hw("resource.jtag >= 1")
def test_resource(): pass
@hw(any_of=["accel.type = npu", "gpu.memory >= 150 GiB"])
def test_any_of(): pass
@hw("accel.count = 0", "gpu.count = 0", "tag = sim")
def test_absent(): pass
@hw("os != linux")
def test_other_os(): pass
@hw(preset="BIG")
def test_preset(): pass
@hw(gpu=1, prefer={"gpu.memory": "max"})
def test_prefer(): pass
@hw(tags="real", memory="1 MiB")
def test_real_memory(): pass
@hw("package.pytest >= 7", tags="real")
def test_real_package(): pass
@hw("python.version >= 3.11", "tag = real", cores=1)
def test_real_python(): pass
@hw("cpu.cores >= 1", "disk.free > 0 B", "tag = real", on="each")
def test_each_real(): pass

@hw(gpu="memory >= 500 GiB")
def test_no_such_gpu(): pass
@hw("cpu.flag = quantum")
def test_no_such_flag(): pass
@hw(gpu="cuda >= 12, device-name ~ MI300")
def test_not_on_one_device(): pass
@hw(tags="real", gpu="memory >= 500 GiB")
def test_no_such_real(): pass
"""

NEEDS: dict[str, Callable[[Seen], bool]] = {
    "test_os": lambda h: h.facts["os"] == "linux",
    "test_arch": lambda h: h.facts["arch"] == "aarch64",
    "test_cores": lambda h: h.facts["cpu.processors"] >= 16,
    "test_flag": lambda h: "amx_tile" in h.facts["cpu.flag"],
    "test_level": lambda h: h.facts["cpu.level"] == "x86_64_v4" and "sim" in h.facts["tag"],
    "test_memory": lambda h: h.facts["memory"] >= 256 * GIB,
    "test_disk": lambda h: h.facts["disk.free"] >= 1024 * GIB,
    "test_kernel": lambda h: tuple(map(int, h.facts["kernel"].split("."))) >= (6, 9) and "sim" in h.facts["tag"],
    "test_location": lambda h: h.facts["location"] == "basement",
    "test_tag": lambda h: bool({"rack1", "rack2"} & {*h.facts["tag"]}),
    "test_hostname": lambda h: h.facts["hostname"].startswith("sim-"),
    "test_two_gpus": lambda h: sum(d["gpu.kind"] != "software" for d in h.having("gpu.kind")) >= 2,
    "test_cuda": lambda h: any(d["gpu.cuda"] >= "12.2" and d["gpu.memory"] >= 40 * GIB for d in h.having("gpu.cuda")),
    "test_capability": lambda h: any(
        float(d["gpu.compute-capability"]) >= 9 and d["gpu.vendor-name"] == "NVIDIA" and d["gpu.driver-version"] > "535"
        for d in h.having("gpu.compute-capability")
    ),
    "test_name": lambda h: any("MI300" in d["gpu.device-name"] for d in h.having("gpu.device-name")),
    "test_software": lambda h: any(d["gpu.kind"] == "software" for d in h.having("gpu.kind")),
    "test_share": lambda h: any(d["gpu.kind"] != "software" for d in h.having("gpu.kind")),
    "test_exclusive": lambda h: any(d["gpu.kind"] != "software" for d in h.having("gpu.kind")),
    "test_npu": lambda h: any(d["accel.type"] == "npu" for d in h.having("accel.type")),
    "test_tpu": lambda h: any(
        d["accel.type"] == "tpu" and d["accel.memory"] >= 16 * GIB for d in h.having("accel.memory")
    ),
    "test_browser": lambda h: any(
        d["browser.name"] == "firefox" and int(d["browser.version"].partition(".")[0]) >= 120
        for d in h.having("browser.name")
    ),
    "test_webgpu": lambda h: any(
        d["webgpu"] and "shader-f16" in d["webgpu.feature"] for d in h.having("webgpu.feature")
    ),
    "test_webnn": lambda h: any("npu" in d["webnn.device-type"] for d in h.having("webnn.device-type")),
    "test_resource": lambda h: h.facts["resource.jtag"] >= 1,
    "test_any_of": lambda h: (
        any(d.get("accel.type") == "npu" for d in h.having("accel.type"))
        or any(d["gpu.memory"] >= 150 * GIB for d in h.having("gpu.memory"))
    ),
    "test_absent": lambda h: (  # a renderer in software is no GPU
        all(d["gpu.kind"] == "software" for d in h.having("gpu.kind"))
        and not h.having("accel.type")
        and "sim" in h.facts["tag"]
    ),
    "test_other_os": lambda h: h.facts["os"] != "linux",
    "test_preset": lambda h: h.facts["cpu.processors"] >= 8 and h.facts["memory"] >= 128 * GIB,
    "test_prefer": lambda h: any(d["gpu.kind"] != "software" for d in h.having("gpu.kind")),
    "test_real_memory": lambda h: "real" in h.facts["tag"] and h.facts["memory"] >= 1 << 20,
    "test_real_package": lambda h: "real" in h.facts["tag"] and int(h.facts["package.pytest"].split(".")[0]) >= 7,
    "test_real_python": lambda h: "real" in h.facts["tag"] and h.facts["python.version"] >= "3.11",
}
NOWHERE = {"test_no_such_gpu", "test_no_such_flag", "test_not_on_one_device", "test_no_such_real"}
REAL = ("local", "host1", "host2")


def nvidia(number: int, memory: str, cuda: str, capability: str) -> dict[str, Any]:
    facts = {
        "gpu.cuda": cuda,
        "gpu.compute-capability": capability,
        "gpu.driver-version": "550.54",
        "gpu.api": ["cuda"],
    }
    return gpu(number, memory, **facts)


def accelerator(kind: str, memory: str) -> dict[str, Any]:
    return {"kind": "accel", "id": f"{kind}-0", "facts": {"accel.type": kind, "accel.memory": memory}}


def simulated() -> dict[str, Any]:
    """Return eight hosts, of which each has something that the others lack."""
    amd = gpu(
        0, "192 GiB", **{"gpu.device-name": "AMD Instinct MI300X", "gpu.vendor-name": "AMD", "gpu.vendor": "1002"}
    )
    drawn = {"kind": "gpu", "id": "llvmpipe", "facts": {"gpu.kind": "software", "gpu.device-name": "llvmpipe"}}
    firefox = {"browser.name": "firefox", "browser.version": "128"}
    chromium = {"browser.name": "chromium", "browser.version": "131", "webgpu": True, "webgpu.feature": ["shader-f16"]}
    browsers = [
        {"kind": "browser", "id": "/usr/bin/firefox", "facts": firefox},
        {"kind": "browser", "id": "/usr/bin/chromium", "facts": chromium},
    ]
    nn = {"browser.name": "chromium", "browser.version": "131", "webnn": True, "webnn.device-type": ["cpu", "npu"]}
    intel = [accelerator("npu", "8 GiB"), {"kind": "browser", "id": "/opt/chromium", "facts": nn}]
    hosts = {
        "hopper": host(nvidia(1, "80 GiB", "12.4", "9.0"), nvidia(2, "80 GiB", "12.4", "9.0")),
        "pascal": host(nvidia(3, "16 GiB", "11.8", "6.1"), tags=("rack1",)),
        "instinct": host(amd),
        "neural": host(*intel),
        "tensor": host(accelerator("tpu", "32 GiB")),
        "screen": host(drawn, *browsers),
        "giant": host(
            memory="512 GiB", cpu_processors=64, cpu_flag=["amx_tile"], cpu_level="x86_64_v4", disk_free="4 TiB",
            kernel="6.12.1", hostname="sim-giant",
        ),
        "pine": host(arch="aarch64", os="freebsd", location="basement", **{"resource.jtag": 1}),
    }  # fmt: skip
    for one in hosts.values():
        one["tags"].append("sim")
    return hosts


@pytest.fixture
def suite(lab: MakeLab) -> Lab:
    made = lab(test_all=SUITE)
    made.simulate(**simulated())
    made.write("disttest.toml", '[presets.BIG]\ncores = 8\nmemory = "128 GiB"\n[hosts.local]\ntags = ["real"]\n')
    return made


def test_each_test_of_a_mixed_fleet_ran_where_it_may_and_each_other_is_explained(
    suite: Lab, ssh_hosts: tuple[SshHost, ...]
):
    """Checked from the store: the host of each attempt has what the test asks for, in facts that were kept."""
    away = [
        f"ssh={one.name};config={one.ssh_config};python={sys.executable};dir={one.directory / 'mixed'};tags=real"
        for one in ssh_hosts
    ]
    hosts = ",".join(["local*1", *(f"{spec};workers=1" for spec in away), *simulated()])

    ran = suite.test(f"--hw-hosts={hosts}", "-rs")

    passed = {name for name, word in ran.words.items() if word == "passed"}
    each = {f"test_each_real[@{name}]" for name in REAL}
    assert ran.exit_code == 0, ran
    assert passed == {*NEEDS, *each}, ran
    assert {name for name, word in ran.words.items() if word == "skipped"} == NOWHERE

    seen = hosts_in(suite)
    ran_on = suite.ran_on()
    assert len(seen) == 11
    assert [name for name, needs in NEEDS.items() if not needs(seen[ran_on[name]])] == []
    assert {name: ran_on[name] for name in each} == {f"test_each_real[@{name}]": name for name in REAL}

    explained = suite.asked("SELECT nodeid, verdict, summary, explanation FROM case_explain WHERE verdict <> 'fits'")
    assert {row[0].rpartition("::")[2] for row in explained} == NOWHERE
    for _, verdict, summary, explanation in explained:
        told = json.loads(explanation)
        assert (verdict, told["hosts"]) == ("unsatisfiable", [])
        assert summary.startswith("0/11 hosts: ")
        assert {row["host"] for row in told["rows"]} == {*simulated(), *REAL}
        assert all(row["code"] for row in told["rows"])


def hosts_in(suite: Lab) -> dict[str, Seen]:
    """Return the hosts of the last run as the store has them."""
    found: dict[str, Seen] = {}
    for name, device, fact, value in suite.asked("SELECT host, device, fact, value FROM host_facts"):
        seen = found.setdefault(name, Seen({}, {}))
        facts = seen.devices.setdefault(device, {}) if device else seen.facts  # type: ignore[attr-defined]
        facts[fact] = json.loads(value)
    return found
