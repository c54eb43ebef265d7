"""The hosts that an inventory file lists."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pytest_disttest.model import Host

LOCAL: Final = "local"
"""The name and the transport of this machine, described or not."""

Preset = Mapping[str, Any]
"""Keywords of ``hw()`` under a name."""


class Inventory(NamedTuple):
    """The hosts that a file describes, by name and in its order, disabled ones included.

    *workers* is the file's default for hosts that do not say their own, 0 where it has none. *file* is
    "" when there is no inventory. *presets* are the keywords of ``hw()`` that a preset's name stands for, *failures*
    the rows that say of what class a failure is.
    """

    hosts: Mapping[str, Host] = MappingProxyType({})
    workers: int = 0
    file: str = ""
    presets: Mapping[str, Preset] = MappingProxyType({})
    failures: tuple[Mapping[str, Any], ...] = ()

    def enabled(self) -> tuple[Host, ...]:
        """Return the hosts that may be used, in the file's order."""
        return tuple(host for host in self.hosts.values() if host.enabled)
