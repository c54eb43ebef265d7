"""How busy the host is at this moment: read when a lease is given, never kept.

proc_loadavg(5); MemAvailable of proc_meminfo(5), less what the cgroups have used up.
"""

from __future__ import annotations

import contextlib
import os

from pytest_disttest.worker.probes.finding import Finding, Place
from pytest_disttest.worker.probes.memory import meminfo


def probe(place: Place) -> Finding:
    """Return the marks ``load`` (processes that want to run, over the last minute) and ``memory_free`` in bytes."""
    marks: dict[str, float] = {}
    free = meminfo(place).get("MemAvailable")
    if free is not None:
        marks["memory_free"] = free
    first = place.text("/proc/loadavg").split(" ")[0]
    with contextlib.suppress(ValueError, OSError):
        marks["load"] = float(first) if first else os.getloadavg()[0]
    return Finding("load", level="usable", source="/proc", marks=marks)
