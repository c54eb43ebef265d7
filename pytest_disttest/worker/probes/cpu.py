"""The processors: how many this process may use, what they are, and what they can do.

Linux: Documentation/ABI/stable/sysfs-devices-system-cpu; x86-64 levels: System V ABI for AMD64, section 3.1.1.
"""

from __future__ import annotations

from typing import Any

from pytest_disttest.worker.probes import cgroups
from pytest_disttest.worker.probes.finding import Facts, Finding, Place

MOST = 1 << 16
"""No kernel is built for more processors."""
CPUS = "/sys/devices/system/cpu"
LEVELS = (
    ("x86_64_v1", "cx8 cmov fpu fxsr mmx syscall sse sse2"),
    ("x86_64_v2", "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"),
    ("x86_64_v3", "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
    ("x86_64_v4", "avx512f avx512bw avx512cd avx512dq avx512vl"),
)
"""What each level adds, in the kernel's words (``pni`` is SSE3, ``abm`` is LZCNT)."""
ARM_VENDORS = {"0x41": "ARM", "0x42": "Broadcom", "0x43": "Cavium", "0x46": "Fujitsu", "0x48": "HiSilicon",
               "0x4e": "NVIDIA", "0x51": "Qualcomm", "0x61": "Apple", "0xc0": "Ampere"}  # fmt: skip


def probe(place: Place) -> Finding:
    """Return the facts ``cpu.*``: counts are what is left under affinity and quotas, never more than there is."""
    if place.system != "linux":
        return _elsewhere(place)
    first = _first_block(place.text("/proc/cpuinfo"))
    flags = tuple(sorted((first.get("flags") or first.get("Features") or "").split()))
    facts: Facts = _counts(place) | {
        "cpu.model-name": first.get("model name") or place.text("/proc/device-tree/model"),
        "cpu.vendor-name": first.get("vendor_id") or ARM_VENDORS.get(first.get("CPU implementer", "").lower(), ""),
        "cpu.family": _number(first.get("cpu family", "")),
        "cpu.model": _number(first.get("model", "")) if "vendor_id" in first else _number(first.get("CPU part", "")),
        "cpu.stepping": _number(first.get("stepping", "") or first.get("CPU revision", "")),
        "cpu.flag": flags,
        "cpu.level": levels(flags) if place.machine == "x86_64" else (),
    }
    unknown = {}
    microarch = _microarch(place) or facts["cpu.level"]
    if microarch:
        facts["cpu.microarch"] = microarch
    else:
        unknown["cpu.microarch"] = "archspec, which knows their names, is not installed on this host"
    named = {key: value for key, value in facts.items() if value not in (None, "", ())}
    return Finding("cpu", level="usable", source="/proc/cpuinfo, /sys, cgroups", facts=named, unknown=unknown)


def levels(flags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the levels of x86-64 that a processor with *flags* meets, the highest first."""
    met: list[str] = []
    for name, needed in LEVELS:
        if not set(needed.split()) <= set(flags):
            break
        met.insert(0, name)
    return tuple(met)


def _counts(place: Place) -> Facts:
    online = [f"{CPUS}/cpu{number}/topology" for number in _listed(place.text(f"{CPUS}/online"))]
    packages = {place.text(f"{cpu}/physical_package_id") for cpu in online} - {""}
    cores = {(place.text(f"{cpu}/physical_package_id"), place.text(f"{cpu}/core_id")) for cpu in online}
    physical = len(cores) if packages else 0
    there = len(online) or place.text("/proc/cpuinfo").count("processor\t:")
    quota = cgroups.processors(place)
    limits = [there, place.affinity, int(quota) or 1 if quota is not None else 0]
    allowed = min([limit for limit in limits if limit] or [1])
    facts: Facts = {"cpu.processors": allowed}
    if physical:
        facts |= {
            "cpu.cores": min(physical, allowed),
            "cpu.sockets": len(packages),
            "cpu.threads-per-core": max(1, there // physical),
        }
    facts["cpu.numa-nodes"] = len(_listed(place.text("/sys/devices/system/node/online"))) or None
    return facts


def _listed(text: str) -> tuple[int, ...]:
    """Return the numbers of the kernel's list format: ``0-3,8``."""
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        low, _, high = part.partition("-")
        if low.isdecimal() and (high or low).isdecimal():
            numbers += range(int(low), min(int(high or low), MOST) + 1)
    return tuple(numbers)


def _first_block(cpuinfo: str) -> dict[str, str]:
    words = {}
    for line in cpuinfo.split("\n\n", 1)[0].splitlines():
        key, _, value = line.partition(":")
        words[key.strip()] = value.strip()
    return words


def _number(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None


def _microarch(place: Place) -> tuple[str, ...]:
    """Return the processor's microarchitecture and all it descends from, itself first; () where nobody knows."""
    if place.root != "/":
        return ()  # archspec asks the machine it runs on
    try:
        import archspec.cpu

        host: Any = archspec.cpu.host()
        return (str(host.name), *(str(ancestor.name) for ancestor in host.ancestors))
    except Exception:  # whatever it does not know
        return ()


def _elsewhere(place: Place) -> Finding:
    """Where there is no /proc: macOS and the BSDs have sysctl(8)."""
    names = {"cpu.processors": "hw.logicalcpu", "cpu.cores": "hw.physicalcpu", "cpu.sockets": "hw.packages"}
    facts: Facts = {}
    for key, name in names.items():
        told = _number(place.run("sysctl", "-n", name)[1])
        if told is not None and told > 0:
            facts[key] = told
    facts.setdefault("cpu.processors", place.affinity or 1)
    code, brand = place.run("sysctl", "-n", "machdep.cpu.brand_string")
    if not code:
        facts["cpu.model-name"] = brand
    return Finding("cpu", level="usable", source="sysctl", facts=facts)
