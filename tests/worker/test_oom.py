"""The kernel says how often it killed for memory: one more than before explains a SIGKILL."""

from __future__ import annotations

import signal

import pytest

from pytest_disttest.worker import oom


@pytest.fixture
def kills(monkeypatch):
    """Return a list of the counts that the kernel gives, one after the other."""
    counts: list[int] = []
    monkeypatch.setattr(oom, "_kills", lambda: counts.pop(0))
    return counts


def test_each_kill_explains_one_end(kills):
    """Another signal, or no kill since the last one, is something else."""
    kills += [4, 5, 5]
    watch = oom.OomWatch()

    assert [False, True, False] == [
        watch.explains(code) for code in (-signal.SIGSEGV, -signal.SIGKILL, -signal.SIGKILL)
    ]


def test_the_kernel_is_asked():
    """The number that it gives, and 0 where it gives none."""
    with open("/proc/vmstat") as file:
        said = [int(line.split()[1]) for line in file if line.startswith("oom_kill ")]

    assert (said or [0])[0] <= oom._kills()
