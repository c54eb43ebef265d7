"""The inventory file: ``disttest.toml``, or ``[tool.disttest]`` of ``pyproject.toml``, as hosts.

Reading is pure over text; finding the file and opening it is the business of `found`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from pytest_disttest.errors import BadInventory, BadMarker, did_you_mean
from pytest_disttest.model import Host
from pytest_disttest.needs import preset

from .declared import declared_facts, declared_pools
from .listed import Inventory, Preset
from .words import HOST_KEYS, NAME, RESERVED, Key, address_and_port

_TABLES: Final = ("hosts", "defaults", "presets", "failures")
_DEFAULT_KEYS: Final = {name: key for name, key in HOST_KEYS.items() if key.is_default}
BROWSERS: Final = "DISTTEST_BROWSERS"
"""The variable that names a host's browsers, joined with ``:``, to the probe that opens them."""
_SSH_ONLY: Final = ("port", "ssh_config", "ssh_key")


@dataclass(frozen=True, slots=True)
class _Page:
    """The text of the file, to say where in it something stands."""

    file: str
    text: str

    def place(self, *path: str) -> str:
        """Return ``FILE: hosts.NAME.KEY (line N)``, without the line where it is not easily found."""
        line = self.line_of(*path)
        return f"{self.file}: {'.'.join(path)}" + (f" (line {line})" if line else "")

    def line_of(self, *path: str) -> int:
        """Return the 1-based line of a key or of its table's header, 0 where neither is written out."""
        lines = self.text.splitlines()
        for depth in range(len(path), 0, -1):
            dotted = r"\s*\.\s*".join(rf"[\"']?{re.escape(word)}[\"']?" for word in path[:depth])
            header = re.compile(rf"\s*\[\s*(tool\s*\.\s*disttest\s*\.\s*)?{dotted}\s*\]")
            for number, line in enumerate(lines, start=1):
                if header.match(line):
                    return _line_of_key(lines, number, path[depth:]) or number
        return 0


def _line_of_key(lines: list[str], header: int, path: tuple[str, ...]) -> int:
    if not path:
        return 0
    key = re.compile(rf"\s*[\"']?{re.escape(path[0])}[\"']?\s*[.=]")
    for number, line in enumerate(lines[header:], start=header + 1):
        if line.lstrip().startswith("["):
            return 0
        if key.match(line):
            return number
    return 0


def read_inventory(text: str, *, file: str, base: Path) -> Inventory:
    """Return the inventory that *text* describes; *file* names it in messages, *base* is its directory.

    A ``pyproject.toml`` without ``[tool.disttest]`` describes none: its inventory has no file.
    """
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise BadInventory(f"is no TOML: {fault}", place=file, hint="see https://toml.io") from fault
    page = _Page(file, text)
    if Path(file).name == "pyproject.toml":
        tool = _table(document.get("tool", {}), page, "tool")
        if "disttest" not in tool:
            return Inventory()
        document = tool["disttest"]
    _refuse_unknown(_table(document, page, "tool.disttest"), _TABLES, page)
    defaults = _table(document.get("defaults", {}), page, "defaults")
    _check(defaults, _DEFAULT_KEYS, page, "defaults")
    tables = _table(document.get("hosts", {}), page, "hosts")
    hosts = {name: _host(name, table, defaults, page, base) for name, table in tables.items()}
    presets = _table(document.get("presets", {}), page, "presets")
    named = {name: _preset(name, presets, page) for name in presets}
    return Inventory(hosts, defaults.get("workers", 0), file, named, _failures(document.get("failures", ()), page))


def _failures(rows: Any, page: _Page) -> tuple[Mapping[str, Any], ...]:
    """Return the rows that say of what class a failure is, once they have been read and found good."""
    if not rows:
        return ()
    from pytest_disttest.recovery.rules import read_rule

    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInventory("is no list of tables", place=page.place("failures"), hint="write [[failures]] above each")
    for number, row in enumerate(rows):
        read_rule(row, f"{page.file}: failures[{number}]")
    return tuple({"name": f"{page.file}: failures[{number}]", **row} for number, row in enumerate(rows))


