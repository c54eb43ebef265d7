"""A test has what it was granted from its setup to its teardown; what cannot be had is said instead of run."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs.one_worker import OneWorker

from pytest_disttest.match.grants import grant_as_plain
from pytest_disttest.model import DeviceGrant, Grant
from pytest_disttest.worker.leases import DIRECTORY, read_leases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals and /proc as on Linux")

NVIDIA = {"gpu.vendor": "10de", "gpu.memory": 80 << 30}
A, B = "GPU-aaaa-1", "GPU-bbbb-2"
CUDA = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS")

SUITE = """
import json, os, pathlib, sys, types
import pytest

def note(when):
    names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS")
    with open("notes", "a") as notes:
        print(json.dumps([when, *(os.environ.get(name) for name in names)]), file=notes)

@pytest.fixture
def noted():
    note("setup")
    yield
    note("teardown")

def test_granted(noted):
    note("call")

def test_after(noted):
    note("after")

def test_changes():
    os.environ["CUDA_VISIBLE_DEVICES"] = "7"

def test_patches(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")

def test_grant(hw_grant):
    device, = hw_grant.devices
    print(hw_grant.host, hw_grant.cores, hw_grant.memory, hw_grant.pools, hw_grant.exclusive)
    print(device.kind, device.id, device.share, device.facts["gpu.memory"], device.facts["gpu.api"])
    assert 0, "to be told in full"

def test_without(hw_grant):
    assert (hw_grant.host, hw_grant.cores, hw_grant.devices) == ("here", 1.0, ())

def test_starts_cuda():
    sys.modules["torch"] = types.SimpleNamespace(cuda=types.SimpleNamespace(is_initialized=lambda: True))
"""
ITEMS = ("granted", "after", "changes", "patches", "grant", "without", "starts_cuda")


def item(name: str) -> int:
    return ITEMS.index(name)


def on(*ids: str, share: float = 1.0, cores: float = 2.0) -> dict[str, Any]:
    """A grant of these NVIDIA devices, as it is sent."""
    devices = tuple(DeviceGrant("gpu", each, share, NVIDIA | {"gpu.api": ("cuda", "vulkan")}) for each in ids)
    return grant_as_plain(Grant("here", cores, 1 << 30, devices, (("serial", 1),)))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OneWorker]]:
    """Start workers on the suite, with leases in a place of the test's own."""
    monkeypatch.setenv(DIRECTORY, str(tmp_path / "leases"))
    for name in CUDA:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "test_it.py").write_text(SUITE)
    started: list[OneWorker] = []

    def start_one(*args: str, environment: dict[str, str] | None = None) -> OneWorker:
        started.append(OneWorker(tmp_path, *args, environment=environment))
        return started[-1]

    yield start_one
    for worker in started:
        worker.kill()


def notes(place: Path) -> list[list[str | None]]:
    return [json.loads(line) for line in (place / "notes").read_text().splitlines()]


def kinds(told: list[list[Any]]) -> list[str]:
    """What was said of tests, in order."""
    return [
        message[0]
        for message in told
        if message[0] in ("pass", "end", "busy", "bound", "spoilt", "warning", "finished")
    ]


def test_the_variables_stand_from_setup_to_teardown(start: Callable[..., OneWorker], tmp_path: Path):
    """Devices by UUID in the order of the bus, as many threads as cores; and nothing of it for the next test."""
    worker = start()
    worker.tell("grant", item("granted"), on(B, A))

    assert ["pass", "pass", "finished"] == kinds(worker.run(item("granted"), item("after")))
    during, before = [f"{B},{A}", "PCI_BUS_ID", "2"], [None, None, None]
    assert [
        ["setup", *during],
        ["call", *during],
        ["teardown", *during],
        ["setup", *before],
        ["after", *before],
        ["teardown", *before],
    ] == notes(tmp_path)


def test_what_stood_there_before_stands_there_again(start: Callable[..., OneWorker], tmp_path: Path):
    """The user's own variables come back; a number of threads that the user has set is not touched."""
    own = {"CUDA_VISIBLE_DEVICES": "3", "OMP_NUM_THREADS": "5"}
    worker = start(environment=own)
    worker.tell("grant", item("granted"), on(A))

    worker.run(item("granted"), item("after"))

    assert [["call", A, "PCI_BUS_ID", "5"], ["after", "3", None, "5"]] == notes(tmp_path)[1:5:3]


