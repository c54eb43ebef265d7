"""What slow probes found, kept on the host until its next boot: a file of JSON for each state of the machine.

The file's name is a digest of all that makes an old answer worthless: the boot, the drivers' versions, the
interpreter, our own version and table. A file that cannot be read is no file, and one that cannot be written costs
the next run some time: nothing here ever fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_disttest.worker.probes.finding import Place
from pytest_disttest.worker.probes.table import Row

LIFE_S = 12 * 3600.0
FORM = 1
DRIVERS = ("nvidia", "amdgpu", "i915", "xe", "habanalabs", "neuron", "intel_vpu", "amdxdna")
NODES = ("accel", "davinci", "dri", "kfd", "neuron", "nvidia")
PROGRAMS = (
    "chromium", "chromium-headless-shell", "google-chrome-stable", "microsoft-edge-stable", "firefox", "firefox-esr",
    "chromedriver", "geckodriver", "msedgedriver",
)  # fmt: skip
"""Where an update makes another host: browsers and their drivers, if they are on PATH."""
BEGINNING = "probes-"

Answers = dict[str, dict[str, Any]]
"""By probe: ``{"finding": Finding as a dict, "seconds": what it took, "at": POSIX seconds}``."""


def directory(chosen: str, environment: Mapping[str, str]) -> str:
    """Return where the cache lies: *chosen*, else ``disttest`` in the user's cache directory (XDG)."""
    if chosen:
        return chosen
    home = environment.get("HOME") or os.path.expanduser("~")
    return os.path.join(environment.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "disttest")


def key(place: Place, version: str, rows: Sequence[Row], interpreter: str) -> str:
    """Return the digest of the state in which answers stay true."""
    drivers = {name: _driver(place, name) for name in DRIVERS}
    state = [
        FORM,
        version,
        interpreter,
        place.text("/proc/sys/kernel/random/boot_id"),
        place.text("/proc/sys/kernel/osrelease") or place.release,
        place.root,
        {name: state for name, state in drivers.items() if state},
        [row for row in rows if row.kept],
        # Containers of one machine share its boot, and perhaps a home, and have each their own devices.
        [name for name in place.names("/dev") if name.startswith(NODES)],
        place.names("/dev/dri"),
        programs(place),
        # A user who may use a device, or sees all of them, gets another answer than one who may not.
        [os.getuid(), place.environment.get("PATH", "")],
        # ... and so do those who see only some.
        [place.environment.get(name, "") for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")],
    ]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:24]


def _driver(place: Place, name: str) -> str:
    module = f"/sys/module/{name}"
    if not place.exists(module):
        return ""
    return place.text(f"{module}/version") or place.text(f"{module}/srcversion") or "there"


def programs(place: Place) -> list[tuple[str, int]]:
    """Return the browsers and their drivers that are there, each with the time since when."""
    return [_stamp(path) for path in (*map(place.program, PROGRAMS), *_named(place)) if path]


def _named(place: Place) -> list[str]:
    """Return the browsers and drivers that the host's owner names."""
    return place.environment.get("DISTTEST_BROWSERS", "").split(os.pathsep)


def _stamp(path: str) -> tuple[str, int]:
    """Return which file it is, and since when; 0 for one that is not there."""
    try:
        return path, os.stat(path).st_mtime_ns
    except OSError:
        return path, 0


def read(folder: str, key: str, now: float, *, life_s: float = LIFE_S) -> Answers:
    """Return the answers kept under *key* that are younger than *life_s*; {} where there is nothing to read."""
    try:
        with open(_file(folder, key), encoding="utf-8") as file:
            kept = json.load(file)
        return {
            str(name): answer
            for name, answer in kept["answers"].items()
            if 0 <= now - float(answer["at"]) < life_s and isinstance(answer["finding"], dict)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write(folder: str, key: str, answers: Answers, now: float) -> None:
    """Keep *answers*; whoever reads meanwhile sees the old file or the new one, whole."""
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor, new = tempfile.mkstemp(prefix=".probes-", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"form": FORM, "answers": answers}, file)
            os.replace(new, _file(folder, key))
        except OSError:
            os.unlink(new)
            raise
        _forget_old(folder, now)


def _forget_old(folder: str, now: float) -> None:
    """Remove the files of earlier boots and drivers."""
    for name in os.listdir(folder):
        if name.startswith((BEGINNING, f".{BEGINNING}")):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                if now - os.stat(path).st_mtime > LIFE_S:
                    os.unlink(path)


def _file(folder: str, key: str) -> str:
    return os.path.join(folder, f"{BEGINNING}{key}.json")


def clock() -> float:
    """Return POSIX seconds."""
    return time.time()
