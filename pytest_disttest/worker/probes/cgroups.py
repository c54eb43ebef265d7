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
    limits = []
    for group in _groups(text, "cpu"):
        quota_us, _, period_us = text(f"{group}/cpu.max").partition(" ")
        if not quota_us:
            quota_us, period_us = text(f"{group}/cpu.cfs_quota_us"), text(f"{group}/cpu.cfs_period_us")
        if quota_us.isdecimal() and period_us.isdecimal() and int(period_us):
            limits.append(int(quota_us) / int(period_us))
    return min((limit for limit in limits if limit), default=None)


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