@pytest.mark.parametrize(("name", "left"), [("changes", "7"), ("patches", None)])
def test_a_test_that_sets_a_variable_is_treated_as_plain_pytest_does(
    start: Callable[..., OneWorker], tmp_path: Path, name: str, left: str | None
):
    """What monkeypatch undoes is undone; what a test leaves behind stays."""
    worker = start()
    worker.tell("grant", item(name), on(A))

    worker.run(item(name), item("after"))

    assert ["setup", left, None, None] == notes(tmp_path)[0]


def test_the_fixture_tells_all_of_the_grant(start: Callable[..., OneWorker]):
    """Host, cores, memory, devices with their facts, pools; sets of words are tuples again."""
    worker = start()
    worker.tell("grant", item("grant"), on(A, share=0.25))

    told = worker.run(item("grant"))

    shown = json.dumps([message for message in told if message[0] == "report"])
    assert f"here 2.0 {1 << 30} (('serial', 1),) False" in shown
    assert f"gpu {A} 0.25 {80 << 30} ('cuda', 'vulkan')" in shown


def test_a_test_that_was_granted_nothing_has_its_host_and_one_core(start: Callable[..., OneWorker]):
    """The fixture is there for every test."""
    assert ["pass", "finished"] == kinds(start().run(item("without")))


