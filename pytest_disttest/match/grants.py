"""A grant as plain values: what the controller sends to a worker before the test that it is for.

A dict of JSON's own types, of which all but *host* may be absent::

    {"host": "gpu-1", "cores": 2.0, "memory": 8589934592, "exclusive": false, "pools": {"serial": 1},
     "devices": [{"kind": "gpu", "id": "GPU-1a2b", "share": 0.5, "memory": 0, "facts": {"gpu.memory": 85520809984}}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pytest_disttest.errors import ProtocolFault
from pytest_disttest.model import DeviceGrant, Grant

from .profiles import plain_facts, read_facts


def grant_as_plain(grant: Grant) -> dict[str, Any]:
    """Return *grant* in JSON's own types."""
    return {
        "host": grant.host,
        "cores": grant.cores,
        "memory": grant.memory,
        "devices": [{**device._asdict(), "facts": plain_facts(device.facts)} for device in grant.devices],
        "pools": dict(grant.pools),
        "exclusive": grant.exclusive,
    }


def grant_from_plain(row: Mapping[str, Any]) -> Grant:
    """Return the grant that *row* tells of; raises ProtocolFault where it is none."""
    try:
        return Grant(
            host=str(row["host"]),
            cores=float(row.get("cores", 1.0)),
            memory=int(row.get("memory", 0)),
            devices=tuple(_device(each) for each in row.get("devices", ())),
            pools=tuple((str(name), int(units)) for name, units in row.get("pools", {}).items()),
            exclusive=bool(row.get("exclusive", False)),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise ProtocolFault(f"not a grant: {row!r:.80} ({fault})") from None


def _device(row: Mapping[str, Any]) -> DeviceGrant:
    facts = MappingProxyType(read_facts(row.get("facts", {})))
    share, memory = float(row.get("share", 1.0)), int(row.get("memory", 0))
    return DeviceGrant(str(row["kind"]), str(row["id"]), share, facts, memory)
