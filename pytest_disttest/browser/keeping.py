"""Work that starts processes and files of its own, and leaves none behind, however it ends.

Three processes: the caller waits; the *keeper* is its child, in a session of its own so that nobody's signal to the
caller's group reaches it; the *worker* is the keeper's child and does the work. Whatever the worker starts stays a
descendant of the keeper, even when its parents die (the keeper is a subreaper): daemons and new sessions do not get
away. The keeper kills them all and removes the work's directory when the worker ends, when its time is over, or when
the caller dies (its end of a pipe closes then, SIGKILL included).

Where the kernel has no subreapers (not Linux), what a worker starts must end with it, or at the worker's own hands.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Final

PR_SET_CHILD_SUBREAPER: Final = 36
PREFIX: Final = "disttest-"
LONG: Final = 40
"""From how many characters on a directory is too long a place: browsers make sockets four levels below it, whose
paths may have 107 characters (unix(7)). A full Chromium does not start where that is not enough."""
PATIENCE_S: Final = 5.0
"""How long killed processes may take to go; one in uninterruptible sleep must not hold us for ever."""

Work = Callable[[str, Callable[[bytes], object]], None]
"""What to do: given a private directory and a way to send lines to the caller."""


def kept(work: Work, *, limit_s: float) -> list[bytes]:
    """Return the lines that *work* sends, when it, all that it started and its directory are gone.

    Takes *limit_s* and little more. Must be called by a process that has no threads: it forks. Raises ChildProcessError
    where there is no room for a process or a directory.
    """
    answers, answering = os.pipe()
    lifeline, alive = os.pipe()
    keeper = os.fork()
    if not keeper:
        _close(answers, alive)
        _end_after(lambda: _keep(work, answering, lifeline, limit_s))
    _close(answering, lifeline)
    with contextlib.closing(os.fdopen(alive, "wb")), os.fdopen(answers, "rb") as lines:
        said = lines.read()
    _, status = os.waitpid(keeper, 0)
    if status:
        raise ChildProcessError(f"no process and directory for browsers below {place_for_files()}")
    return said.splitlines()


def _keep(work: Work, answering: int, lifeline: int, limit_s: float) -> None:
    os.setsid()
    _mute()
    is_reaper = become_subreaper()
    directory = tempfile.mkdtemp(prefix=PREFIX, dir=place_for_files())
    done, working = os.pipe()
    worker = os.fork()
    if not worker:
        _close(done, lifeline)
        _end_after(lambda: work(directory, lambda line: os.write(answering, line + b"\n")))
    _close(answering, working)
    select.select([lifeline, done], [], [], limit_s)
    kill_all(worker, is_reaper=is_reaper)
    shutil.rmtree(directory, ignore_errors=True)


def _end_after(work: Callable[[], None]) -> None:
    """Do *work*, then end this process without the caller's handlers, buffers and tracebacks."""
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def _mute() -> None:
    """Let this process and its children say nothing to the caller's terminal or pipes."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)


def place_for_files() -> str:
    """Return the usual directory for temporary files, but ``/tmp`` where its path is long and /tmp can be had."""
    usual = tempfile.gettempdir()
    return "/tmp" if len(usual) > LONG and os.access("/tmp", os.W_OK | os.X_OK) else usual


def become_subreaper() -> bool:
    """Make orphans below this process its children; returns whether the kernel does that."""
    import ctypes

    try:
        return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except AttributeError:
        return False


def kill_all(worker: int, *, is_reaper: bool) -> None:
    """Kill every descendant of this process, *worker* among them, and reap them."""
    end = time.monotonic() + PATIENCE_S
    _kill(worker)
    while time.monotonic() < end:
        for pid in descendants(os.getpid()) if is_reaper else ():
            _kill(pid)
        if not _reap():
            return
        time.sleep(0.002)


def descendants(ancestor: int) -> tuple[int, ...]:
    """Return the processes below *ancestor*, parents first, as /proc shows them; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [ancestor]
    for pid in found:
        found += children.get(pid, ())
    return tuple(found[1:])


def _parents() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # "pid (name) state parent ...", and the name may have blanks and parentheses
                yield int(name), int(file.read().rpartition(b")")[2].split()[1])


def _reap() -> bool:
    """Take the exit codes of children that ended; returns whether any are left."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return False
    return True


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
