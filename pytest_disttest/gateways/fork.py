"""Hosts on this machine with the controller's own interpreter: the agent is a fork of the zygote.

Nothing is imported there that pytest has not imported already, and nothing is asked: the far side is what we are.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from dataclasses import dataclass
from typing import IO

import execnet
import pytest

from pytest_disttest.errors import HostUnusable
from pytest_disttest.gateways.connection import Connection
from pytest_disttest.gateways.greeting import Hello
from pytest_disttest.gateways.process import ProcessStream
from pytest_disttest.model import Host
from pytest_disttest.worker.nursery import Forked
from pytest_disttest.worker.zygote import Zygote

TASK = "channel.gateway.become_agent(channel)"


@dataclass(slots=True)
class ForkedChild:
    """A forked process with its pipes, as ``subprocess.Popen`` has them."""

    process: Forked
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    @property
    def pid(self) -> int:
        return self.process.pid

    def poll(self) -> int | None:
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)


def start(zygote: Zygote) -> ProcessStream:
    """Return an agent process as a stream; raises OSError when there can be none."""
    agency = zygote.agent()
    return ProcessStream(ForkedChild(agency.process(), agency.stdin, agency.stdout, agency.stderr))


def connect(host: Host, stream: ProcessStream) -> Connection:
    """Return the connection to the agent of *host* that *stream* leads to."""
    gateway = make_gateway(stream)
    channel = gateway.remote_exec(TASK)
    if channel.receive() != ("waiting",):
        raise HostUnusable(host.name, "protocol", "its first task did not start", hint=stream.tail())
    return Connection(host, own_hello(stream.pid), stream, gateway, channel)


def make_gateway(stream: ProcessStream) -> execnet.Gateway:
    """Return an execnet gateway over *stream*, whose far side serves already."""
    group = execnet.Group()
    spec = execnet.XSpec("popen")
    group.allocate_id(spec)
    spec.execmodel = "thread"
    gateway = execnet.Gateway(stream, spec)
    group._register(gateway)
    return gateway


def own_hello(pid: int) -> Hello:
    """Return what a fork of this process would say of itself."""
    return Hello(
        python=tuple(sys.version_info[:3]),
        executable=sys.executable,
        pytest=pytest.__version__,
        hostname=socket.gethostname(),
        platform=sys.platform,
        machine=platform.machine(),
        pid=pid,
        cwd=os.getcwd(),
        directory="",
    )
