"""What a host gets of us: the sources of the modules that run there, as one blob."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest_disttest

AGENT = "pytest_disttest.worker.agent"
SHIPPED_FILES = (
    "__init__.py",
    "errors.py",
    "hookspecs.py",
    "markers.py",
    "model.py",
    "options.py",
    "recovery/__init__.py",
    "recovery/backoff.py",
    "recovery/budgets.py",
    "recovery/classes.py",
    "recovery/rules.py",
    "safely.py",
    "wire.py",
)
SHIPPED_ROOMS = ("browser", "match", "needs", "worker")
SHIPPED_KINDS = ("*.py", "*.js")


@dataclass(frozen=True, slots=True)
class Shipment:
    """What to run on a host: *agent* is the module whose ``serve`` takes over; *extra* are more sources."""

    agent: str = AGENT
    extra: Mapping[str, str] = field(default_factory=dict)


OWN_AGENT = Shipment()


def package_directory() -> Path:
    """Return the directory of the controller's own package."""
    return Path(pytest_disttest.__file__).resolve().parent


def gather(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the shipped sources, {path relative to the package: text}, with *extra* laid over them."""
    package = package_directory()
    paths = [package / name for name in SHIPPED_FILES if (package / name).exists()]
    for room in SHIPPED_ROOMS:
        paths += sorted(path for kind in SHIPPED_KINDS for path in (package / room).rglob(kind))
    sources = {path.relative_to(package).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return {**sources, **(extra or {})}


def pack(sources: Mapping[str, str]) -> bytes:
    """Return *sources* as the far end unpacks them: compressed JSON."""
    return zlib.compress(json.dumps(dict(sources)).encode("ascii"))
