"""One run of one variant in a process of its own: timed, watched, and its last line read."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.variants import Variant
from rigs.processes import descendants

TIME_LIMIT_S = 900.0
LEFTOVERS_LIMIT_S = 30.0
PSS_INTERVAL_S = 0.3
MARK = "DISTTEST_BENCH_RUN"
"""The variable by which the processes of a run are known."""

MEDDLERS = ("PYTEST_", "PYTHON", "COV_", "BENCH_", "CI", "BUILD_NUMBER", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: *cpu_s* is of the whole process tree; *others* the cores that other programs kept busy.

    *after_s* is how long processes of the run outlived it; *pss_bytes* the peak of their summed PSS, 0 if not sampled.
    """

    code: int
    output: str
    wall_s: float
    cpu_s: float
    others: float
    after_s: float
    pss_bytes: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """The counts of pytest's last line: ``{"passed": 2}``."""
        return counts(self.output)


def counts(output: str) -> dict[str, int]:
    """Return the counts of the last line with some, by their words: ``2 passed, 1 failed in 0.01s``."""
    for line in reversed(output.splitlines()):
        if re.search(r"\d+ \w+.* in \d+\.\d+s", line):
            found = re.findall(r"(\d+) ([a-z]+)", line.partition(" in ")[0])
            return {word.rstrip("s"): int(number) for number, word in found}
    return {}


def environment(checkout: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what changes pytest, in which *checkout* is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(MEDDLERS)}
    return {**kept, "PYTHONPATH": str(checkout), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **more}


def run(
    variant: Variant,
    words: Sequence[str],
    *,
    directory: Path,
    checkout: Path,
    more: Mapping[str, str] | None = None,
    samples_pss: bool = False,
) -> Run:
    """Run *variant* with *words* after it in *directory*, and wait until all that it started is gone."""
    mark = uuid.uuid4().hex
    output = directory.parent / f"{directory.name}.out"
    busy_before, cpu_before = machine_cpu_s(), own_cpu_s()
    with output.open("wb") as sink:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *variant.argv, *words],
            cwd=directory,
            env=environment(checkout, {**(more or {}), MARK: mark}),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _time_limit(process), _sampling(process.pid, on=samples_pss) as peak:
            _, status, used = os.wait4(process.pid, 0)  # no timeout: Popen's would look only every 50 ms
            wall_s = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_s = used.ru_utime + used.ru_stime
    others = (machine_cpu_s() - busy_before - cpu_s - (own_cpu_s() - cpu_before)) / wall_s
    text = output.read_text(encoding="utf-8", errors="replace")
    return Run(process.returncode, text, wall_s, cpu_s, max(0.0, others), _await_leftovers(mark), max(peak, default=0))


def machine_cpu_s() -> float:
    """Return the seconds for which the machine's processors were busy since it started, summed."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICKS_PER_S


def own_cpu_s() -> float:
    """Return the CPU seconds of this process."""
    return time.process_time()


def pss_bytes(pids: Sequence[int]) -> int:
    """Return the proportional set size of processes, summed; those that ended meanwhile count nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, AttributeError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            total += 1024 * int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])  # type: ignore[index]
    return total


@contextlib.contextmanager
def _time_limit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(TIME_LIMIT_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _sampling(pid: int, *, on: bool) -> Iterator[list[int]]:
    """Yield a list that fills with the summed PSS of *pid* and all below it."""
    found: list[int] = []
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(PSS_INTERVAL_S):
            found.append(pss_bytes((pid, *descendants(pid))))

    thread = threading.Thread(target=sample, daemon=True)
    if on:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        if on:
            thread.join()


def _await_leftovers(mark: str) -> float:
    """Wait for processes that outlive their run, so that they do not disturb the next; return for how long."""
    begun = time.perf_counter()
    wanted = f"{MARK}={mark}".encode()
    while any(_carries(entry, wanted) for entry in Path("/proc").glob("[0-9]*")):
        if time.perf_counter() - begun > LEFTOVERS_LIMIT_S:
            break
        time.sleep(0.02)
    return time.perf_counter() - begun


def _carries(entry: Path, wanted: bytes) -> bool:
    try:
        return wanted in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
