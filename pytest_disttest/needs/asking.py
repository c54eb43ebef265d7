"""Which probes a demand has to wait for."""

from __future__ import annotations

from typing import Final

from pytest_disttest.model import Demand

from .vocabulary import KEYS, kind_of_device

FAMILIES: Final = ("system", "cpu", "memory", "disk", "gpu", "accel", "browser", "python", "pci", "usb")
# What every host says of itself when it greets, what its owner declares, and what tells an accelerator apart.
_BASIC: Final = ("os", "arch", "cpu.processors", "hostname", "tag", "location")
_BY_FIRST_WORD: Final = {"package": "python", **{family: family for family in FAMILIES}}


def families_asked(demand: Demand) -> frozenset[str]:
    """Return the families of probes whose facts *demand* speaks of, preferences included; often none."""
    asked = [r.key for alternative in demand.alternatives for r in alternative]
    asked += [preference.requirement.key for preference in demand.prefer]
    return frozenset(family for key in asked if (family := family_of_key(key)))


def family_of_key(key: str) -> str:
    """Return the family of probes that tells *key*; "" for what every host says unasked, or its owner."""
    first = key.partition(".")[0]
    if key in _BASIC or first == "resource":
        return ""
    # the rest (os.version, kernel, tpm, a lab's own facts ...) is the system's
    return kind_of_device(key) or _BY_FIRST_WORD.get(first, "system")


def probed_keys() -> dict[str, str]:
    """Return the family that tells each key, or each whole group of keys (``gpu`` for all of ``gpu.*``)."""
    groups = {"gpu": "gpu", "accel": "accel", "browser": "browser", "webgpu": "browser", "webnn": "browser",
              "package": "python", "fact": "system"}  # fmt: skip
    single = {name: family for name, key in KEYS.items() if key.owner == "host" and (family := family_of_key(name))}
    return {**groups, **single}
