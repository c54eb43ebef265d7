"""The end of a forked process: what an interpreter does at its own, without a return to the stack it was forked in.

What the parent had registered for its own end is not the child's business: its temporary directories would be
removed, its reports written, once for each fork. (multiprocessing forgets it, too, since Python 3.13.)
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import signal
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

INTERRUPTED = -1


def forget_parents_end() -> None:
    """Drop what was to happen at the end of the parent; what is registered from here on happens at the end of this."""
    atexit._clear()
    finalizers: Any = weakref.finalize
    for entry in list(getattr(finalizers, "_registry", {}).values()):
        entry.atexit = False
    finalizers._registered_with_atexit = False
    logging = sys.modules.get("logging")
    if logging is not None:
        atexit.register(logging.shutdown)
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        getattr(util, "_finalizer_registry", {}).clear()
        atexit.register(util._exit_function)


def run_to_the_end(program: Callable[[], object]) -> NoReturn:
    """Run *program* as the main program of this process, and end the process with its exit code."""
    code = 1
    try:
        code = _run(program)
        _wind_up()
    finally:
        if code == INTERRUPTED:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(code & 0xFF)


def _run(program: Callable[[], object]) -> int:
    try:
        program()
    except SystemExit as end:
        return _status(end.code)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _status(code: object) -> int:
    if code is None or isinstance(code, int):
        return int(code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


def _wind_up() -> None:
    """Wait for threads, call what was registered for the end, bring home what lies in buffers."""
    with contextlib.suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in [*_open_files(), sys.stdout, sys.stderr]:
        with contextlib.suppress(Exception):
            stream.flush()


def _open_files() -> list[Any]:
    """Return the files with buffers that this process opened: an interpreter that clears its modules flushes them.

    The parent's objects are frozen, so the collector does not list them.
    """
    kinds = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
    return [thing for thing in gc.get_objects() if type(thing) in kinds and not thing.closed]
