"""Which worker of a host collects which file: each takes the next number from a counter that they share.

Workers walk the same tree in the same order, so the number of a file is its place in that walk, and a worker
that is slow (or starts late) simply takes fewer of them. The counter lies in a file that the agent opened; a
lock on it is freed by the kernel when its holder dies.
"""

from __future__ import annotations

import fcntl
import os
import struct

COUNTER = struct.Struct("<Q")


class Claims:
    """The counter, over an inherited *descriptor*."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def take(self) -> int:
        """Return the next number that nobody has."""
        # lockf, not flock: forked workers share one open file, and flock would not tell them apart
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        try:
            (number,) = COUNTER.unpack(os.pread(self._descriptor, COUNTER.size, 0) or bytes(COUNTER.size))
            os.pwrite(self._descriptor, COUNTER.pack(number + 1), 0)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN)
        return int(number)
