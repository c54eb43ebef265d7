"""The interpreter that runs the tests on this host, and the distributions that it finds.

PEP 508 (implementation names), PEP 503 (normal names of packages), PEP 427 (a .dist-info directory's name).
"""

from __future__ import annotations

import os
import platform
import re
import sys

from pytest_disttest.worker.probes.finding import Facts, Finding


def probe(_place: object) -> Finding:
    """Return ``python.version``, ``python.implementation`` and ``package.NAME`` of all that is installed."""
    facts: Facts = {
        "python.version": platform.python_version(),
        "python.implementation": sys.implementation.name,
    }
    facts |= {f"package.{name}": version for name, version in packages(sys.path).items()}
    return Finding("python", level="usable", source=sys.executable, facts=facts)


def normal_name(name: str) -> str:
    """Return a package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages(path: list[str]) -> dict[str, str]:
    """Return version by normal name of each distribution on *path*; the first entry wins, as for an import.

    The directories' names say both, which takes a hundredth of the time of reading their metadata.
    """
    found: dict[str, str] = {}
    for directory in path:
        try:
            names = sorted(os.listdir(directory or "."))
        except OSError:
            continue
        for name in names:
            told = _told(directory, name)
            if told is not None:
                found.setdefault(normal_name(told[0]), told[1])
    return found


def _told(directory: str, name: str) -> tuple[str, str] | None:
    stem, dot, kind = name.rpartition(".")
    if not dot or kind not in ("dist-info", "egg-info"):
        return None
    package, dash, version = stem.partition("-")
    if dash:
        return package, version.partition("-")[0]  # an egg adds -py3.11
    return _read(os.path.join(directory, name))


def _read(path: str) -> tuple[str, str] | None:
    """Return what PKG-INFO says: a checkout installed the old way has no version in its directory's name."""
    from importlib.metadata import PathDistribution
    from pathlib import Path

    try:
        metadata = PathDistribution(Path(path)).metadata
        name, version = metadata["Name"], metadata["Version"]
    except Exception:  # half removed
        return None
    return (name, version) if name and version else None
