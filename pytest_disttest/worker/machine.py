"""What Python itself says of this machine, in our words: cheap enough for every start."""

from __future__ import annotations

import os
from collections.abc import Mapping

SYSTEMS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows", "FreeBSD": "freebsd"}
ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


def affinity() -> int:
    """Return how many processors this process may run on, where the system tells."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


def folders(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the folders of a lab's drop-in files, the most particular last; DISTTEST_FACTS replaces them all."""
    chosen = environment.get("DISTTEST_FACTS")
    if chosen:
        return (chosen,)
    own = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME", "~"), ".config")
    return "/etc/disttest/facts.d", os.path.join(own, "disttest", "facts.d")
