"""``--hw-simulate FILE``: recorded or invented hosts, which stand in for real ones.

The file is JSON: ``{"hosts": {NAME: {"profile": {...}, "workers": 1, "tags": ["gpu"]}}}``, a profile in the form of
``match.profiles``. A simulated host is an agent on this machine; only what it has is read from the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from pytest_disttest.errors import BadInventory, ProtocolFault, did_you_mean
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.model import Capabilities, Host
from pytest_disttest.needs import key_of

from .declared import declared_facts
from .listed import LOCAL, Inventory
from .words import NAME, RESERVED, is_tag

_KEYS: Final = ("profile", "workers", "tags")
_PARTS: Final = (
    "facts", "devices", "unknown", "degraded", "drained", "hw_class", "host_id", "sw_env", "probes",
)  # fmt: skip
_DEVICES: Final = ("gpu", "accel", "browser")
_DEVICE_PARTS: Final = ("kind", "id", "facts", "unknown", "fault")


def with_simulated(inventory: Inventory, file: str, base: Path) -> tuple[Inventory, tuple[str, ...]]:
    """Return *inventory* with the hosts of *file* in it, and their names; one of the same name is replaced.

    What the inventory says of such a host besides where it is (tags, resources, declared facts) stays.
    Raises BadInventory with the place of what is wrong.
    """
    hosts = read_simulated(_text_of(base / file, file), file=file)
    known = inventory.hosts
    merged = {**known, **{name: _in_place_of(known.get(name), host) for name, host in hosts.items()}}
    return inventory._replace(hosts=merged), tuple(hosts)


def read_simulated(text: str, *, file: str) -> dict[str, Host]:
    """Return the hosts that *text* describes, by name; *file* names it in messages."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise BadInventory(f"is no JSON: {fault}", place=file) from None
    tables = _table(_table(document, file).get("hosts"), f"{file}: hosts")
    return {name: _host(name, table, f"{file}: hosts.{name}") for name, table in tables.items()}


def _host(name: str, table: object, place: str) -> Host:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise BadInventory(f"{name!r} cannot be a host's name", place=place, hint="use letters, digits, - . and _")
    rows = _table(table, place)
    _refuse_unknown(rows, _KEYS, place)
    workers, tags = rows.get("workers", 1), rows.get("tags", [])
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise BadInventory(f"{workers!r} is no number of workers", place=f"{place}.workers")
    if not isinstance(tags, list) or not all(isinstance(tag, str) and is_tag(tag) for tag in tags):
        raise BadInventory(f"{tags!r} is no list of words", place=f"{place}.tags")
    capabilities = _capabilities(_table(rows.get("profile"), f"{place}.profile"), f"{place}.profile")
    return Host(name, LOCAL, workers=workers, tags=tuple(tags), line=place, simulated=capabilities)


def _capabilities(profile: Mapping[str, Any], place: str) -> Capabilities:
    """Return a profile's capabilities; sizes may be written with their unit, words are checked."""
    _refuse_unknown(profile, _PARTS, place)
    devices = profile.get("devices", [])
    if not isinstance(devices, list):
        raise BadInventory("is no list", place=f"{place}.devices")
    rows = [_device(row, f"{place}.devices[{number}]") for number, row in enumerate(devices)]
    facts = _facts(profile.get("facts", {}), f"{place}.facts")
    try:
        return read_profile({**profile, "facts": facts, "devices": rows})
    except ProtocolFault as fault:
        raise BadInventory(fault.message, place=place) from None


def _device(row: object, place: str) -> dict[str, Any]:
    table = _table(row, place)
    _refuse_unknown(table, _DEVICE_PARTS, place)
    if table.get("kind") not in _DEVICES:
        raise BadInventory(f"{table.get('kind')!r} is no kind of device", place=f"{place}.kind",
                           hint=f"known: {', '.join(_DEVICES)}")  # fmt: skip
    if not isinstance(table.get("id"), str) or not table["id"]:
        raise BadInventory("a device needs an id", place=f"{place}.id", hint='say "id": "GPU-1"')
    return {**table, "facts": _facts(table.get("facts", {}), f"{place}.facts")}


def _facts(table: object, place: str) -> dict[str, Any]:
    """Return facts as they are recorded: a size that is a number is one of bytes, all else is read as if declared."""
    rows = _table(table, place)
    recorded = {key: value for key, value in rows.items() if _is_recorded(key, value)}
    written = {key: value for key, value in rows.items() if key not in recorded}
    return {**recorded, **dict(declared_facts(written, partial(_below, place)))}


def _is_recorded(key: str, value: object) -> bool:
    """Whether a fact needs no reading: numbers of bytes, units of a resource, and texts as a probe found them."""
    known = key_of(key)
    if known is None or known.name != key:
        return False
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if known.kind in ("size", "number"):
        return is_number
    if known.kind == "flag":
        return isinstance(value, bool)
    if known.kind == "set":
        return isinstance(value, list) and all(isinstance(word, str) for word in value)
    return isinstance(value, str)


def _below(place: str, *path: str) -> str:
    return ".".join((place, *path))


def _in_place_of(described: Host | None, host: Host) -> Host:
    if described is None:
        return host
    tags = tuple(dict.fromkeys((*described.tags, *host.tags)))
    return replace(host, tags=tags, declared=described.declared, pools=described.pools,
                   environment=described.environment)  # fmt: skip


def _text_of(path: Path, file: str) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "is not UTF-8"
        raise BadInventory(f"cannot be read: {reason}", place=file, hint="name it with --hw-simulate") from None


def _table(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInventory("is no object" if value is not None else "is missing", place=place)
    return value


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for name in table:
        if name not in known:
            hint = did_you_mean(name, known)
            raise BadInventory("is no part of a simulated host", place=f"{place}.{name}", hint=hint)
