"""What the cgroups around this process leave of the machine, in the kernel's first and second hierarchy.

Linux: Documentation/admin-guide/cgroup-v2.rst (cpu.max, memory.max); scheduler/sched-bwc.rst;
cgroup-v1/memory.rst.
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_disttest.worker.probes.finding import Place

MOUNT = "/sys/fs/cgroup"
BEYOND_ANY = 1 << 60
"""The first hierarchy's "no limit" is a huge number, rounded to pages."""


def processors(place: Place) -> float | None:
    """Return how many processors' worth of time there is at most, None for no limit."""
    limits = []
    for above in _second(place):
        quota, _, period = place.text(f"{above}/cpu.max").partition(" ")
        if quota.isdecimal() and period.isdecimal() and int(period):
            limits.append(int(quota) / int(period))
    for above in _first(place, "cpu"):
        quota_us = place.number(f"{above}/cpu.cfs_quota_us")
        period_us = place.number(f"{above}/cpu.cfs_period_us")
        if quota_us and period_us and quota_us > 0:
            limits.append(quota_us / period_us)
    return min(limits, default=None)


def memory(place: Place) -> int | None:
    """Return how many bytes of memory there are at most, None for no limit."""
    found = [place.number(f"{above}/memory.max") for above in _second(place)]
    found += [place.number(f"{above}/memory.limit_in_bytes") for above in _first(place, "memory")]
    return min((limit for limit in found if limit is not None and 0 < limit < BEYOND_ANY), default=None)


def _second(place: Place) -> Iterator[str]:
    """Yield the directories of our group and those above it: each of them limits."""
    for line in place.text("/proc/self/cgroup").splitlines():
        if line.startswith("0::"):
            unified = f"{MOUNT}/unified"
            yield from _upwards(unified if place.exists(unified) else MOUNT, line[3:])


def _first(place: Place, controller: str) -> Iterator[str]:
    for line in place.text("/proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number != "0" and controller in names.split(","):
            mounts = (f"{MOUNT}/{names}", f"{MOUNT}/{controller}")
            mount = next((each for each in mounts if place.exists(each)), mounts[0])
            yield from _upwards(mount, path)


def _upwards(mount: str, path: str) -> Iterator[str]:
    # In a container the path may be the host's, below which nothing lies here; the mount itself is then our group.
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        yield "/".join([mount, *parts[:length]])
