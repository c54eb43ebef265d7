"""A process that does not outlive its parent."""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


def end_with_parent(parent: int = 0, *, number: int = signal.SIGKILL) -> None:
    """Let Linux signal this process when its parent ends: in the middle of a test it would not notice by itself.

    With *parent*, the process that should be it: ends at once where that one is gone already.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
    if parent and os.getppid() != parent:
        os._exit(1)
