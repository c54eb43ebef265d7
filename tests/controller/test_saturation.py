"""Whether processors are busy is told from what the system counts, of those that we may use and up to our limit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from pytest_disttest.controller.saturation import Saturation, of_this_process

OURS = {"/proc/self/cgroup": "0::/"}


class Files(dict[str, str]):
    """Words by path, "" for what is not there."""

    def text(self, path: str) -> str:
        """Return the words of a file."""
        return self.get(path, "")


def spent(ticks: int) -> str:
    """Return a process's stat file that tells of so many hundredths of a second, a half of it its children's."""
    return f"77 (a) b) S 1 2 3 4 5 6 7 8 9 10 {ticks // 4} {ticks // 4} {ticks // 4} {ticks - 3 * (ticks // 4)} 20 0"


def stat(idle: Mapping[str, int]) -> str:
    """Return a /proc/stat in which each processor was idle so many hundredths of a second, a third of them waiting."""
    lines = [f"{name} 900 0 100 {ticks - ticks // 3} {ticks // 3} 0 0 0 0 0" for name, ticks in idle.items()]
    return "\n".join(["cpu  1 2 3 4 5 6 7 8 9 0", *lines, "intr 12345", "ctxt 1"])


@pytest.mark.parametrize(
    ("idle", "own", "busy"),
    [
        ({"cpu0": 100, "cpu1": 100, "cpu2": 900}, 200, True),  # another processor, which is not ours, may rest
        ({"cpu0": 105, "cpu1": 104, "cpu2": 100}, 51, True),
        ({"cpu0": 105, "cpu1": 104, "cpu2": 100}, 49, False),  # that is others' work
        ({"cpu0": 112, "cpu1": 112, "cpu2": 100}, 180, False),
        ({"cpu0": 100, "cpu1": 200, "cpu2": 100}, 100, False),
    ],
)
def test_busy_are_processors_without_time_to_spare(idle: Mapping[str, int], own: int, busy: bool):
    """A tenth of the time of those that we may use is the limit, and a quarter must be our own doing."""
    files = Files({"/proc/stat": stat({"cpu0": 100, "cpu1": 100, "cpu2": 100}), "/proc/77/stat": spent(30)})
    processors = Saturation(files.text, {0, 1})
    assert processors.look(10.0, [77]) is None, "the first look is one at the state only"
    files |= {"/proc/stat": stat(idle), "/proc/77/stat": spent(30 + own)}
    assert processors.look(11.0, [77, 78]) is busy


@pytest.mark.parametrize(("used_us", "busy"), [(1_900_000, True), (1_000_000, False)])
def test_a_limit_that_is_used_up_counts_too(used_us: int, busy: bool):
    """A container that may use two of 64 processors is busy with two."""
    root = "/sys/fs/cgroup"
    files = Files(
        OURS | {"/proc/stat": stat({"cpu0": 0}), "/proc/77/stat": spent(0), f"{root}/cpu.max": "200000 100000\n"}
    )
    files[f"{root}/cpu.stat"] = "usage_usec 5000000\nuser_usec 1\n"
    processors = Saturation(files.text, {0})
    processors.look(0.0, [77])
    files |= {"/proc/stat": stat({"cpu0": 90}), "/proc/77/stat": spent(100)}
    files[f"{root}/cpu.stat"] = f"usage_usec {5_000_000 + used_us}\nuser_usec 1\n"
    assert processors.look(1.0, [77]) is busy


def test_the_first_hierarchy_counts_in_nanoseconds():
    """Older kernels tell limits and use in other files."""
    root = "/sys/fs/cgroup/cpu"
    files = Files({"/proc/self/cgroup": "4:cpu:/", "/proc/stat": stat({"cpu0": 0}), "/proc/77/stat": spent(0)})
    files |= {f"{root}/cpu.cfs_quota_us": "50000", f"{root}/cpu.cfs_period_us": "100000", f"{root}/cpuacct.usage": "0"}
    processors = Saturation(files.text, {0})
    processors.look(0.0, [77])
    files |= {"/proc/stat": stat({"cpu0": 60}), "/proc/77/stat": spent(48), f"{root}/cpuacct.usage": "480000000"}
    assert processors.look(1.0, [77]) is True


def test_a_machine_that_works_is_seen_to():
    """The real files, while processes of ours do nothing but compute on all that they may use."""
    processors = of_this_process()
    if processors is None:
        pytest.skip("this system does not tell")
    burn = "import time; end = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    workers = [subprocess.Popen([sys.executable, "-c", burn]) for _ in range(2 * len(os.sched_getaffinity(0)))]
    pids = [worker.pid for worker in workers]
    try:
        deadline = time.monotonic() + 15
        processors.look(time.monotonic(), pids)
        busy = False
        while not busy and time.monotonic() < deadline:
            time.sleep(0.3)
            busy = processors.look(time.monotonic(), pids) is True
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert busy
