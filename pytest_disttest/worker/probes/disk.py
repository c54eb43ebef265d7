"""The file system that holds the suite's directory.

statvfs(3); Linux: Documentation/ABI/stable/sysfs-block (queue/rotational).
"""

from __future__ import annotations

import os

from pytest_disttest.worker.probes.finding import Facts, Finding, Place


def probe(place: Place) -> Finding:
    """Return ``disk.size``, ``disk.free`` (what a user may still write) and ``disk.rotational``."""
    directory = _existing(place.directory or "/")
    space = os.statvfs(directory)
    facts: Facts = {"disk.size": space.f_blocks * space.f_frsize, "disk.free": space.f_bavail * space.f_frsize}
    rotational = _rotational(place, os.stat(directory).st_dev)
    unknown = {} if rotational is not None else {"disk.rotational": "the disk below this directory does not tell"}
    if rotational is not None:
        facts["disk.rotational"] = rotational
    return Finding("disk", level="usable", source=f"statvfs({directory})", facts=facts, unknown=unknown)


def _existing(directory: str) -> str:
    while not os.path.exists(directory):
        directory = os.path.dirname(directory) or "/"
    return directory


def _rotational(place: Place, device: int) -> bool | None:
    block = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    if "/virtio" in os.path.realpath(place.path(block)):
        return None  # virtio says 1 whatever lies behind it
    for queue in (f"{block}/queue", f"{block}/../queue"):  # a partition's queue is its disk's
        told = place.text(f"{queue}/rotational")
        if told:
            return told == "1"
    return None
