"""Machines as text: what their ``/proc``, ``/sys``, ``/dev`` and programs say, laid out below a directory for probes.

A line of a ``.tree`` file is one of::

    # a comment
    @machine x86_64              a word of Place: machine, system, affinity, hostname, release
    /sys/class/x/y = 0x10de      a file of one line
    /sys/class/x/driver -> name  a link, of which only its end counts
    /dev/dri/renderD128          an empty file
    pci 0000:03:00.0 class=030000 vendor=1002 device=744c driver=amdgpu subsystem=1da2:471e
    /proc/cpuinfo <<             a file of several lines, up to a line of two angle brackets: >>
    $ neuron-ls --json-output << what a program prints, up to >> ; a first line "exit 9" is its exit code
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pytest_disttest.worker.probes.finding import Finding, Place
from pytest_disttest.worker.probes.merging import merged
from pytest_disttest.worker.probes.table import ROWS, Row

RECORDED = Path(__file__).parents[1] / "probes" / "recorded"
WORDS = ("machine", "system", "hostname", "release")


def laid_out(text: str, root: Path) -> Place:
    """Lay the machine that *text* describes out below *root*, and return it as a place."""
    words: dict[str, Any] = {"machine": "x86_64", "hostname": "recorded", "directory": str(root)}
    outputs: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("@"):
            name, value = line[1:].split(maxsplit=1)
            words[name] = value if name in WORDS else int(value)
        elif line.startswith("pci "):
            _pci(line, root)
        elif line.startswith("$ "):
            outputs[line[2:].removesuffix("<<").strip()] = _block(lines)
        else:
            _entry(line, lines, root)
    return Place(root=str(root), outputs=outputs, **words)


def _entry(line: str, lines: Iterator[str], root: Path) -> None:
    path, _, rest = line.partition(" ")
    sign, _, value = rest.partition(" ")
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    if sign == "->":
        target.symlink_to(value)
    else:
        target.write_text(_block(lines) if sign == "<<" else f"{value}\n" if sign == "=" else "")


def _pci(line: str, root: Path) -> None:
    _, address, *pairs = line.split()
    given = dict(pair.split("=") for pair in pairs)
    where = root / "sys/bus/pci/devices" / address
    where.mkdir(parents=True, exist_ok=True)
    subsystem = given.get("subsystem", "0000:0000").split(":")
    named = {"subsystem_vendor": subsystem[0], "subsystem_device": subsystem[1]}
    for name in ("class", "vendor", "device"):
        named[name] = given[name]
    for name, digits in named.items():
        (where / name).write_text(f"0x{digits}\n")
    if "driver" in given:
        (where / "driver").symlink_to(f"../../../bus/pci/drivers/{given['driver']}")


def _block(lines: Iterable[str]) -> str:
    taken = []
    for line in lines:
        if line == ">>":
            break
        taken.append(line)
    return "\n".join(taken) + "\n"


def text_of(name: str) -> str:
    """Return the recorded machine called *name*."""
    return (RECORDED / f"{name}.tree").read_text("utf-8")


def probed(
    place: Place,
    *,
    instead: dict[str, Callable[[], Finding]] | None = None,
    leave: Iterable[str] = ("python", "disk", "browser", "vulkan", "opencl"),
) -> dict[str, Any]:
    """Return the profile's parts for a recorded *place*, probed in this process.

    *instead* gives a probe's finding in its place (a library that is not here); *leave* are probes that look at the
    machine they run on.
    """
    from pytest_disttest.registry import Registry

    rows = [row for row in ROWS if row.name not in set(leave)]
    registry = Registry("probe", {row.name: row.target for row in rows})
    findings = [(instead or {}).get(row.name, lambda row=row: _probe(registry, row, place))() for row in rows]
    return {**merged(rows, findings), "findings": dict(zip([r.name for r in rows], findings, strict=True))}


def _probe(registry: Any, row: Row, place: Place) -> Finding:
    finding: Finding = registry.load(row.name)(place)
    return finding


def marks_of(profile: dict[str, Any]) -> dict[str, Any]:
    """Return what the probes say for the fingerprints alone."""
    marks: dict[str, Any] = {}
    for finding in profile["findings"].values():
        marks |= finding.marks
    return marks
