"""What the cgroups around this process leave of the machine, in the kernel's first and second hierarchy.

Imported at every start, so it needs nothing. *text* gives a file's words, "" for one that is not there.
Linux: Documentation/admin-guide/cgroup-v2.rst (cpu.max, memory.max); scheduler/sched-bwc.rst; cgroup-v1/memory.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

MOUNT = "/sys/fs/cgroup"
BEYOND_ANY = 1 << 60
"""The first hierarchy's "no limit" is a huge number, rounded to pages."""

Text = Callable[[str], str]


def processors(text: Text) -> float | None:
    """Return how many processors' worth of time there is at most, None for no limit."""
    return min((limit for _, limit in _limited(text)), default=None)


def processor_seconds(text: Text) -> list[tuple[float, float]]:
    """Return for each group that limits us its limit, in processors, and the seconds that it has used so far."""
    found = []
    for group, limit in _limited(text):
        told = dict(line.split(" ", 1) for line in text(f"{group}/cpu.stat").splitlines() if " " in line)
        used_us, used_ns = told.get("usage_usec", ""), text(f"{group}/cpuacct.usage").strip()
        if used_us.isdecimal():
            found.append((limit, int(used_us) / 1e6))
        elif used_ns.isdecimal():
            found.append((limit, int(used_ns) / 1e9))
    return found


def _limited(text: Text) -> Iterator[tuple[str, float]]:
    """Yield the groups that limit our processors' time, each with its limit in processors."""
    for group in _groups(text, "cpu"):
        quota_us, _, period_us = text(f"{group}/cpu.max").strip().partition(" ")
        if not quota_us:
            quota_us = text(f"{group}/cpu.cfs_quota_us").strip()
            period_us = text(f"{group}/cpu.cfs_period_us").strip()
        if quota_us.isdecimal() and period_us.isdecimal() and int(quota_us) and int(period_us):
            yield group, int(quota_us) / int(period_us)


def memory(text: Text) -> int | None:
    """Return how many bytes of memory there are at most, None for no limit."""
    told = [
        text(f"{group}/{name}") for group in _groups(text, "memory") for name in ("memory.max", "memory.limit_in_bytes")
    ]
    limits = [int(limit) for limit in told if limit.isdecimal()]
    return min((limit for limit in limits if 0 < limit < BEYOND_ANY), default=None)


def _groups(text: Text, controller: str) -> Iterator[str]:
    """Yield the directories of our groups and of those above them, each of which limits; not all need be there."""
    for line in text("/proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0":
            mounts = [f"{MOUNT}/unified", MOUNT]
        elif controller in names.split(","):
            mounts = sorted({f"{MOUNT}/{names}", f"{MOUNT}/{controller}"})
        else:
            continue
        # In a container the path may be the host's, below which nothing lies here; the mount itself is then our group.
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for mount in mounts:
            yield from ("/".join([mount, *parts[:length]]) for length in range(len(parts), -1, -1))
