"""Disks that are full, memory and processes that are used up, a history that is locked or damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
from campaign.fault import Fault
from campaign.means import control_group, fill, no_disks, no_memory_limit, no_process_limit, small_disk
from campaign.scene import DISTTEST, Scene
from campaign.verdict import outcomes_of

from pytest_disttest.store import Journal, ingest

MIB = 1 << 20

WRITES = """
def test_writes_{number}():
    ran("writes-{number}", 0.05)
    print("about to write")
    with open(f"written-{{os.getpid()}}", "ab") as file:
        file.write(bytes(1 << 16))
"""

PRINTS = """
def test_prints_{number}():
    ran("prints-{number}", 0.05)
    print("x" * 10_000)
"""

LIMITED = """
import resource
def test_memory():
    ran("memory", 0)
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (128 << 20), resource.RLIM_INFINITY))
    kept = []
    while True:
        kept.append(bytearray(16 << 20))
"""

JOINS = """
def join():
    with open(os.environ["CAMPAIGN_GROUP"] + "/cgroup.procs", "w") as file:
        file.write(str(os.getpid()))
"""

HOARDS = (
    JOINS
    + """
def test_memory():
    ran("memory", 0)
    join()
    kept = []
    while len(kept) < 100:
        kept.append(bytearray(b"x") * (16 << 20))
"""
)

FORKS = (
    JOINS
    + """
def test_bomb():
    ran("bomb", 0)
    join()
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
    os._exit(1)
"""
)

HOLDS = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def mount_on_host(scene: Scene) -> None:
    """The host keeps the suite's files, and its temporary ones, on a disk of its own."""
    disk = scene.stack.enter_context(small_disk(scene.place / scene.host.name, 24 * MIB))
    (disk / "tmp").mkdir()
    scene.wrapper[scene.host.name] = f"export TMPDIR='{disk}/tmp'"
    scene.memory["disk"] = disk


def fill_disk(scene: Scene) -> bool:
    fill(scene.memory["disk"])  # type: ignore[arg-type]
    return True


def full_from_the_start(scene: Scene) -> None:
    mount_on_host(scene)
    fill_disk(scene)


def mount_here(scene: Scene) -> None:
    """The controller keeps its store, and all of this machine's temporary files, on a disk of its own."""
    disk = scene.stack.enter_context(small_disk(scene.place / "disk", 24 * MIB))
    (disk / "tmp").mkdir()
    (disk / "store").mkdir()
    scene.root.mkdir()
    (scene.root / ".disttest").symlink_to(disk / "store")
    scene.environment["TMPDIR"] = str(disk / "tmp")
    scene.memory["disk"] = disk


def limit_memory(scene: Scene) -> None:
    _group(scene, "memory", {"memory.limit_in_bytes": str(400 * MIB)})


def limit_processes(scene: Scene) -> None:
    _group(scene, "pids", {"pids.max": "40"})


def _group(scene: Scene, kind: str, limits: dict[str, str]) -> None:
    place = scene.stack.enter_context(control_group(kind, limits))
    scene.everywhere["CAMPAIGN_GROUP"] = str(place)


def history_of_one_run(scene: Scene) -> Path:
    """Leave a history, and so much that waits for it that the next run brings it in at its end; return its path."""
    store = scene.root / ".disttest"
    journal = Journal.create(store, "20200101-000000-000000", started_at=1.0, rootdir="", args=(), version="")
    journal.finish(exit_status=0, ended_at=2.0)
    journal.close()
    ingest(store)
    (store / "runs" / "20200101-000000-000001.ndjson").write_bytes(b"no journal\n" + bytes(17 * MIB))
    return store / "history.duckdb"


def lock_history(scene: Scene) -> None:
    path = history_of_one_run(scene)
    pipe = subprocess.PIPE
    holder = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdin=pipe, stdout=pipe)
    scene.stack.callback(free_history, scene)
    scene.memory["holder"] = holder
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"


def free_history(scene: Scene) -> None:
    holder = scene.memory["holder"]
    assert isinstance(holder, subprocess.Popen)
    if holder.poll() is None:
        holder.communicate(timeout=10)


def damage_history(scene: Scene) -> None:
    """Its first blocks are noise, or its second half is gone."""
    path = history_of_one_run(scene)
    if scene.chance.random() < 0.5:
        os.truncate(path, path.stat().st_size // 2)
    else:
        with path.open("r+b") as file:
            file.write(scene.chance.randbytes(3 * 4096))


def free_history_is_complete(scene: Scene) -> str:
    """Once nobody holds it, the history gets what it lacks."""
    free_history(scene)
    return history_is_complete(scene)


def history_is_complete(scene: Scene) -> str:
    """Return what the history has not kept of the run, "" when it knows all that JUnit does."""
    store = scene.root / ".disttest"
    ingest(store)
    with duckdb.connect(str(store / "history.duckdb"), read_only=True) as history:
        newest = "SELECT count(*) FROM results WHERE run_id = (SELECT max(run_id) FROM runs)"
        rows = history.execute(newest).fetchall()
    told = outcomes_of(scene.junit).total()
    return "" if rows == [(told,)] else f"the history has {rows[0][0]} results, JUnit {told}"


WRITERS = "".join(WRITES.format(number=number) for number in range(36))
PRINTERS = "".join(PRINTS.format(number=number) for number in range(12))
KEPT = {"rig": "", "hosts": "local", "engines": (DISTTEST,)}

FAULTS = (
    Fault("a host's disk that fills up", fill_disk, before=mount_on_host, victims=WRITERS, words=(r"No space left",),
          needs=no_disks, tests=4),  # most of them write: some do so there afterwards
    Fault("a host's disk that is full", before=full_from_the_start, victims=WRITERS, words=(r"host1.*No space left",),
          needs=no_disks, engines=(DISTTEST,)),
    Fault("a controller's disk that fills up", fill_disk, before=mount_here, victims=PRINTERS, is_stored=False,
          words=(r"not every result is stored.*No space left",), needs=no_disks, engines=(DISTTEST,)),
    Fault("a memory limit that says no", victims=LIMITED, harm=1, words=(r"MemoryError",)),
    Fault("a memory limit that kills", before=limit_memory, victims=HOARDS, harm=1, words=(r"SIGKILL",),
          needs=no_memory_limit),
    Fault("a fork bomb, contained", before=limit_processes, victims=FORKS, harm=1, words=(r"exit code 1",),
          needs=no_process_limit),
    Fault("a history that another process has locked", before=lock_history, words=(r"is in use by process \d+",),
          after=free_history_is_complete, **KEPT),
    Fault("a history that is damaged", before=damage_history, words=(r"is damaged",),
          after=history_is_complete, **KEPT),
)  # fmt: skip
