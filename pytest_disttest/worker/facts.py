"""What a host says of itself when its agent starts: cheap facts, each from one call."""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Mapping
from typing import Any

from pytest_disttest.worker.machine import ARCHITECTURES, SYSTEMS, affinity, folders
from pytest_disttest.worker.probes import cgroups


def host_facts() -> dict[str, Any]:
    """Return ``os``, ``arch``, ``cpu.processors``, ``hostname`` and what the log wants to show."""
    machine = platform.machine().lower()
    return {
        "os": SYSTEMS.get(platform.system(), platform.system().lower()),
        "arch": ARCHITECTURES.get(machine, machine),
        "cpu.processors": processors(),
        "hostname": socket.gethostname(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform_name(),
        "pid": os.getpid(),
        "lab": lab_facts(os.environ),
    }


def lab_facts(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what a lab's drop-in files say of this host: a test that asks for a tag of theirs waits for no probe."""
    if not any(map(os.path.isdir, folders(environment))):
        return {}
    from pytest_disttest.worker.probes.dropin import probe
    from pytest_disttest.worker.probes.finding import Place

    return probe(Place(environment=dict(environment))).facts


def platform_name() -> str:
    """Return what ``platform.platform()`` does, without its 15 ms: it runs ``uname -p`` and reads the interpreter."""
    system = platform.uname()
    try:
        library = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, OSError, ValueError):
        library = None
    with_library = f"-with-{library.replace(' ', '')}" if library else ""
    return f"{system.system}-{system.release}-{system.machine}{with_library}"


def processors() -> int:
    """Return how many processors this process may use: its affinity, or less where its cgroups allow less time."""
    quota = cgroups.processors(_text)
    return affinity() if quota is None else max(1, min(affinity(), int(quota)))


def _text(path: str) -> str:
    # at every start, for files that mostly are not there: a tenth of what open() takes
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 1 << 16).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)
