"""The stacks of all threads, written when the agent asks for them: of a test that takes longer than it may.

The signal is one that no suite uses. Where nobody listens to it, it ends the process, which is about to be killed
anyway.
"""

from __future__ import annotations

import faulthandler
import signal

TELL_STACKS = int(getattr(signal, "SIGRTMIN", signal.SIGTERM)) + (7 if hasattr(signal, "SIGRTMIN") else 0)


def listen() -> None:
    """Write the stacks of all threads to standard error when asked to, whatever the threads are doing."""
    if hasattr(faulthandler, "register"):
        faulthandler.register(TELL_STACKS, file=2, all_threads=True, chain=False)
