"""The probes: what each is called, where its code is, and what it answers for. A new probe is a file and a row here.

Another package adds its own through an entry point of the group ``pytest_disttest.probes``, whose value is
``module:function`` and whose name is ``FAMILY.NAME`` (``accel.furiosa``); one without a known family is always asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

FAMILIES = ("system", "cpu", "memory", "disk", "gpu", "accel", "browser", "python", "pci", "usb")
GROUP = "pytest_disttest.probes"
HERE = "pytest_disttest.worker.probes"


class Row(NamedTuple):
    """One probe.

    *families* are what it is asked for (none: always), *answers* the keys or families of keys that are unknown when
    it does not come back, *limit_s* its time. What is *kept* stays in the host's cache until the next boot: that
    which takes long and does not change.
    """

    name: str
    target: str
    families: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    limit_s: float = 5.0
    kept: bool = False


ROWS = (
    Row("system", f"{HERE}.system:probe", ("system",),
        ("os", "kernel", "arch", "hostname", "virtualization", "boot", "tpm", "iommu")),
    Row("network", f"{HERE}.network:probe", ("system",), ("network",)),
    Row("cpu", f"{HERE}.cpu:probe", ("cpu",), ("cpu",)),
    Row("memory", f"{HERE}.memory:probe", ("memory",), ("memory",)),
    Row("disk", f"{HERE}.disk:probe", ("disk",), ("disk",)),
    Row("usb", f"{HERE}.usb:probe", ("usb",), ("usb",)),
    Row("pci", f"{HERE}.pci:probe", ("pci", "gpu", "accel"), ("pci",)),
    Row("python", f"{HERE}.python:probe", ("python",), ("python", "package")),
    # In the order in which they are believed where two tell of one device.
    Row("nvidia", f"{HERE}.nvidia:probe", ("gpu",), limit_s=10.0, kept=True),
    Row("amd", f"{HERE}.amd:probe", ("gpu",), ("gpu",), limit_s=10.0, kept=True),
    Row("intel", f"{HERE}.intel:probe", ("gpu",), ("gpu",)),
    Row("apple", f"{HERE}.apple:probe", ("gpu",), ("gpu",), kept=True),
    Row("display", f"{HERE}.display:probe", ("gpu",), ("gpu",)),
    Row("vulkan", f"{HERE}.vulkan:probe", ("gpu",), limit_s=10.0, kept=True),
    Row("opencl", f"{HERE}.opencl:probe", ("gpu",), limit_s=10.0, kept=True),
    Row("tpu", f"{HERE}.tpu:probe", ("accel",), ("accel",)),
    Row("gaudi", f"{HERE}.gaudi:probe", ("accel",), ("accel",)),
    Row("ascend", f"{HERE}.ascend:probe", ("accel",), ("accel",)),
    Row("neuron", f"{HERE}.neuron:probe", ("accel",), ("accel",), kept=True),
    Row("accel", f"{HERE}.accel:probe", ("accel",), ("accel",)),
    Row("processing", f"{HERE}.processing:probe", ("accel",), ("accel",)),
    Row("browser", "pytest_disttest.browser.probe:probe", ("browser",), ("browser", "webgpu", "webnn"), limit_s=30.0,
        kept=True),
    # Last, because what a lab says of its host is believed before what is found.
    Row("facts.d", f"{HERE}.dropin:probe", (), ("fact", "resource", "tag", "location")),
)  # fmt: skip


def every_row() -> tuple[Row, ...]:
    """Return all rows, other packages' before the lab's own files."""
    return (*ROWS[:-1], *_others(), ROWS[-1])


def answer_for(families: Iterable[str], rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return those of *rows* that are asked where *families* are."""
    asked = set(families)
    return tuple(row for row in rows if not row.families or asked & set(row.families))


def _others() -> tuple[Row, ...]:
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return tuple(row_of(point.name, point.value) for point in found)


def row_of(name: str, target: str) -> Row:
    """Return the row of another package's probe: the first part of its name is the family, if it is one."""
    family = name.partition(".")[0]
    known = (family,) if family in FAMILIES else ()
    return Row(name, target, known, known, limit_s=10.0)
