"""The end of a process and of all below it, by the text that runs on a host."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from rigs.processes import descendants, is_running, wait_until

from pytest_disttest.worker.last_rites import _end, _fields

# A parent, a child that leads a group of its own with a member, and nobody who waits for them.
FAMILY = """
import subprocess, sys, time
nap = [sys.executable, "-c", "import time; time.sleep(60)"]
shell = "import subprocess, time; subprocess.Popen({!r}); print('up', flush=True); time.sleep(60)".format(nap)
subprocess.Popen([sys.executable, "-c", shell], start_new_session=True)
time.sleep(60)
"""


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child and a grandchild."""
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process
        process.kill()


def test_a_process_is_ended_with_all_below_it(family: subprocess.Popen[bytes]):
    """Those in groups of their own too."""
    below = descendants(family.pid)

    assert 3 == _end(family.pid, _fields(family.pid)[19])

    assert -9 == family.wait(5)
    assert wait_until(lambda: not any(map(is_running, below)))


def test_a_process_that_began_at_another_time_is_another_one(family: subprocess.Popen[bytes]):
    """Process ids come again."""
    assert 0 == _end(family.pid, "1")
    assert family.poll() is None


def test_nobody_is_nobody():
    """A number that no process has."""
    assert [] == _fields(1 << 30)
    assert 0 == _end(1 << 30, "1")
