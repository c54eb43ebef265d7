"""The memory that an agent shares with its workers: zeros, without a name, and with room for all of them."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from typing import IO

import pytest

from pytest_disttest.worker import backing

WAYS = [backing.zeros, backing.on_disk]


@pytest.mark.parametrize("make", WAYS)
def test_it_can_be_mapped_and_written_to_its_end(make: Callable[[int], IO[bytes]]):
    """By whoever has the descriptor."""
    with make(10_000) as file, mmap.mmap(file.fileno(), 0) as shared:
        assert bytes(10_000) == shared[:]
        shared[9_999:] = b"x"

        assert b"x" == os.pread(file.fileno(), 10, 9_999)


@pytest.mark.parametrize("make", WAYS)
def test_no_other_program_inherits_it_unasked(make: Callable[[int], IO[bytes]]):
    """A test's child would keep it."""
    with make(10) as file:
        assert not os.get_inheritable(file.fileno())


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memory files are Linux's")
def test_it_is_memory_where_that_is_possible():
    """A full disk of temporary files does not matter then."""
    with backing.zeros(10) as file:
        assert os.readlink(f"/proc/self/fd/{file.fileno()}").startswith("/memfd:disttest")


def test_a_disk_without_room_is_an_error_with_words():
    """Not a SIGBUS at the first write: here the kernel allows this process no file of that size."""
    script = """
import resource
from pytest_disttest.worker.backing import on_disk
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    on_disk(10_000)
except OSError as error:
    print(type(error).__name__, error.strerror)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )

    assert (done.returncode, done.stdout) == (0, "OSError File too large\n"), done
