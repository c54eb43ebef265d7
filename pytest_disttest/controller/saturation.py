"""Whether workers keep all processors of this machine at work: one more would then only take time from the others.

Linux tells what each processor did since it started, in hundredths of a second (proc_stat(5)), as it does of each
process (proc_pid_stat(5)), and what a group with a limit has used (Documentation/admin-guide/cgroup-v2.rst, cpu.stat;
cgroup-v1/cpuacct.rst). Elsewhere nobody is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from pytest_disttest.worker.probes import cgroups

FULL = 0.9
"""The share of their time for which processors must have been at work to count as busy."""
OWN = 0.25
"""The share that workers themselves must have of it: where others keep the machine busy, ours may yet be asleep."""
TICKS_S = 0.01
IDLE = (3, 4)
"""The columns of /proc/stat for doing nothing, and for waiting for a disk while doing nothing."""
OWN_TIMES = slice(11, 15)
"""Where a process's file, behind the name, has its time and that of children that ended, each also in the kernel."""

Text = Callable[[str], str]


class _State(NamedTuple):
    """What was seen at one moment: idle seconds, what of our limit was used, and the seconds that processes spent."""

    now: float
    idle_s: float
    used: float | None
    spent_s: dict[int, float]


class Saturation:
    """Looks at what the processors did since it last looked. *text* gives a file's words, "" where there is none."""

    def __init__(self, text: Text, allowed: Iterable[int]) -> None:
        self._text = text
        self._allowed = frozenset(allowed)
        self._seen: _State | None = None

    def look(self, now: float, pids: Iterable[int]) -> bool | None:
        """Return whether all were busy since the last look, much of it with *pids*; None at the first look.

        *now* is in seconds.
        """
        before = self._seen
        state = self._seen = _State(now, self._idle_s(), self._used(), {pid: self._spent_s(pid) for pid in pids})
        if before is None:
            return None
        took_s, processors = now - before.now, len(self._allowed)
        spent_s = sum(s - before.spent_s[pid] for pid, s in state.spent_s.items() if pid in before.spent_s)
        if spent_s < OWN * processors * took_s:
            return False
        if state.idle_s - before.idle_s <= (1 - FULL) * processors * took_s:
            return True
        return before.used is not None and state.used is not None and state.used - before.used >= FULL * took_s

    def _spent_s(self, pid: int) -> float:
        """Return the processor time of a process; 0.0 once it is gone."""
        columns = self._text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return sum(map(int, columns[OWN_TIMES])) * TICKS_S

    def _idle_s(self) -> float:
        """Return for how many seconds, summed up, the processors that we may use had nothing to do."""
        names = {f"cpu{number}" for number in self._allowed}
        idle = 0
        for line in self._text("/proc/stat").splitlines():
            name, *columns = line.split()
            if name in names:
                idle += sum(int(columns[place]) for place in IDLE)
        return idle * TICKS_S

    def _used(self) -> float | None:
        """Return the seconds used by our groups as a part of what their limit allows in one; None without a limit."""
        parts = [used_s / limit for limit, used_s in cgroups.processor_seconds(self._text)]
        return max(parts, default=None)


def of_this_process() -> Saturation | None:
    """Return what tells of the processors that this process may use; None where the system does not tell."""
    if not Path("/proc/stat").exists() or not hasattr(os, "sched_getaffinity"):
        return None
    return Saturation(_text, os.sched_getaffinity(0))


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
