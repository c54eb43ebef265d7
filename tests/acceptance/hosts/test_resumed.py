"""A run on several hosts whose controller was killed is resumed without one of them."""

from __future__ import annotations

import os
import signal

import pytest
from acceptance.hosts.bench import Project
from rigs.processes import wait_until

pytestmark = pytest.mark.slow

SUITE = """
import time
import pytest

@pytest.mark.hw(tags="host1")
def test_there(): pass
@pytest.mark.hw(tags="host1")
def test_never(): assert 0, "said there"

@pytest.mark.parametrize("number", range(40))
def test_it(number, hw_host):
    print("said on", hw_host)
    time.sleep(0.05)
    assert number != 3
"""


def lines_of(project: Project, words: bytes) -> int:
    """Return how many lines of the run's journal hold *words*."""
    journals = sorted((project.root / ".disttest/runs").glob("*.ndjson"))
    return sum(words in line for line in journals[-1].read_bytes().splitlines()) if journals else 0


def test_what_a_host_did_is_known_when_it_is_not_there_any_more(projects, own_ssh_host):
    """Its results are kept, under its name; nothing of the killed run goes on over there."""
    project = projects("one", (own_ssh_host,)).write(test_a=SUITE, test_b=SUITE)
    process = project.start(hosts="local,host1")
    known = wait_until(
        lambda: lines_of(project, b"said there") == 2 and lines_of(project, b'"attempt"') >= 15, timeout_s=30
    )
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    assert known
    assert wait_until(lambda: not project.processes(), timeout_s=20), project.processes()

    ran = project.run("--hw-resume", hosts="local")

    assert (ran.code, ran.outcomes.total()) == (1, 84), ran.text
    assert ran.lines(" results kept from run "), ran.text
    attempts = {attempt.nodeid: attempt for attempt in project.attempts()}
    assert len(attempts) == len(project.attempts()) == 84
    assert {attempts[f"test_{file}.py::test_{name}"].host for file in "ab" for name in ("there", "never")} == {"host1"}
    assert {attempt.host for attempt in attempts.values()} == {"local", "host1"}
    assert ran.named("failure") == {"test_it[3]", "test_never"}
    assert len(ran.named("passed")) == 40, ran.text
