"""Capabilities as plain values: what a host's agent sends, what a recording or a simulation holds, what is stored.

A *profile* is a dict of JSON's own types::

    {"facts": {"os": "linux", "memory": 8589934592, "cpu.flag": ["avx", "avx2"]},
     "devices": [{"kind": "gpu", "id": "GPU-1a2b", "facts": {"gpu.memory": 85520809984},
                  "unknown": {"gpu.ecc": "not supported"}, "fault": ""}],
     "unknown": {"accel": "denied: /dev/accel/accel0"},
     "degraded": ["PCI shows 2 GPUs, NVML 1"],
     "hw_class": "…", "host_id": "…", "sw_env": "…",
     "probes": [{"name": "nvidia", "status": "ok", "level": "usable", "why": "", "seconds": 0.1, "source": "NVML"}]}

All parts may be absent. *probes* tells how the rest was found, and is not part of the capabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_disttest.errors import ProtocolFault
from pytest_disttest.model import Capabilities, Device, Value

Profile = Mapping[str, Any]


def read_profile(profile: Profile) -> Capabilities:
    """Return the capabilities that a profile tells of; raises ProtocolFault where it is none."""
    if not isinstance(profile, Mapping):
        raise ProtocolFault(f"not a profile of a host: {profile!r:.80}")
    try:
        return Capabilities(
            facts=read_facts(profile.get("facts", {})),
            devices=tuple(_device(each) for each in profile.get("devices", ())),
            unknown={str(key): str(why) for key, why in profile.get("unknown", {}).items()},
            degraded=tuple(map(str, profile.get("degraded", ()))),
            drained=str(profile.get("drained", "")),
            hw_class=str(profile.get("hw_class", "")),
            host_id=str(profile.get("host_id", "")),
            sw_env=str(profile.get("sw_env", "")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ProtocolFault(f"not a profile of a host: {fault}") from None


def write_profile(capabilities: Capabilities) -> dict[str, Any]:
    """Return *capabilities* as a profile."""
    return {
        "facts": plain_facts(capabilities.facts),
        "devices": [
            {
                "kind": device.kind,
                "id": device.id,
                "facts": plain_facts(device.facts),
                "unknown": dict(device.unknown),
                "fault": device.fault,
            }
            for device in capabilities.devices
        ],
        "unknown": dict(capabilities.unknown),
        "degraded": list(capabilities.degraded),
        "drained": capabilities.drained,
        "hw_class": capabilities.hw_class,
        "host_id": capabilities.host_id,
        "sw_env": capabilities.sw_env,
    }


def _device(row: Mapping[str, Any]) -> Device:
    return Device(
        str(row["kind"]),
        str(row["id"]),
        read_facts(row.get("facts", {})),
        {str(key): str(why) for key, why in row.get("unknown", {}).items()},
        str(row.get("fault", "")),
    )


def read_facts(rows: Mapping[str, Any]) -> dict[str, Value]:
    """Return the facts in *rows*: lists are tuples again. Raises ValueError for a value that no fact has."""
    return {str(key): _value(value) for key, value in rows.items()}


def _value(value: Any) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_value(part) for part in value)  # type: ignore[misc]
    if isinstance(value, str | int | float):
        return value
    raise ValueError(f"{value!r:.60} is no value of a fact")


def plain_facts(facts: Mapping[str, Value]) -> dict[str, Any]:
    """Return *facts* in JSON's own types."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}
