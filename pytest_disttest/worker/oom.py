"""Whether the kernel has killed processes since it had no memory left for them."""

from __future__ import annotations

import contextlib
import signal

KILLED = "killed by SIGKILL: the kernel had no memory left"
"""What is said of a worker that the kernel's OOM killer ended."""


class OomWatch:
    """Compares the kernel's count of such kills (``oom_kill`` in vmstat, see proc_vmstat(5)) with the one before.

    It counts for the whole machine, also what a control group's limit made it kill. Where there is no such count
    (before Linux 4.13, on other systems) nothing is known.
    """

    def __init__(self) -> None:
        self._kills = _kills()

    def explains(self, code: int) -> bool:
        """Whether a process that ended with *code* was killed for its memory; each such kill explains one end."""
        if code != -signal.SIGKILL:
            return False
        before, self._kills = self._kills, _kills()
        return self._kills > before


def _kills() -> int:
    with contextlib.suppress(OSError, ValueError), open("/proc/vmstat", "rb") as counts:
        for line in counts:
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
    return 0
