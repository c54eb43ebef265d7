"""The words of the vocabulary: what each key's values are, whether it is consumed, and what it belongs to.

A key belongs to the host, or to a device of it (``gpu.*``, ``accel.*``; ``browser.*``, ``webgpu*`` and ``webnn*``
belong to a browser). What is said of a device must hold on one and the same device. ``KIND.count`` is the number of
devices for which all else holds. Words are those of tmt's hardware specification where it has one, else those of
HTCondor, Kubernetes' device plugins, NFD, W3C and PEP 508.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SYSTEMS: Final = {"darwin": "macos", "mac": "macos", "osx": "macos", "win32": "windows", "win": "windows"}
ARCHITECTURES: Final = {"amd64": "x86_64", "x64": "x86_64", "x86-64": "x86_64", "arm64": "aarch64"}
_KNOWN_SYSTEMS: Final = (
    "aix", "android", "cygwin", "emscripten", "freebsd", "ios", "linux", "macos", "netbsd", "openbsd",
    "sunos", "wasi", "windows",
)  # fmt: skip


def normal_os(word: str) -> str:
    """Return our name of an operating system: ``linux``, ``macos``, ``windows``, else the word in small letters."""
    return SYSTEMS.get(word.lower(), word.lower())


def normal_arch(word: str) -> str:
    """Return our name of a processor architecture: ``x86_64`` for AMD64 and x64, ``aarch64`` for arm64."""
    return ARCHITECTURES.get(word.lower(), word.lower())


def normal_level(word: str) -> str:
    """Return our name of a level or a microarchitecture: ``x86_64_v3`` for x86-64-v3 (archspec's spelling)."""
    return word.lower().replace("-", "_")


def normal_id(word: str) -> str:
    """Return a hexadecimal id in our form: ``10de`` for 0x10DE."""
    return word.lower().removeprefix("0x")


def normal_package(word: str) -> str:
    """Return a distribution's name as PEP 503 compares it: ``ruamel-yaml`` for ruamel.yaml."""
    return re.sub(r"[-_.]+", "-", word).lower()


@dataclass(frozen=True, slots=True)
class Key:
    """One word of the vocabulary.

    *kind* of its values: ``number``; ``size`` (bytes, written with a unit); ``version`` (dotted, compared part by
    part); ``text``; ``set`` (several words, of which a condition names one); ``flag`` (true or false); ``level``
    (ordered by descent: ``cpu.level``, ``cpu.microarch``). *owner* is ``host`` or the kind of device it is said of.
    *consumed*: a lower bound also reserves so much of it. *normal* brings a word to its usual form; *known* are all
    words there are, where that list is closed.
    """

    name: str
    kind: str
    owner: str = "host"
    consumed: bool = False
    normal: Callable[[str], str] = str
    known: tuple[str, ...] = ()


_HOST_KEYS: Final = (
    Key("os", "text", normal=normal_os, known=_KNOWN_SYSTEMS),
    Key("os.name", "text"),  # the distribution: debian, ubuntu, fedora
    Key("os.version", "version"),
    Key("kernel", "version"),
    Key("arch", "text", normal=normal_arch),
    Key("cpu.processors", "number", consumed=True),
    Key("cpu.cores", "number", consumed=True),
    Key("cpu.sockets", "number"),
    Key("cpu.threads-per-core", "number"),
    Key("cpu.numa-nodes", "number"),
    Key("cpu.model-name", "text"),
    Key("cpu.vendor-name", "text"),
    Key("cpu.family", "number"),
    Key("cpu.model", "number"),
    Key("cpu.stepping", "number"),
    Key("cpu.flag", "set", normal=str.lower),
    Key("cpu.level", "level", normal=normal_level),
    Key("cpu.microarch", "level", normal=normal_level),
    Key("memory", "size", consumed=True),
    Key("disk.size", "size"),
    Key("disk.free", "size"),
    Key("disk.rotational", "flag"),
    Key("network.speed", "number"),  # Mbit/s of the fastest link that is up
    Key("usb.device", "set", normal=str.lower),  # vendor:product
    Key("pci.device", "set", normal=str.lower),  # vendor:device
    Key("virtualization.is-virtualized", "flag"),
    Key("virtualization.hypervisor", "text"),
    Key("boot.method", "text", known=("bios", "uefi")),
    Key("tpm.version", "version"),
    Key("iommu.is-supported", "flag"),
    Key("python.version", "version"),
    Key("python.implementation", "text", normal=str.lower),
    Key("hostname", "text"),
    Key("location", "text"),
    Key("tag", "set"),
)
_DEVICE_KINDS: Final = ("discrete", "integrated", "virtual", "software", "unknown")
_GPU_KEYS: Final = (
    Key("gpu.count", "number", "gpu", consumed=True),
    Key("gpu.memory", "size", "gpu"),
    Key("gpu.vendor-name", "text", "gpu"),
    Key("gpu.vendor", "text", "gpu", normal=normal_id),  # PCI, four hexadecimal digits
    Key("gpu.device-name", "text", "gpu"),
    Key("gpu.device", "text", "gpu", normal=normal_id),
    Key("gpu.driver", "text", "gpu"),
    Key("gpu.driver-version", "version", "gpu"),
    Key("gpu.cuda", "version", "gpu"),  # the newest CUDA that the driver supports
    Key("gpu.compute-capability", "version", "gpu"),
    Key("gpu.architecture", "text", "gpu"),
    Key("gpu.mig", "flag", "gpu"),
    Key("gpu.ecc", "flag", "gpu"),
    Key("gpu.uuid", "text", "gpu"),
    Key("gpu.address", "text", "gpu"),  # on the PCI bus: 0000:41:00.0
    Key("gpu.api", "set", "gpu"),  # cuda rocm level-zero metal vulkan opencl
    Key("gpu.kind", "text", "gpu", known=_DEVICE_KINDS),
)
ACCELERATORS: Final = ("npu", "tpu", "hpu", "ipu", "dsp", "fpga")
"""Kinds of accelerator that stand for themselves: ``npu=1`` is ``accel.type = npu`` and ``accel.count >= 1``."""

_ACCEL_KEYS: Final = (
    Key("accel.count", "number", "accel", consumed=True),
    Key("accel.type", "text", "accel", known=(*ACCELERATORS, "other")),
    Key("accel.memory", "size", "accel"),
    Key("accel.vendor-name", "text", "accel"),
    Key("accel.vendor", "text", "accel", normal=normal_id),
    Key("accel.device-name", "text", "accel"),
    Key("accel.device", "text", "accel", normal=normal_id),
    Key("accel.driver", "text", "accel"),
    Key("accel.driver-version", "version", "accel"),
    Key("accel.uuid", "text", "accel"),
    Key("accel.address", "text", "accel"),
    Key("accel.cores", "number", "accel"),  # parts that a runtime counts by themselves: a Neuron chip's
)
_BROWSER_KEYS: Final = (
    Key("browser.count", "number", "browser"),
    Key("browser.name", "text", "browser", normal=str.lower),  # chrome chromium firefox edge
    Key("browser.version", "version", "browser"),
    Key("browser.headless", "flag", "browser"),
    Key("browser.flag", "set", "browser"),  # with which Chromium computed what is told of it
    Key("webgpu", "flag", "browser"),
    Key("webgpu.adapter-type", "text", "browser", known=_DEVICE_KINDS),
    Key("webgpu.vendor", "text", "browser"),
    Key("webgpu.architecture", "text", "browser"),
    Key("webgpu.feature", "set", "browser"),
    Key("webnn", "flag", "browser"),
    Key("webnn.device-type", "set", "browser", known=("cpu", "gpu", "npu")),  # where a graph really ran: cpu gpu npu
    Key("webnn.op", "set", "browser"),
)

KEYS: Final = {key.name: key for key in (*_HOST_KEYS, *_GPU_KEYS, *_ACCEL_KEYS, *_BROWSER_KEYS)}
ALIASES: Final = {
    "cores": "cpu.processors",
    "processors": "cpu.processors",
    "tags": "tag",
    "vram": "gpu.memory",
    "gpu.product": "gpu.device-name",
    "python": "python.version",
    "disk": "disk.free",
    "browser": "browser.name",
}
"""Short words. ``gpu=1``, ``npu=1`` and their like say several things at once: `families` reads them."""

# Families whose last part is the user's own word, after which no table can ask.
OPEN_FAMILIES: Final = {
    "resource": Key("resource.*", "number", consumed=True),
    "package": Key("package.*", "version"),
    "webgpu.limit": Key("webgpu.limit.*", "number", "browser"),
    "fact": Key("fact.*", "text"),  # what a lab's drop-in files say
}
_OPEN_NAME: Final = re.compile(r"\w[\w.-]*")


def key_of(name: str) -> Key | None:
    """Return the key called *name*, aliases included; None for a word that is not in the vocabulary.

    A package's name becomes PEP 503's: ``package.Ruamel.Yaml`` is the key ``package.ruamel-yaml``.
    """
    known = KEYS.get(ALIASES.get(name, name))
    if known is not None:
        return known
    for family, found in OPEN_FAMILIES.items():
        last = name.removeprefix(f"{family}.")
        if last != name and _OPEN_NAME.fullmatch(last):
            last = normal_package(last) if family == "package" else last
            return Key(f"{family}.{last}", found.kind, found.owner, found.consumed)
    return None


def kind_of_device(name: str) -> str:
    """Return the kind of device that a key is said of: ``gpu``, ``accel`` or ``browser``; "" for the host's own."""
    key = key_of(name)
    return "" if key is None or key.owner == "host" else key.owner
