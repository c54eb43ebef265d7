"""What the host itself is: on recorded machines, and on this one beside independent witnesses."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.recorded import laid_out, probed, text_of

from pytest_disttest.needs.vocabulary import key_of
from pytest_disttest.worker.facts import processors
from pytest_disttest.worker.machine import affinity
from pytest_disttest.worker.probes import cpu, disk, memory, network, python, system, usb
from pytest_disttest.worker.probes.finding import here

GIB = 1 << 30


def facts(name: str, tmp_path: Path) -> dict[str, Any]:
    """Return the facts of a recorded machine."""
    told: dict[str, Any] = probed(laid_out(text_of(name), tmp_path))["facts"]
    return told


def test_a_bare_virtual_machine(tmp_path: Path):
    """All that is told of a machine with nothing in it, and nothing more."""
    profile = probed(laid_out(text_of("bare-vm"), tmp_path))

    assert {
        "os": "linux",
        "os.name": "debian",
        "os.version": "12",
        "kernel": "6.1.0-13-amd64",
        "arch": "x86_64",
        "hostname": "recorded",
        "iommu.is-supported": False,
        "virtualization.is-virtualized": True,
        "cpu.processors": 2,
        "cpu.cores": 2,
        "cpu.sockets": 1,
        "cpu.threads-per-core": 1,
        "cpu.numa-nodes": 1,
        "cpu.model-name": "AMD EPYC",
        "cpu.vendor-name": "AuthenticAMD",
        "cpu.family": 25,
        "cpu.model": 17,
        "cpu.stepping": 1,
        "cpu.level": ("x86_64_v3", "x86_64_v2", "x86_64_v1"),
        "cpu.microarch": ("x86_64_v3", "x86_64_v2", "x86_64_v1"),
        "memory": 24684084 * 1024,
        "pci.device": ("1af4:1041", "8086:0d57"),
    } == {key: value for key, value in profile["facts"].items() if key != "cpu.flag"}
    assert {"boot.method", "virtualization.hypervisor", "network.speed"} <= set(profile["unknown"])
    assert [] == profile["devices"] == profile["degraded"]


def test_a_server(tmp_path: Path):
    """Firmware, TPM, IOMMU and network of a machine that is none of a hypervisor's."""
    told = facts("hopper", tmp_path)

    assert ("uefi", "2.0", True, False, 100000) == (
        *(told[key] for key in ("boot.method", "tpm.version", "iommu.is-supported")),
        told["virtualization.is-virtualized"],
        told["network.speed"],
    )


def test_a_raspberry_pi(tmp_path: Path):
    """ARM's processors are named by their maker's number, and the board by its device tree."""
    told = facts("raspberry-pi", tmp_path)

    assert ("aarch64", 4, 4, "ARM", 0xD08, "Raspberry Pi 4 Model B Rev 1.4") == (
        *(told[f"{key}"] for key in ("arch", "cpu.processors", "cpu.cores", "cpu.vendor-name", "cpu.model")),
        told["cpu.model-name"],
    )
    assert "cpu.level" not in told
    assert ("1d6b:0002", "2109:3431") == told["usb.device"]
    assert ("asimd", "cpuid", "crc32", "evtstrm", "fp") == told["cpu.flag"]


def test_a_mac(tmp_path: Path):
    """Where there is no /proc, sysctl tells."""
    told = facts("mac", tmp_path)

    assert ("macos", "15.3.1", 8, 8, "Apple M2", 16 * GIB) == (
        *(told[key] for key in ("os", "os.version", "cpu.processors", "cpu.cores", "cpu.model-name", "memory")),
    )


@pytest.mark.parametrize(("name", "processors", "size"), [("container-v1", 2, 4 * GIB), ("container-v2", 3, 16 * GIB)])
def test_a_container_has_what_its_cgroups_leave(name: str, processors: int, size: int, tmp_path: Path):
    """Quotas of either hierarchy, its own or a slice's above it, bound what the host offers."""
    told = facts(name, tmp_path)

    assert (processors, size) == (told["cpu.processors"], told["memory"])


