"""Memory that an agent shares with its workers: where there is no room for it, that is an error and not a signal."""

from __future__ import annotations

import os
import tempfile
from typing import IO


def zeros(size: int) -> IO[bytes]:
    """Return an open file without a name that holds *size* zero bytes and can be mapped; raises OSError without room.

    It is memory where Linux offers that (memfd_create(2)). Elsewhere it lies on the disk of temporary files, and its
    blocks are taken at once: a hole that cannot be filled later ends whoever writes to it with SIGBUS.
    """
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("disttest", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
        except OSError:
            os.close(descriptor)
            raise
        return os.fdopen(descriptor, "r+b", buffering=0)
    return on_disk(size)


def on_disk(size: int) -> IO[bytes]:
    """Return such a file on the disk of temporary files."""
    file = tempfile.TemporaryFile(prefix="disttest-", buffering=0)  # noqa: SIM115 - the caller's
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            os.pwrite(file.fileno(), bytes(size), 0)
    except OSError:
        file.close()
        raise
    return file
