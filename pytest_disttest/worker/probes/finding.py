"""What a probe gives back, and where it looks.

A probe is a function ``probe(place: Place) -> Finding``. It runs in a process of its own on the host, so it may
print, hang or die at the cost of its own answer; it looks at the host only through its *place*, so that recorded
trees can stand in for a machine.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_disttest.worker.machine import ARCHITECTURES, SYSTEMS, affinity

Facts = dict[str, Any]
Found = dict[str, Any]
"""A device as a probe found it: ``{"kind", "id", "address", "facts", "unknown", "fault"}``, see `device`."""

STATUSES = ("ok", "absent", "unknown", "denied")
LEVELS = ("", "present", "bound", "usable", "verified")
PROGRAM_LIMIT_S = 4.0
READ_BYTES = 1 << 20


class Finding(NamedTuple):
    """What one probe found, in builtins only.

    *status* is ``ok``, ``absent`` (looked, and there is none), ``denied`` (there, but we may not use it) or
    ``unknown`` (could not be told, for the reason in *why*). *level* says how far it came: ``present`` (the device is
    there), ``bound`` (a driver has it), ``usable`` (a library or the kernel lets us use it), ``verified`` (a tiny
    operation gave the right numbers). *source* names what was asked. *facts* are the host's own, by key of the
    vocabulary; *devices* are made by `device`; *unknown* says of a key, or a family, why it could not be told.
    *remarks* are for the reader, *degraded* are contradictions that cast doubt on the host, *marks* go into its
    fingerprints and nowhere else.
    """

    name: str
    status: str = "ok"
    level: str = ""
    why: str = ""
    source: str = ""
    facts: Facts = {}  # noqa: RUF012 - never written to
    devices: tuple[Found, ...] = ()
    unknown: Mapping[str, str] = {}
    remarks: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    marks: Mapping[str, Any] = {}


def device(
    kind: str,
    name: str,
    *,
    address: str = "",
    facts: Mapping[str, Any] | None = None,
    unknown: Mapping[str, str] | None = None,
    fault: str = "",
) -> Found:
    """Return a device of *kind* (``gpu``, ``accel``, ``browser``) that is called *name* after every reboot.

    *address* is its PCI address (``0000:41:00.0``): what several probes say of one address is one device. *fault*
    says why it is there but of no use.
    """
    return {
        "kind": kind,
        "id": name,
        "address": address,
        "facts": {key: value for key, value in (facts or {}).items() if value not in (None, "")},
        "unknown": dict(unknown or {}),
        "fault": fault,
    }


class Place(NamedTuple):
    """A host as probes see it. The defaults are those of no machine: `here` fills them in.

    *root* is where ``/proc``, ``/sys``, ``/etc`` and ``/dev`` begin; *directory* is the suite's. *system* and *machine*
    are ours (``linux``, ``x86_64``), *affinity* is the number of processors that this process may run on, 0 for
    unknown. *outputs* are what programs print, by command line, for a recorded host: there nothing is started.
    *limit_s* is when this probe is killed, 0 for unknown: one that takes long can answer with what it has before.
    With *verify*, devices are to show that they calculate, where the probe knows how.
    """

    root: str = "/"
    directory: str = ""
    system: str = "linux"
    machine: str = ""
    release: str = ""
    hostname: str = ""
    affinity: int = 0
    environment: Mapping[str, str] = {}
    outputs: Mapping[str, str] | None = None
    limit_s: float = 0.0
    verify: bool = False

    def path(self, path: str) -> str:
        """Return where *path*, which begins with ``/``, really lies."""
        return path if self.root == "/" else os.path.join(self.root, path.lstrip("/"))

    def text(self, path: str) -> str:
        """Return the file's text without white space at its ends; "" where it cannot be read."""
        try:
            with open(self.path(path), "rb") as file:
                return file.read(READ_BYTES).decode("utf-8", "replace").strip("\0 \t\r\n")
        except OSError:
            return ""

    def number(self, path: str, base: int = 10) -> int | None:
        """Return the whole number that the file holds, None where it holds none."""
        try:
            return int(self.text(path), base)
        except ValueError:
            return None

    def names(self, path: str) -> tuple[str, ...]:
        """Return the directory's entries, sorted; none where it cannot be listed."""
        try:
            return tuple(sorted(os.listdir(self.path(path))))
        except OSError:
            return ()

    def link(self, path: str) -> str:
        """Return the last part of what the link points to, "" for what is no link: a driver's name, for one."""
        try:
            return os.path.basename(os.readlink(self.path(path)))
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Return whether there is anything at *path*."""
        return os.path.exists(self.path(path))

    def may_use(self, path: str) -> bool:
        """Return whether this process may read and write *path*, a device's node."""
        return os.access(self.path(path), os.R_OK | os.W_OK)

    def program(self, name: str, *elsewhere: str) -> str:
        """Return where the program is, by name or else at one of the paths *elsewhere*; "" if nowhere."""
        if self.outputs is not None:
            return name if any(line.split()[0] == name for line in self.outputs) else ""
        found = shutil.which(name, path=self.environment.get("PATH"))
        return found or next((path for path in elsewhere if os.access(path, os.X_OK)), "")

    def run(self, *command: str, limit_s: float = PROGRAM_LIMIT_S) -> tuple[int, str]:
        """Return a program's exit code and what it printed; code -1 and the reason where it did not come to that."""
        if self.outputs is not None:
            return self._recorded(" ".join((os.path.basename(command[0]), *command[1:])))
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=limit_s,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as fault:
            return -1, str(fault)
        return done.returncode, done.stdout.decode("utf-8", "replace").strip()

    def _recorded(self, line: str) -> tuple[int, str]:
        text = (self.outputs or {}).get(line)
        if text is None:
            return -1, f"{line}: not recorded"
        ending = re.match(r"exit ([0-9]+)\n", text)
        return (int(ending[1]), text[ending.end() :].strip()) if ending else (0, text.strip())


def here(directory: str = "", root: str = "/") -> Place:
    """Return the place that is this machine; *root* puts a recorded tree in the place of its files."""
    system, machine = platform.system(), platform.machine().lower()
    return Place(
        root=root,
        directory=directory or os.getcwd(),
        system=SYSTEMS.get(system, system.lower()),
        machine=ARCHITECTURES.get(machine, machine),
        release=platform.release(),
        hostname=socket.gethostname(),
        affinity=affinity(),
        environment=dict(os.environ),
    )


def hexadecimal(text: str) -> int | None:
    """Return the number that ``0x10de`` or ``10de`` stands for, None for anything else."""
    with contextlib.suppress(ValueError):
        return int(text, 16)
    return None
