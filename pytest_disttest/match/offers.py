"""What a host offers before its probes have spoken: what its agent says in greeting, and what its owner declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_disttest.model import Capabilities, Host, Value

_OBSERVED: Final = ("os", "arch", "cpu.processors", "hostname")
_PROBED: Final = ("system", "cpu", "memory", "disk", "gpu", "accel", "browser", "python", "pci", "usb")


def offered(facts: Mapping[str, Any], host: Host) -> Capabilities:
    """Return what a host says of itself, as far as tests may ask for it, and what its owner says of it.

    What only a probe could tell is unknown.
    """
    said: dict[str, Value] = {key: facts[key] for key in _OBSERVED if key in facts}
    declared = dict(host.declared)
    pools = {f"resource.{name}": units for name, units in host.pools}
    return Capabilities(
        {**declared, **pools, **said, "tag": tuple(host.tags)}, unknown=dict.fromkeys(_PROBED, "not probed")
    )
