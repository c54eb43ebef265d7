"""Runs that are stopped: what ran is told and kept, and nothing is left on any host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time

import pytest
from rigs.processes import wait_until

HANGING = """
import time
from pathlib import Path
import pytest

pytestmark = pytest.mark.hw(tags="{host}")
PLACE = Path("{place}")

@pytest.fixture(scope="session", autouse=True)
def of_session():
    yield
    (PLACE / "session-down-{host}").touch()

@pytest.fixture
def of_test():
    yield
    (PLACE / "test-down-{host}").touch()

def test_quick(): pass

def test_hangs(of_test):
    (PLACE / "on-{host}").touch()
    {hang}

def test_never(): pass
"""

HOSTS = ("local", "host1")
SLEEPS = "time.sleep(60)"
DEAF = """
    import signal
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(1)
"""


@pytest.fixture
def terminal():
    """Return a function that runs a command on a terminal of its own: (process, the terminal's other end)."""
    ends: list[int] = []

    def run(command, **words):
        ours, theirs = os.openpty()
        ends.append(ours)

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        process = subprocess.Popen(
            command,
            start_new_session=True,
            preexec_fn=take_terminal,  # noqa: PLW1509 - no thread of ours runs
            **streams,
            **words,
        )
        os.close(theirs)
        return process, ours

    yield run
    for end in ends:
        os.close(end)


@pytest.fixture
def hanging(project, started, tmp_path):
    """Return a function that starts a run that hangs on both hosts in the second of three tests."""

    def start(hang=SLEEPS, *words):
        project.write(
            **{f"test_{host}": HANGING.format(host=host, place=tmp_path, hang=hang.strip()) for host in HOSTS}
        )
        process = project.start(*words, hosts="local,host1")
        assert all(started(f"on-{host}") for host in HOSTS), process.communicate(timeout=5)
        # what ended before a test that takes long is not kept back until that one ends
        assert wait_until(lambda: written(project).count('"event":"passes"') == 2, timeout_s=5), written(project)
        return process

    return start


def written(project):
    """Return the journal of the run that goes on."""
    return "".join(path.read_text() for path in (project.root / ".disttest" / "runs").glob("*.*"))


def passed(project):
    """Return the node ids that the store says have passed."""
    return {a.nodeid for a in project.attempts() if a.outcome == "passed"}


QUICK = {f"test_{host}.py::test_quick" for host in HOSTS}


def test_ctrl_c(project, hanging, tmp_path):
    """Stops in seconds, tears down, tells what ran, and leaves no process here or there."""
    process = hanging()
    os.killpg(process.pid, signal.SIGINT)

    ran = project.finish(process, within_s=15)

    assert ran.code == 2, ran.text
    assert ran.seconds < 6
    assert "2 passed" in ran.summary and ran.lines("KeyboardInterrupt"), ran.text
    assert "INTERNALERROR" not in ran.text
    for host in HOSTS:
        assert (tmp_path / f"test-down-{host}").exists() and (tmp_path / f"session-down-{host}").exists(), host
    assert passed(project) == QUICK
    assert {a.nodeid for a in project.attempts()} <= QUICK | {f"test_{host}.py::test_hangs" for host in HOSTS}
    assert project.newest_run() == ("finished", 2)
    assert wait_until(lambda: not project.processes(), timeout_s=3), project.processes()


def test_ctrl_c_typed_at_a_terminal(project, terminal, started, tmp_path):
    """The live view gives the terminal back as it was, and the summary stands below."""
    project.write(test_local=HANGING.format(host="local", place=tmp_path, hang=SLEEPS))
    process, screen = terminal(
        project.command(hosts="local"), cwd=project.root, env=project.environment(TERM="xterm-256color")
    )
    assert started("on-local")
    os.write(screen, b"\x03")

    seen = b""
    with contextlib.suppress(OSError):  # EIO, once nobody has the other end
        while data := os.read(screen, 65536):
            seen += data

    assert process.wait(10) == 2, seen
    assert b"KeyboardInterrupt" in seen and b"1 passed" in seen.split(b"KeyboardInterrupt")[-1], seen
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h"), "the cursor stays hidden"
    assert (tmp_path / "test-down-local").exists()
    assert wait_until(lambda: not project.processes(), timeout_s=3), project.processes()


@pytest.mark.slow
def test_ctrl_c_with_a_test_that_does_not_listen(project, hanging):
    """Stops all the same, after the grace time."""
    process = hanging(DEAF)
    os.killpg(process.pid, signal.SIGINT)

    ran = project.finish(process, within_s=20)

    assert ran.code == 2, ran.text
    assert ran.seconds < 12
    assert passed(project) == QUICK
    assert wait_until(lambda: not project.processes(), timeout_s=3), project.processes()


def test_a_second_ctrl_c_ends_at_once(project, hanging):
    """Also while a test does not listen; the journal keeps what ran."""
    process = hanging(DEAF)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)  # a person's second press
    os.killpg(process.pid, signal.SIGINT)

    ran = project.finish(process, within_s=15)

    assert ran.code == 2, ran.text
    assert ran.seconds < 2
    assert wait_until(lambda: not project.processes(), timeout_s=3), project.processes()
    project.run("-k", "quick", hosts="local")
    assert len(project.attempts(run=2)) >= 2


def test_sigterm(project, hanging):
    """A CI service's way to cancel leaves no process, and the results are kept."""
    process = hanging()
    process.send_signal(signal.SIGTERM)

    project.finish(process, within_s=15)

    assert wait_until(lambda: not project.processes(), timeout_s=10), project.processes()
    ingested(project)
    assert passed(project) == QUICK


@pytest.mark.slow
def test_kill(project, hanging):
    """``kill -9`` of the controller: the hosts free themselves, and the journal's rows come in later."""
    process = hanging()
    process.kill()

    project.finish(process, within_s=15)

    assert wait_until(lambda: not project.processes(), timeout_s=10), project.processes()
    ingested(project)
    assert project.newest_run() == ("interrupted", None)
    assert passed(project) == QUICK


@pytest.mark.slow
def test_a_killed_run_comes_in_with_the_next_one(project, hanging):
    """Nobody needs to know of the command."""
    process = hanging()
    process.kill()
    project.finish(process, within_s=15)

    ran = project.run("-k", "quick", hosts="local")

    assert {a.nodeid for a in project.attempts(run=2)} == QUICK, ran.text


def ingested(project):
    """Let the command bring journals in."""
    command = [sys.executable, "-c", "from pytest_disttest.cli import main; raise SystemExit(main(['ingest']))"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
