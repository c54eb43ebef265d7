"""What is plugged in by USB, as ``vendor:product``.

Linux: Documentation/ABI/stable/sysfs-bus-usb.
"""

from __future__ import annotations

from pytest_disttest.worker.probes.finding import Finding, Place

DEVICES = "/sys/bus/usb/devices"


def probe(place: Place) -> Finding:
    """Return ``usb.device``, hubs included."""
    if place.system != "linux":
        why = "only Linux' /sys is read"
        return Finding("usb", "unknown", why=why, source="/sys", unknown={"usb.device": why})
    pairs = {
        f"{place.text(f'{DEVICES}/{name}/idVendor')}:{place.text(f'{DEVICES}/{name}/idProduct')}"
        for name in place.names(DEVICES)
    }
    found = tuple(sorted(pairs - {":"}))
    if not found:
        return Finding("usb", "absent", why="nothing is plugged in", source=DEVICES)
    return Finding("usb", level="present", source=DEVICES, facts={"usb.device": found})
