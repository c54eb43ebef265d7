"""The operating system, the kernel, and what machine they run on.

os-release(5); Linux: Documentation/ABI/{stable/sysfs-devices-system-cpu,testing/sysfs-firmware-dmi-entries}.
"""

from __future__ import annotations

import contextlib
import shlex

from pytest_disttest.worker.probes.finding import Facts, Finding, Place

DMI = "/sys/class/dmi/id/"
HYPERVISORS = (
    ("vmware", "vmware"),
    ("virtualbox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("microsoft corporation virtual machine", "microsoft"),
    ("xen", "xen"),
    ("parallels", "parallels"),
    ("bhyve", "bhyve"),
    ("apple virtualization", "apple"),
    ("amazon ec2", "amazon"),
    ("google compute engine", "google"),
    ("kvm", "kvm"),
    ("qemu", "qemu"),
    ("openstack", "kvm"),
)
"""Words in a machine's DMI vendor and product, and the hypervisor they tell of (systemd-detect-virt's names)."""


def probe(place: Place) -> Finding:
    """Return ``os``, ``kernel``, ``arch`` and what lies around them; what cannot be told is absent or unknown."""
    facts: Facts = {"os": place.system, "arch": place.machine, "hostname": place.hostname}
    unknown: dict[str, str] = {}
    if place.system == "linux":
        facts |= _linux(place, unknown)
    elif place.system == "macos":
        facts |= {"os.name": "macos", "os.version": place.run("sw_vers", "-productVersion")[1]}
    kernel = place.text("/proc/sys/kernel/osrelease") or place.release
    facts["kernel"] = kernel
    named = {key: value for key, value in facts.items() if value not in ("", None)}
    marks = {name: place.text(DMI + name) for name in ("sys_vendor", "product_name", "board_name")}
    return Finding("system", level="usable", source="/proc, /sys", facts=named, unknown=unknown, marks=marks)


def _linux(place: Place, unknown: dict[str, str]) -> Facts:
    release = _os_release(place.text("/etc/os-release") or place.text("/usr/lib/os-release"))
    facts: Facts = {
        "os.name": release.get("ID", "").lower(),
        "os.version": release.get("VERSION_ID", ""),
        "iommu.is-supported": bool(place.names("/sys/class/iommu")),
        "tpm.version": _tpm(place),
        "boot.method": _boot_method(place),
    }
    if not facts["boot.method"]:
        unknown["boot.method"] = "this machine has neither EFI's nor a BIOS' tables"
    hypervisor = _hypervisor(place)
    facts["virtualization.is-virtualized"] = virtual = bool(hypervisor) or "hypervisor" in _cpu_flags(place)
    facts["virtualization.hypervisor"] = hypervisor
    if virtual and not hypervisor:
        unknown["virtualization.hypervisor"] = "the processor tells of a hypervisor, nothing names it"
    return facts


def _os_release(text: str) -> dict[str, str]:
    words = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            with contextlib.suppress(ValueError):  # an unclosed quote
                words[key.strip()] = " ".join(shlex.split(value))
    return words


def _tpm(place: Place) -> str:
    if not place.exists("/sys/class/tpm/tpm0"):
        return ""
    return "2.0" if place.text("/sys/class/tpm/tpm0/tpm_version_major") == "2" else "1.2"


def _boot_method(place: Place) -> str:
    if place.exists("/sys/firmware/efi"):
        return "uefi"
    return "bios" if place.names("/sys/firmware/dmi/tables") or place.text(DMI + "bios_vendor") else ""


def _cpu_flags(place: Place) -> tuple[str, ...]:
    for line in place.text("/proc/cpuinfo").splitlines():
        if line.startswith("flags"):
            return tuple(line.partition(":")[2].split())
    return ()


def _hypervisor(place: Place) -> str:
    told = place.text("/sys/hypervisor/type")
    if told:
        return told.lower()
    names = ("sys_vendor", "product_name", "bios_vendor")
    words = " ".join(place.text(DMI + name) for name in names).lower()
    if "metal" in words:  # Amazon's bare machines say "Amazon EC2 m5.metal"
        return ""
    tree = place.text("/proc/device-tree/compatible") or place.text("/proc/device-tree/hypervisor/compatible")
    if not words.strip() and "dummy-virt" in tree:
        return "qemu"
    return next((name for sign, name in HYPERVISORS if sign in words), "")
