"""What faults are made with: small disks, control groups, packets that are dropped; and why that is impossible here.

Each ``no_...`` function returns the reason for which a machine does not have the means, "" where it has them.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rigs.netns import require_namespaces
from rigs.sshd import require_sshd

GROUPS = Path("/sys/fs/cgroup")


@functools.cache
def no_disks() -> str:
    """Small disks are mounted, which takes root."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return "needs root to mount a small disk"
    with tempfile.TemporaryDirectory() as place:
        try:
            with small_disk(Path(place), 1 << 20):
                return ""
        except subprocess.CalledProcessError:
            return "this machine lets nobody mount a disk"


@functools.cache
def no_namespaces() -> str:
    """Hosts whose cables can be cut; on CI, what only has to be installed is a failure."""
    try:
        require_sshd()
        require_namespaces()
    except pytest.skip.Exception as skipped:
        return str(skipped.msg)
    return ""


@functools.cache
def no_drops() -> str:
    """Packets are dropped by nftables."""
    return no_namespaces() or ("" if shutil.which("nft") else "needs nft: apt-get install nftables")


@functools.cache
def no_process_limit() -> str:
    """A fork bomb is let off only where the kernel contains it."""
    return _no_group("pids")


@functools.cache
def no_memory_limit() -> str:
    """The kernel kills who takes more than its group may."""
    return _no_group("memory")


def _no_group(kind: str) -> str:
    probe = GROUPS / kind / f"campaign-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        return f"needs a control group of {kind} (version 1): {error.strerror}"
    return ""


@contextlib.contextmanager
def small_disk(place: Path, size_bytes: int) -> Iterator[Path]:
    """Hold a file system of this size at *place*, which is made."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> None:
    """Leave no room on the disk of *place*."""
    for name, piece in (("filler", 1 << 16), ("filler-2", 64)):
        with (place / name).open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(piece)):
                continue


@contextlib.contextmanager
def control_group(kind: str, limits: Mapping[str, str]) -> Iterator[Path]:
    """Hold a control group with *limits*; who writes its number into ``cgroup.procs`` is bound by them."""
    place = GROUPS / kind / f"campaign-{os.getpid()}"
    place.mkdir()
    try:
        for name, value in limits.items():
            (place / name).write_text(value)
        yield place
    finally:
        for line in (place / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line), 9)
        with contextlib.suppress(OSError):
            place.rmdir()
