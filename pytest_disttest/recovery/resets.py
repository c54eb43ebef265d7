"""How a device is reset: by a command that its host's owner names, or by the tool of its vendor."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from string import Formatter
from typing import Final

from pytest_disttest.errors import BadInventory
from pytest_disttest.model import Device

VENDOR: Final = "vendor"
"""In the place of a command: the tool of whoever made the device."""
FIELDS: Final = ("kind", "id", "index", "address", "uuid")
"""What a command may hold in braces. *index* is the number in the vendor's order, *address* that on the PCI bus."""
TOOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "10de": ("nvidia-smi", "--gpu-reset", "-i", "{uuid}"),
    "1002": ("amd-smi", "reset", "--gpureset", "--gpu", "{address}"),
    "1da3": ("hl-smi", "-i", "{address}", "-r"),
}
"""By the vendor's PCI number. All of them need root, and refuse a device that a process has open.

Sources: nvidia-smi(1); https://rocm.docs.amd.com/projects/amdsmi/en/latest/how-to/amdsmi-cli-tool.html;
https://docs.habana.ai/en/latest/Management_and_Monitoring/Embedded_System_Tools_Guide/System_Management_Interface_Tool.html
"""


class NoReset(Exception):
    """There is no way to reset a device; the text says why."""


def check_reset(reset: str, place: str) -> str:
    """Return what an inventory says of resets at *place*, as it is.

    Raises BadInventory for what is no command, or has a field that does not exist.
    """
    try:
        words = shlex.split(reset)
        unknown = [field for word in words for field in _fields(word) if field not in FIELDS]
    except ValueError as fault:
        raise BadInventory(f"is no command: {fault}", place=place) from None
    if not words:
        raise BadInventory("is empty", place=place, hint=f'say a command, or "{VENDOR}"')
    if unknown:
        named = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise BadInventory(f"{{{unknown[0]}}} is nothing that is known of a device", place=place, hint=f"say {named}")
    return reset


def reset_words(reset: str, device: Device) -> tuple[str, ...]:
    """Return the words of the command that resets *device*, as *reset* has them: no shell reads them.

    Raises NoReset where the vendor's tool is not known, or the command needs what nobody knows of the device.
    """
    words = _tool(device) if reset == VENDOR else tuple(shlex.split(reset))
    known = _known(device)
    for word in words:
        for field in _fields(word):
            if not known[field]:
                raise NoReset(f"its {field} is not known")
    return tuple(word.format_map(known) for word in words)


def _fields(word: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(word) if field is not None]


def _known(device: Device) -> dict[str, str]:
    uuid = str(device.facts.get(f"{device.kind}.uuid", ""))
    index = device.facts.get(f"{device.kind}.index")
    address = str(device.facts.get(f"{device.kind}.address", ""))
    return {
        "kind": device.kind,
        "id": device.id,
        "index": "" if index is None else str(index),
        "address": address,
        "uuid": uuid,
    }


def _tool(device: Device) -> tuple[str, ...]:
    vendor = str(device.facts.get(f"{device.kind}.vendor", "")).lower().removeprefix("0x")
    if vendor not in TOOLS:
        raise NoReset(f"no tool is known that resets {device.kind}s of {_name(device)}")
    return TOOLS[vendor]


def _name(device: Device) -> str:
    return str(device.facts.get(f"{device.kind}.vendor-name") or "its vendor")
