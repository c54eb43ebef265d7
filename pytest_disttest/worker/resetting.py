"""A process that resets one device of this host: it holds the device's lease meanwhile, so that nobody is given it.

It is a process of its own because who holds a lease may be ended by whoever steals it. It is not ended with its agent:
half a reset is worse than a whole one that nobody waits for. Its time is limited anyway.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pytest_disttest.worker.leases import Leases, Terms, Wanted

DONE, HELD, FAILED = "done", "held", "failed"
LAST_LINES: Final = 3
LAST_CHARACTERS: Final = 1000


class Reset(NamedTuple):
    """What became of it, *state* being `DONE`, `HELD` (others use the device: nothing was done) or `FAILED`.

    *why* says so in words, "" for one that was done; *seconds* is what the command took.
    """

    state: str
    why: str = ""
    seconds: float = 0.0


class Order(NamedTuple):
    """What is to be reset, by what command: it may take *limit_s* seconds, and runs in *directory*, the suite's here.

    *terms* are those of the lease, *environment* what the host's owner sets there.
    """

    kind: str
    id: str
    words: Sequence[str]
    limit_s: float
    terms: Mapping[str, Any]
    directory: str = ""
    environment: Mapping[str, str] = MappingProxyType({})


def main(request: str) -> None:
    """Carry out the request, and print what became of it: both are JSON."""
    print(json.dumps(reset(Order(**json.loads(request)))._asdict()))


def reset(order: Order) -> Reset:
    """Run the command with the lease of the device in hand. Never raises."""
    leases = Leases(Terms(**order.terms))
    if why := leases.take([Wanted(order.kind, order.id)], "a reset"):
        return Reset(HELD, why)
    began = time.monotonic()
    try:
        why = _run(order)
    finally:
        leases.give_back()
    return Reset(FAILED if why else DONE, why, round(time.monotonic() - began, 3))


def _run(order: Order) -> str:
    """Return why a command did not do what it is for, "" where it did."""
    tool = order.words[0]
    try:
        process = subprocess.Popen(
            order.words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=order.directory or None,
            env={**os.environ, **order.environment},
        )
    except OSError as error:
        return f"{tool} cannot be run: {error.strerror or error}"
    try:
        said, _ = process.communicate(timeout=order.limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"{tool} did not end within {order.limit_s:g} s"
    if not process.returncode:
        return ""
    last = b" | ".join(said.strip().splitlines()[-LAST_LINES:]).decode("utf-8", "replace")[-LAST_CHARACTERS:]
    return f"{tool} ended with exit code {process.returncode}" + (f": {last}" if last else "")


if __name__ == "__main__":
    main(sys.argv[1])
