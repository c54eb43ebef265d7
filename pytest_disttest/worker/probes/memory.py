"""How much memory this process may use.

Linux: Documentation/filesystems/proc.rst (MemTotal), and the cgroups' limits.
"""

from __future__ import annotations

from pytest_disttest.worker.probes import cgroups
from pytest_disttest.worker.probes.finding import Finding, Place


def probe(place: Place) -> Finding:
    """Return ``memory`` in bytes: what the machine has, or what the cgroups leave of it."""
    total = meminfo(place).get("MemTotal")
    if not total and place.system == "macos":
        code, text = place.run("sysctl", "-n", "hw.memsize")
        total = int(text) if not code and text.isdecimal() else 0
    if not total:
        return Finding("memory", "unknown", why="/proc/meminfo does not tell", unknown={"memory": "not told"})
    limit = cgroups.memory(place)
    facts = {"memory": total if limit is None else min(total, limit)}
    return Finding("memory", level="usable", source="/proc/meminfo, cgroups", facts=facts)


def meminfo(place: Place) -> dict[str, int]:
    """Return the kernel's account of memory, in bytes."""
    account = {}
    for line in place.text("/proc/meminfo").splitlines():
        name, _, amount = line.partition(":")
        number = amount.split()[0] if amount.split() else ""
        if number.isdecimal():
            account[name] = int(number) * 1024
    return account
