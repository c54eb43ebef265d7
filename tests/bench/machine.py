"""The machine and the versions, for those who read the numbers elsewhere."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from bench.runs import environment

DISTRIBUTIONS = ("pytest", "pytest-xdist", "execnet", "bistra", "duckdb")


def described(checkout: Path) -> list[str]:
    """Return lines that name the processor, the system, the versions and the load."""
    versions = ", ".join(f"{name} {_version(name)}" for name in DISTRIBUTIONS)
    return [
        f"{cpu_model()}, {os.cpu_count()} cores, {memory_gib():.0f} GiB; {platform.system()} {platform.release()}",
        f"{platform.python_implementation()} {platform.python_version()}; {versions}",
        f"pytest-disttest of {checkout} at {revision(checkout)}",
        load(),
    ]


def load() -> str:
    """Return the load average as a sentence."""
    return "load average " + ", ".join(f"{part:.2f}" for part in os.getloadavg())


def cpu_model() -> str:
    """Return the processor's name as Linux knows it."""
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else platform.machine()


def memory_gib() -> float:
    """Return the size of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def revision(checkout: Path) -> str:
    """Return the commit that is checked out, with ``-dirty`` where files differ from it, or ``?``."""
    found = subprocess.run(
        ["git", "-C", str(checkout), "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return found.stdout.strip() or "?"


def imported_from(checkout: Path) -> Path:
    """Return the directory from which the runs import our package: *checkout*, or the measurement is of another."""
    code = "import pathlib, pytest_disttest; print(pathlib.Path(pytest_disttest.__file__).parents[1].resolve())"
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment(checkout, {}), capture_output=True, text=True, check=True
    )
    return Path(found.stdout.strip())


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"
