"""Standard streams for a forked process, as a new interpreter makes them for pipes."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


def renew(out: int = -1, err: int = -1) -> None:
    """Read nothing from standard input, write to the descriptors *out* and *err* (-1: to nowhere), which are taken."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for target, descriptor in enumerate((nothing, out, err)):
        os.dup2(nothing if descriptor < 0 else descriptor, target)
    for descriptor in {nothing, out, err}:
        if descriptor > 2:
            os.close(descriptor)
    sys.stdin = sys.__stdin__ = _opened(0, "r", like=sys.__stdin__)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _opened(1, "w", like=sys.__stdout__)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _opened(2, "w", like=sys.__stderr__)  # type: ignore[misc]


def _opened(descriptor: int, mode: str, *, like: Any) -> io.TextIOWrapper:
    """Return a text file as ``create_stdio`` in CPython's ``pylifecycle.c`` makes it, for a pipe.

    Encoding, handling of errors and ``-u`` are the process's, so those of *like*.
    """
    is_unbuffered = bool(getattr(like, "write_through", False))
    buffering = 0 if is_unbuffered and mode == "w" else -1
    binary: Any = os.fdopen(descriptor, f"{mode}b", buffering=buffering, closefd=False)
    getattr(binary, "raw", binary).name = ("<stdin>", "<stdout>", "<stderr>")[descriptor]
    stream = io.TextIOWrapper(
        binary,
        encoding=getattr(like, "encoding", None),
        errors="backslashreplace" if descriptor == 2 else getattr(like, "errors", None),
        newline=None if mode == "r" else "\n",
        line_buffering=descriptor == 2 and not is_unbuffered,
        write_through=is_unbuffered,
    )
    stream.mode = mode  # type: ignore[misc]
    return stream
