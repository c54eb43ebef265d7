"""Real browsers for tests, and probes of them in processes of their own, with nothing left behind.

``tests/run.sh`` installs them. Where one is missing a test is skipped, and fails on CI.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rigs.ci import ON_CI

from pytest_disttest.browser.found import Installed, driver_of
from pytest_disttest.browser.kinds import BY_NAME

CHECKOUT = Path(__file__).parents[2]
WEBNN_CHROMIUM = Path(sys.prefix) / "browsers" / "chromium-153.0.0" / "chromium"
LAVAPIPE = next(iter(sorted(Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json"))), Path())
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")

# The GPU process waits for a debugger, which never comes: requestAdapter and createContext never settle.
HANGING = ("--gpu-startup-dialog",)

# What a host's probe process does, with what it leaves behind told at the end: whatever escapes becomes its child.
SCRIPT = """
import json, os, sys, time
from pytest_disttest.browser import keeping, probe
from pytest_disttest.browser.arithmetic import Question
from pytest_disttest.browser.found import Installed
from pytest_disttest.browser.opening import USUAL, Settings

order = json.load(sys.stdin)
keeping.become_subreaper()
start = time.perf_counter()
programs = [Installed(*program) for program in order["programs"]]
asked = probe.question(probe.Random())
ways = [USUAL._replace(**{"flags": flags} if flags else {}, **order["settings"]) for flags in order["ways"]]
told = probe.tell(programs, asked, limit_s=order["limit_s"], ways=ways)
finding = probe.finding(programs, told, asked, ())
seconds = time.perf_counter() - start
json.dump([finding._asdict(), seconds, keeping.descendants(os.getpid())], sys.stdout)
"""


class Probed(NamedTuple):
    """What a probe found (*devices*, *remarks*, *level*), how long it took, and what it left behind."""

    devices: tuple[dict[str, Any], ...]
    remarks: tuple[str, ...]
    level: str
    seconds: float
    left_processes: tuple[int, ...]
    left_files: tuple[str, ...]

    @property
    def left(self) -> tuple[object, ...]:
        """Processes and files that should not be there any more."""
        return self.left_processes + self.left_files

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the only browser."""
        (device,) = self.devices
        facts: dict[str, Any] = device["facts"]
        return facts

    @property
    def unknown(self) -> dict[str, str]:
        """What remained unknown of the only browser."""
        (device,) = self.devices
        unknown: dict[str, str] = device["unknown"]
        return unknown


def chromium() -> Installed:
    """Return Debian's Chromium: WebGPU on a processor, and a WebNN that has no backend."""
    return _there(Installed("chromium", _command("chromium"), _command("chromedriver")))


def headless_shell() -> Installed:
    """Return Debian's Chromium without windows: half the time and half the memory."""
    return _there(Installed("chromium", _command("chromium-headless-shell"), _command("chromedriver")))


def webnn_chromium() -> Installed:
    """Return a Chromium with WebNN, driven by Debian's chromedriver, which is of another version."""
    return _there(Installed("chromium", str(WEBNN_CHROMIUM), _command("chromedriver")))


def firefox() -> Installed:
    """Return Debian's Firefox, driven by the geckodriver in a Python package."""
    return _there(Installed("firefox", _command("firefox-esr"), driver_of(BY_NAME["firefox"], os.environ, {})))


def probed(
    *programs: Installed,
    directory: Path,
    limit_s: float = 60.0,
    environment: Mapping[str, str] | None = None,
    **how: object,
) -> Probed:
    """Return what a process of its own finds out about *programs*; temporary files go below *directory*."""
    process = start_probe(*programs, directory=directory, limit_s=limit_s, environment=environment, **how)
    return answer_of(process, directory)


def answer_of(process: subprocess.Popen[str], directory: Path) -> Probed:
    """Return what the probe of `start_probe` found out, when it has ended."""
    said, wrong = process.communicate(timeout=120)
    assert process.returncode == 0, wrong
    finding, seconds, left = json.loads(said)
    files = tuple(sorted(os.listdir(directory)))
    return Probed(tuple(finding["devices"]), tuple(finding["remarks"]), finding["level"], seconds, tuple(left), files)


def start_probe(
    *programs: Installed,
    directory: Path,
    limit_s: float = 60.0,
    environment: Mapping[str, str] | None = None,
    ways: Sequence[Sequence[str]] = ((),),
    **how: object,
) -> subprocess.Popen[str]:
    """Start what `probed` waits for; *how* are `Settings`, *ways* flags to be tried in turn, () for the usual ones."""
    order = {"programs": programs, "limit_s": limit_s, "settings": how, "ways": ways}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(directory), **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(order))
    process.stdin.close()
    process.stdin = None
    return process


def wrapped(program: Installed, directory: Path, flags: Sequence[str] = (), before: str = "") -> Installed:
    """Return *program* behind a script that adds *flags* and does *before* first: a browser as somebody set it up."""
    script = directory / f"{Path(program.path).name}-wrapped"
    script.write_text(f'#!/bin/sh\n{before}\nexec {program.path} "$@" {" ".join(flags)}\n')
    script.chmod(0o755)
    return program._replace(path=str(script))


@contextlib.contextmanager
def home() -> Iterator[Path]:
    """Yield a new directory with a path so short that probes take it for their files."""
    with tempfile.TemporaryDirectory(prefix="dt", dir="/tmp") as directory:
        yield Path(directory)


def processes_below(directory: Path) -> dict[int, str]:
    """Return the command lines of the processes that were told, by environment or argument, to live in *directory*."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            if str(directory).encode() in (entry / "environ").read_bytes() + line:
                found[int(entry.name)] = line.replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def _command(name: str) -> str:
    return shutil.which(name) or ""


def _there(program: Installed) -> Installed:
    missing = [path for path in (program.path, program.driver) if not os.path.isfile(path)]
    if importlib.util.find_spec("selenium") is None:
        missing.append("selenium")
    if missing:
        words = f"{program.kind} needs a browser and a driver; missing: {missing}. tests/run.sh installs them"
        if ON_CI:
            pytest.fail(words)
        pytest.skip(words)
    return program
