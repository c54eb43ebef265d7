"""``disttest probe --record FILE``: hosts written down, to stand in for themselves with ``--hw-simulate``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pytest_disttest.errors import BadInventory
from pytest_disttest.inventory.simulated import read_simulated
from pytest_disttest.match.profiles import write_profile
from pytest_disttest.model import Capabilities
from pytest_disttest.store.layout import put_in_place


def record(path: Path, name: str, capabilities: Capabilities, *, tags: Sequence[str], workers: int) -> None:
    """Put a host into the file at *path*, made if it is missing; other hosts in it stay.

    Raises BadInventory where the file is none of this kind, or cannot be written.
    """
    hosts = _hosts_in(path)
    facts = {key: value for key, value in capabilities.facts.items() if key != "tag"}
    hosts[name] = {"workers": workers, "tags": list(tags), "profile": write_profile(capabilities._replace(facts=facts))}
    try:
        put_in_place(path, f"{json.dumps({'hosts': hosts}, indent=2)}\n".encode("ascii"))
    except OSError as fault:
        raise BadInventory(f"cannot be written: {fault.strerror}", place=str(path), hint="name another file") from None


def _hosts_in(path: Path) -> dict[str, object]:
    if not path.exists():
        return {}
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise BadInventory(f"cannot be read: {fault}", place=str(path), hint="name another file") from None
    read_simulated(text, file=str(path))  # a file that --hw-simulate would refuse is not made worse
    hosts: dict[str, object] = json.loads(text)["hosts"]
    return hosts
