"""What an owner declares against what probes found, and what is new about a host."""

from __future__ import annotations

import pytest

from pytest_disttest.match.changes import Change, changes
from pytest_disttest.match.vouched import with_declared
from pytest_disttest.model import Capabilities, Device, Value

GIB = 1 << 30


def gpu(number: int, memory: int = 40 * GIB, *, fault: str = "", driver: str = "550") -> Device:
    facts = {"gpu.memory": memory, "gpu.driver-version": driver, "gpu.kind": "discrete"}
    return Device("gpu", f"GPU-{number}", facts, fault=fault)


FOUND = Capabilities(
    facts={"memory": 62 * GIB, "kernel": "6.1.0", "cpu.flag": ("avx", "avx2"), "os": "linux", "cpu.processors": 8},
    devices=(gpu(1), gpu(2)),
    unknown={"accel": "denied"},
)


@pytest.mark.parametrize(
    "declared",
    [
        {"memory": 64 * GIB},  # five per cent are kept by firmware and kernel
        {"kernel": "6.1", "cpu.flag": ("avx2",), "os": "linux", "cpu.processors": 8},
        {"gpu.count": 2, "gpu.memory": 40 * GIB},
        {"gpu.count": 1},
    ],
)
def test_a_host_that_has_what_was_declared_is_sound(declared: dict[str, Value]):
    """More than declared is no fault either."""
    judged = with_declared(FOUND, declared)

    assert (judged.drained, judged.degraded) == ("", ())


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"memory": 80 * GIB}, "declared memory = 80 GiB, but 62 GiB found"),
        ({"kernel": "6.9"}, "declared kernel = 6.9, but 6.1.0 found"),
        ({"cpu.flag": ("amx", "avx2")}, "but it lacks amx"),
        ({"os": "macos"}, "declared os = macos, but it is linux"),
        ({"gpu.count": 3}, "declared gpu.count = 3, but 2 found"),
        ({"gpu.count": 2, "gpu.memory": 80 * GIB}, "0 of 2 devices have it (GPU-1: 40 GiB found)"),
    ],
)
def test_a_host_that_has_less_is_drained_with_the_reason(declared: dict[str, Value], said: str):
    """What was declared, and what was found instead."""
    assert said in with_declared(FOUND, declared).drained


def test_a_device_with_a_fault_does_not_count():
    """It is there, and of no use; the reason says so."""
    broken = FOUND._replace(devices=(gpu(1), gpu(2, fault="GPU is lost")))

    assert with_declared(broken, {"gpu.count": 2}).drained == (
        "declared gpu.count = 2, but 1 found (GPU-2: GPU is lost)"
    )


def test_what_nobody_could_tell_degrades_and_what_no_probe_tells_of_holds():
    """Neither side is trusted in silence."""
    judged = with_declared(FOUND, {"accel.count": 1, "location": "basement"})

    assert judged.degraded == ("declared accel.count = 1 could not be checked: denied",)
    assert (judged.drained, judged.facts["location"]) == ("", "basement")


def test_changes_are_told_with_both_values():
    """A new driver on all devices is told once; a device that is gone is a number."""
    before = FOUND._replace(devices=(gpu(1), gpu(2)))
    driver = FOUND._replace(devices=(gpu(1, driver="560"), gpu(2, driver="560")))
    lost = FOUND._replace(devices=(gpu(1),), facts={**FOUND.facts, "memory": 32 * GIB})

    assert changes(before, before) == ()
    assert changes(before, driver) == (Change("gpu.driver-version", "550", "560"),)
    assert list(map(str, changes(before, lost))) == ["memory 62 GiB -> 32 GiB", "gpu.count 2 -> 1"]


def test_what_was_not_asked_is_no_change():
    """A run that asks for less forgets nothing, and one that asks for more finds nothing new."""
    less = Capabilities(facts={"os": "linux"}, unknown={"gpu": "not probed", "memory": "not probed"})

    assert changes(FOUND, less) == changes(less, FOUND) == ()


def test_what_differs_from_hour_to_hour_is_no_change():
    """Free space, and a megabyte more or less that the kernel keeps."""
    one = Capabilities(facts={"disk.free": 9 * GIB, "disk.size": 90 * GIB, "memory": 64 * GIB})
    other = Capabilities(facts={"disk.free": 5 * GIB, "disk.size": 90 * GIB, "memory": 64 * GIB - (1 << 20)})

    assert changes(one, other) == ()