def test_the_fixture_is_there_without_distribution(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """A plain run has one core and no devices of its own either."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile("def test_it(hw_grant): assert hw_grant == ('local', 1.0, 0, (), (), False)")

    pytester.runpytest("-p", "pytest_disttest.plugin").assert_outcomes(passed=1)


def test_a_lease_lasts_as_long_as_its_test(start: Callable[..., OneWorker], tmp_path: Path):
    """Others see who holds the device while the test runs, and nobody afterwards."""
    (tmp_path / "test_it.py").write_text(
        "from pytest_disttest.worker.leases import read_leases\n"
        "def test_a():\n    row, = read_leases()\n    assert row['holders'][0]['test'] == 'test_it.py::test_a'\n"
        "    assert row['id'] == 'GPU-aaaa-1' and row['controller'] == 'alice@desk'\n"
        "def test_b():\n    assert read_leases() == []\n"
    )
    worker = start()
    worker.tell("terms", {"controller": "alice@desk", "run": "r1"})
    worker.tell("grant", 0, on(A))

    assert ["pass", "pass", "finished"] == kinds(worker.run(0, 1))


def test_a_device_that_another_run_holds_is_not_used(start: Callable[..., OneWorker]):
    """The worker says who holds it instead of running the test, goes on, and does not go home before that."""
    worker, other = start(), start()
    for each, run in ((worker, "r1"), (other, "r2")):
        each.tell("terms", {"controller": run, "run": run, "wait_s": 0.05})
        each.tell("grant", item("granted"), on(A))
    worker.told = []
    with held_by_another(A):
        worker.tell("run", [item("granted"), item("after")])
        worker.tell("finish")
        busy = worker.until("busy")
        worker.until("pass")
    worker.tell("grant", item("granted"), on(A))
    worker.tell("again", [item("granted")])
    worker.until("finished")

    assert ["busy", "pass", "pass", "finished"] == kinds(worker.told)
    assert item("granted") == busy[1]
    assert f"gpu {A} is held by" in busy[2]
    assert "(desk) for somebody's test" in busy[2]
    assert ["pass", "finished"] == kinds(other.run(item("granted")))


def test_a_worker_on_hold_gives_back_what_it_was_lent_late(start: Callable[..., OneWorker]):
    """It was told to hold while its test waited for a device; that still counts when the test ends."""
    worker = start()
    worker.tell("terms", {"run": "r1", "wait_s": 0.05})
    with held_by_another(A):
        worker.tell("grant", item("granted"), on(A))
        worker.tell("run", [item("granted")])
        worker.until("busy")
        worker.until("need")
        worker.tell("hold")
    worker.tell("grant", item("granted"), on(A))
    worker.tell("again", [item("granted")])
    worker.until("pass")

    assert [] == read_leases()


@contextlib.contextmanager
def held_by_another(device: str) -> Iterator[None]:
    """Let a process of another run hold *device*."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, device], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        yield


HOLD = """
import sys
from pytest_disttest.worker.leases import Leases, Terms, Wanted
assert not Leases(Terms("desk", "r0")).take([Wanted("gpu", sys.argv[1])], "somebody's test")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_holds_nothing(start: Callable[..., OneWorker], tmp_path: Path):
    """The kernel frees the lease of a worker that dies in the middle of its test."""
    (tmp_path / "test_it.py").write_text("import time\ndef test_a():\n    open('begun', 'w')\n    time.sleep(60)\n")
    worker = start()
    worker.tell("terms", {"run": "r1"})
    worker.tell("grant", 0, on(A))
    worker.tell("run", [0])
    worker.until("start")
    while not (tmp_path / "begun").exists():
        worker._hear(0.01)
    assert [worker.pid] == [holder["pid"] for row in read_leases() for holder in row["holders"]]

    worker.kill()

    assert [] == read_leases()


def test_without_terms_no_lease_is_taken(start: Callable[..., OneWorker], tmp_path: Path):
    """Simulated devices are nobody's."""
    worker = start()
    worker.tell("grant", item("granted"), on(A))

    assert ["pass", "finished"] == kinds(worker.run(item("granted")))
    assert not (tmp_path / "leases").exists()


def test_a_process_that_has_read_its_variable_is_given_no_other_device(start: Callable[..., OneWorker]):
    """CUDA is initialised: the same device is fine, for another one a fresh process is asked for, and this one ends."""
    worker = start()
    for each in ("starts_cuda", "granted"):
        worker.tell("grant", item(each), on(A))
    worker.tell("grant", item("patches"), on(B))

    told = worker.run(item("starts_cuda"), item("granted"), item("patches"), item("after"))

    assert ["pass", "pass", "bound", "finished"] == kinds(told)
    bound = next(message for message in told if message[0] == "bound")
    assert item("patches") == bound[1]
    assert "nvidia's runtime runs in this worker" in bound[2]


def test_a_runtime_that_a_test_without_grant_started_has_read_no_grant(start: Callable[..., OneWorker]):
    """Such a process sees all devices, or what was set before."""
    worker = start()
    worker.tell("grant", item("granted"), on(A))

    assert ["pass", "bound", "finished"] == kinds(worker.run(item("starts_cuda"), item("granted")))


# The driver library in the place of NVIDIA's; real ones are asked in test_real_gpus.py, where there are any.
BREAKS_CUDA = """
import ctypes
from pytest_disttest.worker import cuda

class Driver:
    code = 0
    def cuStreamQuery(self, stream): return self.code
    def cuGetErrorName(self, code, text): return 1
    cuGetErrorString = cuGetErrorName

driver = Driver()
cuda.loaded = lambda: driver

def test_a(): driver.code = 600  # not ready: no matter
def test_b(): assert 0, "has nothing to do with CUDA"
def test_c():
    driver.code = 700
    assert 0, "an illegal memory access was encountered"
def test_d(): driver.code = 719
def test_e(): pass
"""


def test_a_process_whose_cuda_is_broken_runs_nothing_more(start: Callable[..., OneWorker], tmp_path: Path):
    """What a kernel did to its process must not be the next test's failure: looked for after each failure."""
    (tmp_path / "test_it.py").write_text(BREAKS_CUDA)

    told = start().run(0, 1, 2, 4)

    assert ["pass", "end", "end", "spoilt", "finished"] == kinds(told)
    assert ["spoilt", 2, "CUDA error 700"] in told


def test_a_test_that_passes_and_leaves_cuda_broken_is_found_out(start: Callable[..., OneWorker], tmp_path: Path):
    """A kernel fails after the call that started it; where a device was granted, that is looked for after each test."""
    (tmp_path / "test_it.py").write_text(BREAKS_CUDA)
    worker = start()
    worker.tell("grant", 0, on(A))
    worker.tell("grant", 3, on(A))

    assert ["pass", "pass", "spoilt", "finished"] == kinds(worker.run(0, 3, 4))


def test_a_runtime_that_every_worker_starts_is_a_warning(start: Callable[..., OneWorker], tmp_path: Path):
    """A fresh process would be no better, so the test runs, and the user hears of it."""
    (tmp_path / "conftest.py").write_text(
        "import sys, types\n"
        "sys.modules['torch'] = types.SimpleNamespace(cuda=types.SimpleNamespace(is_initialized=lambda: True))\n"
    )
    worker = start()
    worker.tell("grant", item("granted"), on(A))

    told = worker.run(item("after"), item("granted"))

    assert ["pass", "warning", "pass", "finished"] == kinds(told)
    assert "initialised during collection" in json.dumps(told)
