"""From a host's description to a connection: start, greet, judge, hand over to execnet; all within a time limit."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from types import ModuleType

import execnet
from execnet import gateway_bootstrap

from pytest_disttest.errors import BadInventory, HostUnusable, did_you_mean
from pytest_disttest.gateways import fork, greeting, popen, ssh
from pytest_disttest.gateways.connection import Connection
from pytest_disttest.gateways.process import ProcessStream, spawned
from pytest_disttest.model import Host
from pytest_disttest.worker import bootstrap
from pytest_disttest.worker.forkable import is_forkable
from pytest_disttest.worker.zygote import Zygote

TRANSPORTS: dict[str, ModuleType] = {"local": popen, "ssh": ssh}
"""A transport is a module with ``command``, ``diagnose`` and ``DEFAULT_DIRECTORY`` ("" = files are shared)."""

CONNECT_TIMEOUT_S = 10


def open_connection(
    host: Host, *, start_timeout_s: float = 30.0, sys_path: Sequence[str], zygote: Zygote | None = None
) -> Connection:
    """Return a connection to *host*, which has a new enough Python, pytest and a directory to write to.

    Blocks for at most about *start_timeout_s*. On this machine, *sys_path* is appended to the import
    path of the controller's own interpreter; with a *zygote*, its agent is a fork from there where it can be.
    Raises HostUnusable, whose ``reason`` is one of unreachable, auth, host-key, no-python, old-python, no-pytest,
    directory, timeout, lost, protocol.
    """
    transport = transport_of(host)
    forks = zygote if is_forkable(host) else None
    try:
        stream = _start(host, transport, start_timeout_s) if forks is None else fork.start(forks)
    except OSError as error:
        raise transport.diagnose(host, None, str(error)) from None
    with time_limit(stream, start_timeout_s) as expired:
        try:
            return _connect(host, transport, stream, sys_path) if forks is None else fork.connect(host, stream)
        except (EOFError, OSError, AssertionError, execnet.RemoteError, gateway_bootstrap.HostNotFound) as error:
            raise _start_fault(host, transport, stream, error, late=expired.is_set()) from None
        except BaseException:
            stream.discard()
            raise


def transport_of(host: Host) -> ModuleType:
    """Return the module of the host's transport; an unknown one is refused."""
    if host.transport not in TRANSPORTS:
        raise BadInventory(
            f"unknown transport {host.transport!r}", place=host.line, hint=did_you_mean(host.transport, TRANSPORTS)
        )
    return TRANSPORTS[host.transport]


@contextlib.contextmanager
def time_limit(stream: ProcessStream, timeout_s: float) -> Iterator[threading.Event]:
    """Kill *stream* after *timeout_s*, which ends every wait on it; the event tells that this has happened."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        stream.kill()

    timer = threading.Timer(timeout_s, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def _start(host: Host, transport: ModuleType, start_timeout_s: float) -> ProcessStream:
    """Start the host's interpreter, or the command that leads to it."""
    connect_timeout_s = max(1, min(CONNECT_TIMEOUT_S, int(start_timeout_s)))
    command = transport.command(host, greeting.START_LINE, connect_timeout_s=connect_timeout_s)
    # readline, which pytest imports, puts COLUMNS and LINES into what a child inherits, behind Python's back
    return spawned(command, environment=os.environ)


def _connect(host: Host, transport: ModuleType, stream: ProcessStream, sys_path: Sequence[str]) -> Connection:
    """Greet the far interpreter and make it a gateway whose first task waits to become the agent."""
    own = transport is popen and popen.is_own_interpreter(host)
    directory = (host.directory or transport.DEFAULT_DIRECTORY) if transport.DEFAULT_DIRECTORY else ""
    stream.write(greeting.request(host, sys_path=absolute(sys_path) if own else (), directory=directory))
    hello = greeting.judge(host, greeting.read_hello(stream.read_line))
    gateway = make_gateway(stream)
    channel = gateway.remote_exec(bootstrap)
    if channel.receive() != ("waiting",):
        raise HostUnusable(host.name, "protocol", "its first task did not start", hint=stream.tail())
    return Connection(host, hello, stream, gateway, channel)


def absolute(sys_path: Sequence[str]) -> tuple[str, ...]:
    """Return *sys_path* as it is meant here: relative entries belong to our working directory, not the host's."""
    return tuple(os.path.abspath(entry) for entry in sys_path)


def make_gateway(stream: ProcessStream) -> execnet.Gateway:
    """Return an execnet gateway over *stream*, as ``Group.makegateway`` makes one (it accepts no stream of ours)."""
    group = execnet.Group()
    spec = execnet.XSpec("popen")
    group.allocate_id(spec)
    spec.execmodel = "thread"
    gateway_bootstrap.bootstrap_exec(stream, spec)
    gateway = execnet.Gateway(stream, spec)
    group._register(gateway)
    return gateway


def _start_fault(
    host: Host, transport: ModuleType, stream: ProcessStream, error: BaseException, *, late: bool
) -> HostUnusable:
    """Return why the start failed, from what the child process left behind; the process is ended."""
    stream.ended_within(2.0)  # its exit status tells more than the broken pipe
    exit_code = stream.exit_code
    stream.discard()
    if late:
        said = stream.tail().splitlines()[-1:] or ["it said nothing"]
        return HostUnusable(
            host.name,
            "timeout",
            f"it was not ready in time ({said[0]})",
            hint="does a login script or a slow file system hold it up? see `ssh -v` to the host",
        )
    told = error.formatted if isinstance(error, execnet.RemoteError) else stream.tail()
    fault: HostUnusable = transport.diagnose(host, exit_code, told)
    return fault
