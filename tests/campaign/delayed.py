"""A pipe to an address whose bytes arrive late: ssh's ProxyCommand for hosts that are far away.

``python delayed.py IP PORT FILE``: the file holds the seconds that each byte takes in one direction, and is read again
all the time. This kernel has no ``netem``, and a host on a loopback address needs no more.
"""

from __future__ import annotations

import collections
import contextlib
import os
import select
import socket
import sys
import time
from pathlib import Path


def main(ip: str, port: str, file: str) -> None:
    """Relay standard input and output until one side ends."""
    with socket.create_connection((ip, int(port))) as peer:
        lanes = {0: Lane(peer.fileno()), peer.fileno(): Lane(1)}
        while lanes:
            waits = [lane.wait_s() for lane in lanes.values()]
            ready, _, _ = select.select(list(lanes), [], [], min(waits))
            delay_s = seconds_in(Path(file))
            for source in ready:
                if not (data := os.read(source, 1 << 16)):
                    return
                lanes[source].queue.append((time.monotonic() + delay_s, data))
            for lane in lanes.values():
                lane.deliver()


class Lane:
    """What is on its way to a descriptor."""

    def __init__(self, sink: int) -> None:
        self._sink = sink
        self.queue: collections.deque[tuple[float, bytes]] = collections.deque()

    def wait_s(self) -> float:
        """Return how long nothing arrives."""
        return min(0.05, max(0.0, self.queue[0][0] - time.monotonic())) if self.queue else 0.05

    def deliver(self) -> None:
        """Write what has arrived."""
        while self.queue and self.queue[0][0] <= time.monotonic():
            data = self.queue.popleft()[1]
            while data:
                data = data[os.write(self._sink, data) :]


def seconds_in(file: Path) -> float:
    """Return the number in a file; 0 while it is being written."""
    with contextlib.suppress(OSError, ValueError):
        return float(file.read_text())
    return 0.0


if __name__ == "__main__":
    with contextlib.suppress(OSError):
        main(*sys.argv[1:])
