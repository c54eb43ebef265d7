"""Whether a fork of this process would be as good as a new interpreter, and why not.

A fork copies one thread and every descriptor. So it is as good as new only where no other thread exists (it may
hold a lock that nobody will ever release), nothing traces or measures (the copy would go on measuring), no library
holds a connection or a device (both processes would speak on it), and no pytest run is going on (a test that runs
pytest inside would be copied with it).
"""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import NamedTuple

from pytest_disttest.model import Host

NEVER_FORKED = ("cupy", "eventlet", "gevent", "grpc", "jax", "mpi4py.MPI", "tensorflow")
"""Libraries with state outside of Python that does not survive a fork, from their import on."""

DEVICES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What matters for a fork: *threads* are Python's, *tasks* the kernel's threads of this process.

    *modules* are those of ``NEVER_FORKED`` that are loaded, *held* the descriptors that both would use.
    """

    platform: str = "linux"
    threads: int = 1
    tasks: int = 1
    tracing: str = ""
    is_nested: bool = False
    has_cuda: bool = False
    modules: frozenset[str] = frozenset()
    held: tuple[str, ...] = ()


class Runtimes(NamedTuple):
    """What tells whether a device's runtime is initialised: the device files that are open, and PyTorch's word."""

    opened: tuple[str, ...] = ()
    has_cuda: bool = False


def objection(state: ProcessState) -> str:
    """Return why a process in this *state* should not be forked, "" when it may be."""
    return next(_objections(state), "")


def _objections(state: ProcessState) -> Iterator[str]:
    if state.platform != "linux":
        yield f"a fork is not safe on {state.platform}"
    if state.is_nested:
        yield "this run is part of another one in the same process"
    if state.tracing:
        yield f"{state.tracing} is active (coverage, a debugger or a profiler)"
    if state.has_cuda:
        yield "CUDA is initialised"
    yield from (f"{name} is loaded, which does not survive a fork" for name in sorted(state.modules))
    if state.threads > 1 or state.tasks > 1:
        yield f"a plugin has started a thread ({max(state.threads, state.tasks)} run)"
    yield from (f"a plugin holds {thing} open" for thing in state.held)


def mixture(hosts: Iterable[Host], *, hash_is_settled: bool) -> str:
    """Return which of *hosts* keeps the others from being forked, "" when none does.

    Forks inherit this process's hash secret, which no new interpreter can be given; and where the two run side by
    side, tests parametrised over a set would collect differently. *hash_is_settled* tells that it is the same anywhere.
    """
    others = [host.name for host in hosts if not is_forkable(host)]
    if not others or hash_is_settled:
        return ""
    return f"host {others[0]} needs an interpreter of its own, and all must hash alike (set PYTHONHASHSEED)"


def is_forkable(host: Host) -> bool:
    """Return whether *host* is this machine, with this interpreter and environment."""
    return host.transport == "local" and not host.python and not host.environment


def observe(own: Collection[int] = ()) -> ProcessState:
    """Return the state of this process; descriptors in *own* are known and do not count, nor do standard streams."""
    return ProcessState(
        platform=sys.platform if sys.implementation.name == "cpython" else sys.implementation.name,
        threads=threading.active_count(),
        tasks=_tasks(),
        tracing=_tracing(),
        is_nested=_is_nested(sys._getframe()),
        has_cuda=_has_cuda(),
        modules=frozenset(name for name in NEVER_FORKED if name in sys.modules),
        held=tuple(_held(own)),
    )


def runtimes() -> Runtimes:
    """Return what this process shows of the runtimes in it, in a tenth of a millisecond."""
    targets = map(_target, _listed())
    return Runtimes(tuple(path for path in targets if path.startswith("/dev/")), _has_cuda())


def inherited_descriptors() -> list[int]:
    """Return the descriptors from 3 on that came with the start of this process: those opened since are private."""
    return [descriptor for descriptor in _descriptors() if os.get_inheritable(descriptor)]


def _tasks() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


def _tracing() -> str:
    if sys.gettrace() is not None:
        return "a trace function"
    if sys.getprofile() is not None:
        return "a profile function"
    monitoring = getattr(sys, "monitoring", None)  # new in Python 3.12
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring is not None else []
    return next((f"the monitoring tool {tool!r}" for tool in tools if tool is not None), "")


def _is_nested(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == "_pytest.runner":
            return True
        frame = frame.f_back
    return False


def _has_cuda() -> bool:
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    return cuda is not None and bool(cuda.is_initialized())


def _descriptors() -> list[int]:
    return [descriptor for descriptor in _listed() if descriptor > 2 and _is_open(descriptor)]


def _listed() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")] if os.path.isdir("/proc/self/fd") else []


def _target(descriptor: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # the one that the listing itself used
        return ""


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:  # the one that the listing itself used
        return False
    return True


def _held(own: Collection[int]) -> Iterable[str]:
    streams = [os.fstat(descriptor) for descriptor in (0, 1, 2) if _is_open(descriptor)]
    for descriptor in _descriptors():
        is_copy = any(os.path.samestat(os.fstat(descriptor), stream) for stream in streams)
        if not (descriptor in own or is_copy or os.get_inheritable(descriptor)):
            kind = _kind(descriptor)
            if kind:
                yield f"{kind} (descriptor {descriptor})"


def _kind(descriptor: int) -> str:
    """Return what makes a descriptor unfit to be shared, "" for a file or a harmless device."""
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    target = os.readlink(f"/proc/self/fd/{descriptor}")
    return target if target.startswith(("anon_inode:", *DEVICES)) else ""
