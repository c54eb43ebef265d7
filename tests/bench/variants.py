"""The ways to run a suite that are compared. Each loads only its own plugin: no other one may cost it time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RUNNERS = ("plain", "xdist", "bistra", "ours")


@dataclass(frozen=True, slots=True)
class Variant:
    """A command: *argv* follows the interpreter; *runner* is one of ``RUNNERS``, *label* tells variants apart."""

    label: str
    runner: str
    argv: tuple[str, ...]


def plain() -> Variant:
    """Return pytest alone."""
    return Variant("plain", "plain", ("-m", "pytest"))


def xdist(workers: int = 2) -> Variant:
    """Return pytest-xdist as most use it."""
    return Variant(f"xdist-{workers}", "xdist", ("-m", "pytest", "-p", "xdist", "-n", str(workers)))


def bistra(workers: int = 2) -> Variant:
    """Return bistra, by its own command line."""
    return Variant(f"bistra-{workers}", "bistra", ("-m", "bistra", "-j", str(workers)))


def ours(workers: int = 2) -> Variant:
    """Return ``--dist-hw`` on this machine."""
    return Variant(f"ours-{workers}", "ours", (*OURS, "--hw-workers", str(workers)))


def unguarded(workers: int = 2) -> Variant:
    """Return ``--dist-hw`` without what it does only in case something breaks."""
    options = ("--hw-reconnect=0", "--hw-crash-reruns=0", "--hw-heartbeat=3600", "-p", "bench_unguarded")
    return Variant(f"unguarded-{workers}", "ours", (*OURS, "--hw-workers", str(workers), *options))


def ours_on(hosts: Sequence[str], inventory: Path) -> Variant:
    """Return ``--dist-hw`` on *hosts* of *inventory*."""
    return Variant("ours-hosts", "ours", (*OURS, f"--hw-inventory={inventory}", f"--hw-hosts={','.join(hosts)}"))


def all_four(workers: int = 2) -> tuple[Variant, ...]:
    """Return one variant of each runner."""
    return plain(), xdist(workers), bistra(workers), ours(workers)


def rotated(variants: Sequence[Variant], repetition: int) -> tuple[Variant, ...]:
    """Return *variants* beginning with another one in each repetition, so that none always follows the same."""
    start = repetition % len(variants)
    return (*variants[start:], *variants[:start])


OURS = ("-m", "pytest", "-p", "pytest_disttest.plugin", "--dist-hw")
