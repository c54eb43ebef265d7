"""A short visit to a host: what it has, and who holds its devices. Nothing of a suite is sent, no test runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

from pytest_disttest.errors import DisttestError, HostUnusable
from pytest_disttest.gateways.asked import Asked
from pytest_disttest.gateways.connection import Message
from pytest_disttest.gateways.opening import open_connection
from pytest_disttest.model import Host

GRACE_S = 5.0


class Visit(NamedTuple):
    """What a host said: *hello* at its start, *profile* of what its probes found, *leases* on its devices.

    *problem* says why it said nothing, "" where it did; *hint* what to do about that.
    """

    hello: Mapping[str, Any] = {}
    profile: Mapping[str, Any] = {}
    leases: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""
    hint: str = ""


def visit(host: Host, asked: Asked) -> Visit:
    """Return what *host* says of itself.

    Takes no longer than is given for that beyond the time to connect. A host that cannot be reached is an answer.
    """
    try:
        connection = open_connection(host, sys_path=sys.path)
    except DisttestError as fault:
        return Visit(problem=fault.message, hint=fault.hint)
    told: SimpleQueue[Message | None] = SimpleQueue()
    more = {"name": host.name, "environment": dict(host.environment), "verify": asked.verify}
    try:
        question = ("probe", tuple(asked.families), asked.limit_s, asked.fresh, more)
        connection.start_agent(told.put, orders=[question, ("leases",)])
        return _heard(host, told, time.monotonic() + asked.limit_s + GRACE_S)
    except DisttestError as fault:
        return Visit(problem=fault.message, hint=fault.hint)
    finally:
        connection.close()


def visit_all(hosts: Iterable[Host], asked: Asked) -> dict[str, Visit]:
    """Return what each host says, by name; they are asked side by side."""
    found: dict[str, Visit] = {}

    def ask(host: Host) -> None:
        found[host.name] = visit(host, asked)

    listed = list(hosts)
    threads = [Thread(target=ask, args=(host,), daemon=True) for host in listed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {host.name: found.get(host.name, Visit(problem="nobody came back from it")) for host in listed}


def _heard(host: Host, told: SimpleQueue[Message | None], deadline: float) -> Visit:
    heard: dict[str, Any] = {}
    while {"hello", "probed", "leases"} - heard.keys():
        try:
            message = told.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            if "hello" in heard:
                break
            raise HostUnusable(host.name, "timeout", "its agent says nothing") from None
        if message is None:
            raise HostUnusable(host.name, "lost", "the connection ended during the visit")
        if message[0] in ("hello", "probed", "leases"):
            heard[message[0]] = message[1]
    problem = "" if "probed" in heard else "it did not find out in time what it has"
    return Visit(heard["hello"], heard.get("probed", {}), tuple(heard.get("leases", ())), problem)
