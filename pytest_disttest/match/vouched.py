"""What an owner declares of a host against what its probes found: never is one of them trusted in silence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pytest_disttest.model import Capabilities, Device, Value
from pytest_disttest.needs import key_of, kind_of_device

from .operators import as_number, listed, rank

TOLERANCE: Final = 0.05
"""How much smaller a size may be than declared: firmware and kernels keep a part of what is sold."""


def with_declared(found: Capabilities, declared: Mapping[str, Value]) -> Capabilities:
    """Return *found* with what its owner declares: drained where the host has less, degraded where nobody could tell.

    A declared fact of the host itself that no probe tells of holds; one of a device does not, for no device could be
    given to a test for it.
    """
    drained = [found.drained] if found.drained else []
    degraded = list(found.degraded)
    facts = dict(found.facts)
    for key, value in declared.items():
        why = _unknown_of(key, found)
        if kind_of_device(key):
            less = "" if why else _less_on_devices(key, value, declared, found)
        elif key in facts:
            less = _less(key, value, facts[key])
        else:
            facts[key], less = value, ""
        if less:
            drained.append(f"declared {_said(key, value)}, but {less}")
        elif why:
            degraded.append(f"declared {_said(key, value)} could not be checked: {why}")
    unknown = {key: why for key, why in found.unknown.items() if key not in facts}
    return found._replace(facts=facts, unknown=unknown, degraded=tuple(degraded), drained="; ".join(drained))


def _unknown_of(key: str, found: Capabilities) -> str:
    """Return why *key* could not be told, itself or its family; "" for what is known."""
    if key in found.facts or (kind_of_device(key) and _usable(kind_of_device(key), found)):
        return ""
    parts = key.split(".")
    prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((found.unknown[prefix] for prefix in prefixes if prefix in found.unknown), "")


def _less_on_devices(key: str, value: Value, declared: Mapping[str, Value], found: Capabilities) -> str:
    """Return how the devices fall short of what is declared of them, "" where they do not."""
    kind = kind_of_device(key)
    devices = _usable(kind, found)
    if key == f"{kind}.count":
        wanted = as_number(value) or 0
        return "" if len(devices) >= wanted else f"{len(devices) or 'none'} found{_faults(kind, found)}"
    count = int(as_number(declared.get(f"{kind}.count", 1)) or 1)
    having = [device for device in devices if key in device.facts and not _less(key, value, device.facts[key])]
    if len(having) >= count:
        return ""
    near = next(iter(_shortfalls(key, value, devices)), "no such device was found")
    return near if count == 1 else f"{len(having)} of {count} devices have it ({near})"


def _usable(kind: str, found: Capabilities) -> list[Device]:
    return [
        device
        for device in found.devices
        if device.kind == kind and not device.fault and device.facts.get("gpu.kind") != "software"
    ]


def _faults(kind: str, found: Capabilities) -> str:
    faults = [f"{device.id}: {device.fault}" for device in found.devices if device.kind == kind and device.fault]
    return f" ({'; '.join(faults)})" if faults else ""


def _shortfalls(key: str, value: Value, devices: list[Device]) -> Iterator[str]:
    for device in devices:
        if key not in device.facts:
            yield f"{device.id} has none"
        elif less := _less(key, value, device.facts[key]):
            yield f"{device.id}: {less}"


def _less(key: str, declared: Value, found: Value) -> str:
    """Return how *found* is less than *declared*, "" where it is not."""
    known = key_of(key)
    kind = "text" if known is None else known.kind
    if kind == "set":
        missing = [str(word) for word in listed(declared) if word not in listed(found)]
        return f"it lacks {', '.join(missing)}" if missing else ""
    if kind == "level":
        missing = [str(word) for word in listed(declared) if word not in listed(found)]
        return f"it is {listed(found)[0] if listed(found) else 'none'}" if missing else ""
    if kind in ("number", "size", "version"):
        mine, theirs = rank(kind, found), rank(kind, declared)
        if mine is None or theirs is None:
            return f"it is {found}"
        enough = mine >= theirs * (1 - TOLERANCE) if kind == "size" else mine >= theirs
        return "" if enough else f"{_said('', found, kind)} found"
    return "" if found == declared else f"it is {found}"


def _said(key: str, value: Value, kind: str = "") -> str:
    known = key_of(key) if key else None
    is_size = kind == "size" or (known is not None and known.kind == "size")
    shown = _size(value) if is_size else ", ".join(map(str, listed(value)))
    return f"{key} = {shown}" if key else shown


def _size(value: Value) -> str:
    number = as_number(value)
    return str(value) if number is None else f"{number / (1 << 30):.4g} GiB"