def _preset(name: str, presets: Mapping[str, Any], page: _Page) -> Preset:
    """Return the keywords of a preset, as ``hw()`` takes them, once they have been read and found good."""
    _table(presets[name], page, "presets", name)
    try:
        return preset(name, presets[name], page.place("presets", name), presets=presets)
    except BadMarker as fault:
        raise BadInventory(fault.message, hint=fault.hint) from None


def _host(name: str, table: object, defaults: Mapping[str, Any], page: _Page, base: Path) -> Host:
    if not NAME.fullmatch(name) or name in RESERVED:
        raise BadInventory(
            f"{name!r} cannot be a host's name", place=page.place("hosts", name), hint="use letters, digits, - . and _"
        )
    own = _table(table, page, "hosts", name)
    _check(own, HOST_KEYS, page, "hosts", name)
    address, port = _address(name, own, page)
    # Workers stay apart: --hw-workers overrules the file's default, but not a host's own number.
    merged = {key: value for key, value in {**defaults, **own}.items() if key != "workers"}
    declared = {**defaults.get("facts", {}), **own.get("facts", {})}
    if "location" in merged:
        declared["location"] = merged["location"]
    if "browsers" in merged:
        merged["environment"] = {BROWSERS: ":".join(merged["browsers"]), **merged.get("environment", {})}
    if not address:
        merged = {key: value for key, value in merged.items() if key not in _SSH_ONLY}
    return Host(
        name,
        transport="ssh" if address else "local",
        address=address,
        port=port or merged.get("port", 0),
        workers=own.get("workers", 0),
        python=merged.get("python", ""),
        ssh_config=_path(merged.get("ssh_config", ""), base),
        ssh_key=_path(merged.get("ssh_key", ""), base),
        directory=merged.get("directory", ""),
        tags=tuple(dict.fromkeys(merged.get("tags", ()))),
        environment=tuple(sorted(merged.get("environment", {}).items())),
        enabled=merged.get("enabled", True),
        line=page.place("hosts", name),
        declared=declared_facts(declared, partial(page.place, "hosts", name, "facts")),
        reset=_reset(merged.get("reset", ""), page.place("hosts", name, "reset")),
        pools=declared_pools(merged.get("resources", {}), partial(page.place, "hosts", name, "resources")),
    )


def _reset(written: str, place: str) -> str:
    """Return how devices are reset, once it has been read and found good."""
    if not written:
        return ""
    from pytest_disttest.recovery.resets import check_reset

    return check_reset(written, place)


def _address(name: str, table: Mapping[str, Any], page: _Page) -> tuple[str, int]:
    """Return (address, port), both empty for this machine, and refuse what contradicts itself."""
    place = page.place("hosts", name, "address")
    written = table.get("address", "local" if name == "local" else None)
    if written is None:
        raise BadInventory("is missing", place=place, hint='say address = "user@host", or "local" for this machine')
    if written == "local":
        for key in _SSH_ONLY:
            if key in table:
                raise BadInventory(
                    "is for hosts behind ssh, and this one is local", place=page.place("hosts", name, key)
                )
        return "", 0
    found = address_and_port(written)
    if found is None:
        raise BadInventory(f"{written!r} is no address", place=place, hint='say "user@host" or "user@host:2222"')
    if found[1] and "port" in table:
        raise BadInventory("names a port, and so does port", place=place, hint="drop one of them")
    return found


def _table(value: object, page: _Page, *path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInventory("is no table", place=page.place(*path), hint=f"write it as [{'.'.join(path)}]")
    return value


def _check(table: Mapping[str, Any], keys: Mapping[str, Key], page: _Page, *path: str) -> None:
    """Refuse a key that is not in *keys*, and a value that its key does not accept."""
    _refuse_unknown(table, keys, page, *path)
    for name, value in table.items():
        if not keys[name].accepts(value):
            raise BadInventory(f"{value!r} does not fit; say {keys[name].meaning}", place=page.place(*path, name))


def _refuse_unknown(
    table: Mapping[str, Any], known: Mapping[str, Key] | tuple[str, ...], page: _Page, *path: str
) -> None:
    for name in table:
        if name not in known:
            raise BadInventory("is no key of an inventory" if not path else f"is no key of {path[0]}",
                               place=page.place(*path, name), hint=did_you_mean(name, known))  # fmt: skip


def _path(written: str, base: Path) -> str:
    """Return a path of this machine: as written when absolute or from home, else from the file's directory."""
    return written if not written or written.startswith("~") else str(base / written)
