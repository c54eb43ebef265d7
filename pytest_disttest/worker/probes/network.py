"""The fastest network link that is up.

Linux: Documentation/ABI/testing/sysfs-class-net (speed in Mbit/s, -1 for unknown).
"""

from __future__ import annotations

from pytest_disttest.worker.probes.finding import Finding, Place

NET = "/sys/class/net"


def probe(place: Place) -> Finding:
    """Return ``network.speed`` in Mbit/s; unknown where links are up and none tells its speed (virtual machines)."""
    links = [name for name in place.names(NET) if name != "lo" and "device" in place.names(f"{NET}/{name}")]
    up = [name for name in links if place.text(f"{NET}/{name}/operstate") == "up"]
    speeds = [speed for name in up if (speed := place.number(f"{NET}/{name}/speed")) is not None and speed > 0]
    if speeds:
        return Finding("network", level="usable", source=NET, facts={"network.speed": max(speeds)})
    if up or not place.exists(NET):
        why = f"{', '.join(up)} does not tell its speed" if up else f"there is no {NET}"
        return Finding("network", "unknown", why=why, source=NET, unknown={"network.speed": why})
    return Finding("network", "absent", why="no link is up", source=NET)
