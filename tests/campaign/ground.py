"""Where trials happen: hosts behind sshd and in namespaces, all of them made here.

Nothing but loopback and namespaces of our own is spoken to, and everything is taken down at the end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rigs.netns import NamespaceHosts, namespace_hosts
from rigs.sshd import SshHost, loopback_hosts


@dataclass
class Ground:
    """The hosts of a campaign, made when a trial first needs them."""

    directory: Path
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @cached_property
    def ssh(self) -> tuple[SshHost, ...]:
        """Two hosts behind sshd on loopback addresses."""
        return self.stack.enter_context(loopback_hosts(self.directory / "sshd", 2))

    @cached_property
    def netns(self) -> NamespaceHosts:
        """Two hosts whose links can be cut."""
        return self.stack.enter_context(namespace_hosts(self.directory / "netns", 2))


@contextlib.contextmanager
def ground(directory: Path) -> Iterator[Ground]:
    """Yield the ground of a campaign, and clear it afterwards."""
    made = Ground(directory)
    with made.stack:
        yield made
