"""What an agent that was given up leaves on its host, ended through a connection of its own.

An agent ends itself, and its workers with it, when its channel closes or its controller is silent. One that is stopped
(SIGSTOP, a debugger), or hangs in the kernel or in C code, does neither, and its workers would wait for it for ever. It
could be watched from beside, by a process more on every host for the whole run, or by workers, who would have to look
up from the tests of others. The host itself still answers in such a case, so we ask it once, and only then. A host that
does not answer is cut off, and its agent, which runs, sees that by itself.
"""

from __future__ import annotations

import inspect
import json

from pytest_disttest.errors import HostUnusable
from pytest_disttest.gateways import greeting
from pytest_disttest.gateways.opening import time_limit, transport_of
from pytest_disttest.gateways.process import spawned
from pytest_disttest.model import Host
from pytest_disttest.worker import last_rites

MARK = b"DISTTEST-ENDED "
CONNECT_TIMEOUT_S = 5


def end_remains(host: Host, pid: int, started: str, *, limit_s: float) -> int:
    """End the process *pid* of *host* that began at *started*, and all below it; return how many that were.

    Returns 0 when it has ended by itself, when the host cannot be asked within *limit_s*, and where *started* is "",
    as on a host without ``/proc``.
    """
    if not started:
        return 0
    try:
        stream = spawned(transport_of(host).command(host, greeting.START_LINE, connect_timeout_s=CONNECT_TIMEOUT_S))
    except (HostUnusable, OSError):
        return 0
    with time_limit(stream, limit_s):
        try:
            stream.write(request(pid, started))
            return _answer(stream.read_line)
        except (EOFError, OSError, ValueError):
            return 0
        finally:
            stream.discard()


def request(pid: int, started: str) -> bytes:
    """Return the line that makes the far interpreter end that process."""
    source = f"REQUEST = {json.dumps({'pid': pid, 'started': started})!a}\n{inspect.getsource(last_rites)}"
    return ascii(source).encode("ascii") + b"\n"


def _answer(read_line: greeting.ReadLine) -> int:
    for _ in range(greeting.NOISE_LINES):
        line = read_line(greeting.LINE_BYTES)
        if line.startswith(MARK):
            return int(line[len(MARK) :])
    return 0