@given(
    affinity=st.integers(1, 64),
    there=st.integers(1, 64),
    quota_us=st.one_of(st.just("max"), st.integers(1000, 6_400_000).map(str)),
)
def test_no_more_processors_than_any_limit(affinity: int, there: int, quota_us: str, tmp_path_factory: Any):
    """The count is the least of what is there, the affinity and the quota, and at least one."""
    text = (
        f"@affinity {affinity}\n/sys/devices/system/cpu/online = 0-{there - 1}\n"
        f"/proc/self/cgroup = 0::/a\n/sys/fs/cgroup/a/cpu.max = {quota_us} 100000\n"
    )
    told = cpu.probe(laid_out(text, tmp_path_factory.mktemp("cpu"))).facts["cpu.processors"]

    quota = float("inf") if quota_us == "max" else max(1, int(quota_us) // 100000)
    assert told == min(affinity, there, quota)


@given(st.sets(st.sampled_from(" ".join(words for _, words in cpu.LEVELS).split())))
def test_a_level_includes_those_below(flags: set[str]):
    """No level without all flags of it and of every lower one."""
    met = cpu.levels(tuple(flags))

    assert [name for name, _ in reversed(cpu.LEVELS[: len(met)])] == list(met)
    for name, words in cpu.LEVELS:
        if name in met:
            assert set(words.split()) <= flags


def test_levels_agree_with_archspec():
    """Our reading of this processor's flags and archspec's are the same."""
    if platform.machine() != "x86_64":
        pytest.skip("levels are x86-64's")
    import archspec.cpu

    told = cpu.probe(here()).facts
    host = archspec.cpu.host()
    family = {host.name, *(ancestor.name for ancestor in host.ancestors)}
    levels = {name.replace("_v1", "") for name in told["cpu.level"]}

    assert {name for name in family if name.startswith("x86_64")} == levels
    assert host.name == told["cpu.microarch"][0]


def test_this_machines_memory_is_what_psutil_says():
    """Total memory, unless a cgroup leaves less."""
    told = memory.probe(here()).facts["memory"]

    assert told <= psutil.virtual_memory().total
    assert told == psutil.virtual_memory().total or _limited_memory()


def _limited_memory() -> bool:
    return any(
        Path(path).is_file() and Path(path).read_text().strip() != "max"
        for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    )


def test_this_machines_processors_are_what_others_say():
    """No more than the affinity, and not more cores than psutil sees."""
    told = cpu.probe(here()).facts

    assert 1 <= told["cpu.processors"] <= len(os.sched_getaffinity(0))
    assert told["cpu.cores"] <= (psutil.cpu_count(logical=False) or told["cpu.processors"])
    if shutil.which("nproc"):
        assert told["cpu.processors"] <= int(subprocess.check_output(["nproc"]))


def test_a_host_greets_with_the_processors_that_its_probe_finds():
    """What it says of itself unasked is bound by quotas, too."""
    assert cpu.probe(here()).facts["cpu.processors"] == processors() <= affinity()


def test_a_quota_of_this_processs_own_group_counts(tmp_path: Path):
    """Put into a group of a processor and a half, a fresh interpreter says one."""
    with _group_of(1.5, tmp_path) as enter:
        script = "from pytest_disttest.worker.facts import processors; print(processors())"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", script]
        told = subprocess.check_output(command, env=environment, preexec_fn=enter, text=True)

    assert "1" == told.strip()


@contextlib.contextmanager
def _group_of(share: float, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Yield what puts a process into a new group with *share* processors; skips where we may make none."""
    first, second = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
    mount = first if (first / "cpu.cfs_quota_us").exists() else second
    group = mount / f"disttest-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as fault:
        pytest.skip(f"no group can be made here: {fault}")
    try:
        try:
            if mount == first:
                (group / "cpu.cfs_period_us").write_text("100000")
                (group / "cpu.cfs_quota_us").write_text(str(int(share * 100000)))
            else:
                (group / "cpu.max").write_text(f"{int(share * 100000)} 100000")
        except OSError as fault:
            pytest.skip(f"no quota can be set here: {fault}")
        yield lambda: (group / "cgroup.procs").write_text(str(os.getpid())) and None
    finally:
        group.rmdir()


def test_this_machines_system_is_what_uname_says():
    """Kernel, architecture and host name."""
    told = system.probe(here()).facts

    assert (platform.release(), platform.node()) == (told["kernel"], told["hostname"])
    assert told["arch"] == {"arm64": "aarch64"}.get(platform.machine(), platform.machine())


def test_this_machines_disk_is_what_psutil_says(tmp_path: Path):
    """The file system below a directory, also where the directory is not there yet."""
    usage = psutil.disk_usage(str(tmp_path))
    told = disk.probe(here(str(tmp_path / "not" / "yet"))).facts

    assert usage.total == told["disk.size"]
    assert abs(usage.free - told["disk.free"]) < usage.total // 20  # others write meanwhile


def test_this_machines_links_are_those_that_psutil_sees():
    """A speed is that of one of the links that are up."""
    told = network.probe(here()).facts.get("network.speed")
    speeds = {each.speed for each in psutil.net_if_stats().values() if each.isup and each.speed}

    assert told is None or told in speeds


def test_nothing_by_usb_is_absent(tmp_path: Path):
    """A machine without USB has no devices there, which is not the same as not knowing."""
    assert "absent" == usb.probe(laid_out("", tmp_path)).status


def test_packages_are_those_that_importlib_finds():
    """Names of directories tell the same versions as the metadata in them."""
    from importlib.metadata import distributions

    told = python.probe(here()).facts
    expected: dict[str, str] = {}
    for each in distributions():
        expected.setdefault(f"package.{python.normal_name(each.metadata['Name'])}", each.version)

    assert expected == {key: value for key, value in told.items() if key.startswith("package.")}
    assert platform.python_version() == told["python.version"]


def test_a_checkout_installed_the_old_way_tells_its_version(tmp_path: Path):
    """An .egg-info directory without a version in its name is read."""
    tmp_path.joinpath("My_Thing.egg-info").mkdir()
    tmp_path.joinpath("My_Thing.egg-info", "PKG-INFO").write_text("Metadata-Version: 2.1\nName: My_Thing\nVersion: 3\n")
    tmp_path.joinpath("other-1.5.dist-info").mkdir()
    tmp_path.joinpath("broken.egg-info").mkdir()

    assert {"my-thing": "3", "other": "1.5"} == python.packages([str(tmp_path), str(tmp_path / "nowhere")])


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (Path(__file__).parent / "recorded").glob("*.tree")), ids=str
)
def test_every_key_is_of_the_vocabulary(name: str, tmp_path: Path):
    """Probes speak the words that tests ask in, and give values that can be compared."""
    profile = probed(laid_out(text_of(name), tmp_path))
    told = [("host", profile["facts"])]
    told += [(each["kind"], each["facts"]) for each in profile["devices"]]

    for owner, facts in told:
        for key, value in facts.items():
            known = key_of(key)
            assert known is not None, key
            assert known.owner == owner
            assert isinstance(value, _types(known.kind)), (key, value)


def _types(kind: str) -> tuple[type, ...]:
    return {
        "number": (int, float),
        "size": (int,),
        "version": (str,),
        "text": (str,),
        "set": (tuple,),
        "level": (tuple,),
        "flag": (bool,),
    }[kind]
