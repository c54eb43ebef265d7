"""What a test was granted, from just before its setup until just after its teardown.

Theory of operation. The controller tells a worker of a grant before it hands it the test. When the test's turn comes,
the worker takes the leases of its devices, sets the variables that show them (``variables``), and runs pytest's whole
protocol of the item with them; then all is undone. A variable that the test has changed and left so stays: plain pytest
would leave it, too. What cannot be had is answered with a ``Refusal`` instead of a run of the test:

``["busy", item, words]``   another controller holds a device (or the place for leases cannot be used); the worker
                            goes on with what it was handed besides
                            also where somebody without a lease has taken the memory that the test asks for
``["bound", item, words]``  a vendor's runtime is initialised in this process and shows other devices: only a fresh
                            process can help. The worker runs nothing more, ``finished`` follows

A runtime that was up before the first test (a conftest file initialises it) would be up in a fresh process as well;
then the test runs, with a warning.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from pytest_disttest.match.grants import grant_from_plain
from pytest_disttest.model import DeviceGrant, Grant
from pytest_disttest.worker import recorder
from pytest_disttest.worker.fixtures import GRANT
from pytest_disttest.worker.forkable import Runtimes, runtimes
from pytest_disttest.worker.leases import Leases, Terms, Wanted
from pytest_disttest.worker.link import Link
from pytest_disttest.worker.numbers import numbered
from pytest_disttest.worker.variables import VENDORS, Vendor, by_vendor, variables_of

PATIENCE_S = 60.0
"""How long a test waits for memory of its device that somebody without a lease holds: nobody knows until when."""
LEASED = ("gpu", "accel")
"""Of these, two controllers must not use one at a time; each may start a browser of its own."""


class Refusal(NamedTuple):
    """Why a test is not run with its grant: the *kind* of message to the controller, and words for people."""

    kind: str
    words: str


class Borrower:
    """What a worker's tests are lent, one test at a time. *at_start* is what its process showed before the first."""

    def __init__(self, link: Link, at_start: Runtimes) -> None:
        self._link = link
        self._leases: Leases | None = None
        self._lent: dict[str, str] = {}
        self._before: dict[str, str | None] = {}
        self._grant: Grant | None = None
        self._always_up = {vendor.name for vendor in VENDORS if vendor.is_up(at_start)}
        self._bound: dict[str, dict[str, str]] = {}
        self._short_since: dict[str, float] = {}

    def agree(self, terms: Mapping[str, Any]) -> None:
        """Take leases from here on, on these terms; without any, devices are not leased (simulated ones are none)."""
        self._leases = Leases(Terms(**{name: terms[name] for name in Terms._fields if name in terms}))

    def borrow(self, plain: Mapping[str, Any], item: pytest.Item) -> Refusal | None:
        """Let *item* have what it was granted until ``give_back``; return why not where that cannot be."""
        grant = numbered(grant_from_plain(plain))
        refusal = self._objection(grant, item) or self._lease(grant, item)
        if refusal is None:
            self._grant = item.stash[GRANT] = grant
            self._lent = variables_of(grant, os.environ)
            self._before = {name: os.environ.get(name) for name in self._lent}
            os.environ.update(self._lent)
        return refusal

    def give_back(self) -> None:
        """Take everything back."""
        for name, value in self._lent.items():
            if os.environ.get(name) == value:
                _restore(name, self._before[name])
        grant, self._grant, self._lent = self._grant, None, {}
        if grant is not None and grant.devices:
            _empty_caches()
        if self._leases is not None:
            self._leases.give_back()
        if grant is not None and grant.devices:
            now = runtimes()
            for vendor, devices in by_vendor(grant):
                if vendor.is_up(now):
                    self._bound.setdefault(vendor.name, vendor.variables(devices))

    def _objection(self, grant: Grant, item: pytest.Item) -> Refusal | None:
        """Why this process cannot show the granted devices: a runtime has read its variable already."""
        if not grant.devices:
            return None
        now = runtimes()
        for vendor, devices in by_vendor(grant):
            shown = vendor.variables(devices)
            if shown and vendor.is_up(now) and self._bound.get(vendor.name) != shown:
                if vendor.name not in self._always_up:
                    return Refusal("bound", f"{vendor.name}'s runtime runs in this worker, and shows other devices")
                self._warn(vendor, item)
        return None

    def _lease(self, grant: Grant, item: pytest.Item) -> Refusal | None:
        wanted = [Wanted(device.kind, device.id, device.share) for device in grant.devices if _is_leased(device)]
        if self._leases is None or not wanted:
            return None
        why = self._leases.take(wanted, item.nodeid)
        if why:
            return Refusal("busy", f"{why} (--hw-steal breaks a lease)")
        why = self._shortage(grant, item)
        if why:
            self._leases.give_back()
        return Refusal("busy", why) if why else None

    def _shortage(self, grant: Grant, item: pytest.Item) -> str:
        """Why a device has not the memory that the test asks for; "" again once that was said for long enough."""
        asked = {
            device.id: (device.memory, memory)
            for device in grant.devices
            if device.memory and isinstance(memory := device.facts.get(f"{device.kind}.memory"), int)
        }
        if not asked:
            return ""
        from pytest_disttest.worker.probes import gpu_use
        from pytest_disttest.worker.probes.finding import here

        why = gpu_use.shortage(asked, here())
        now = time.monotonic()
        waited_s = now - self._short_since.setdefault(item.nodeid, now) if why else 0.0
        return why if waited_s < PATIENCE_S else ""

    def _warn(self, vendor: Vendor, item: pytest.Item) -> None:
        text = (
            f"{vendor.name}'s runtime was initialised during collection, so that {item.nodeid} may see other devices "
            "than it was granted (hw_grant names those)"
        )
        path, line, _ = item.location
        message = warnings.WarningMessage(pytest.PytestWarning(text), pytest.PytestWarning, path, (line or 0) + 1)
        self._link.send("warning", recorder.warning(message), "runtest", item.nodeid, None)


def _empty_caches() -> None:
    """Give back the memory that PyTorch keeps on a device for later: the next test there may run in another process.

    https://docs.pytorch.org/docs/stable/generated/torch.cuda.memory.empty_cache.html
    """
    memory = getattr(sys.modules.get("torch"), "cuda", None)
    with contextlib.suppress(Exception):  # CUDA does not work any more, or is no CUDA at all
        if memory is not None and memory.is_initialized():
            memory.empty_cache()


def _is_leased(device: DeviceGrant) -> bool:
    return device.kind in LEASED and device.facts.get(f"{device.kind}.kind") != "software"


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
