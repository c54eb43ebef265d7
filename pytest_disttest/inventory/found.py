"""Where the inventory is: the file that the user names, else the rootdir's.

Most projects have none, so what reads one (TOML, and all that a key may hold) is imported where there is one.
"""

from __future__ import annotations

from pathlib import Path

from pytest_disttest.errors import BadInventory

from .listed import Inventory


def load_inventory(rootdir: Path, explicit: str | None = None, *, invocation_dir: Path | None = None) -> Inventory:
    """Return the inventory of *explicit* (``--hw-inventory``, relative to *invocation_dir*), else of *rootdir*.

    In the rootdir ``disttest.toml`` comes first, then ``[tool.disttest]`` of ``pyproject.toml``; without
    either the inventory is empty. Raises BadInventory with file, key and, where found, line.
    """
    if explicit is not None:
        named = (invocation_dir or rootdir) / explicit
        return _read(_text_of(named), file=explicit, base=named.parent)
    for name in ("disttest.toml", "pyproject.toml"):
        if (path := rootdir / name).is_file():
            text = _text_of(path)
            # most pyproject.toml are about other things, and are none of our business even where they are no TOML
            inventory = _read(text, file=name, base=rootdir) if name == "disttest.toml" or "disttest" in text else None
            if inventory is not None and inventory.file:
                return inventory
    return Inventory()


def _read(text: str, *, file: str, base: Path) -> Inventory:
    from .described import read_inventory

    return read_inventory(text, file=file, base=base)


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "is not UTF-8"
        raise BadInventory(f"cannot be read: {reason}", place=str(path), hint="name it with --hw-inventory") from fault
