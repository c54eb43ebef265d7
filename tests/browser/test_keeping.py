"""Kept work leaves nothing behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rigs.browsers import CHECKOUT, processes_below
from rigs.processes import wait_until

# A work that starts a daemon as daemons start: in a session of its own, its parent gone, deaf to SIGTERM.
DAEMON = """
import subprocess, sys
subprocess.Popen(["setsid", "sh", "-c", "trap '' TERM HUP INT; sleep 600 & wait"], start_new_session=True)
"""
SCRIPT = """
import os, subprocess, sys, time
from pytest_disttest.browser.keeping import kept

def work(directory, send):
    open(os.path.join(directory, "file"), "w").close()
    subprocess.run([sys.executable, "-c", sys.argv[1]])
    send(b"started")
    exec(sys.argv[2])
    send(b"done")

start = time.monotonic()
lines = kept(work, limit_s=float(sys.argv[3]))
print([line.decode() for line in lines], round(time.monotonic() - start, 1))
"""
ENDINGS = {
    "return": ("pass", 20.0, ["started", "done"]),
    "raise": ("raise OSError('no')", 20.0, ["started"]),
    "exit": ("os._exit(3)", 20.0, ["started"]),
    "killed": ("os.kill(os.getpid(), 9)", 20.0, ["started"]),
    "hang": ("time.sleep(600)", 1.0, ["started"]),
    "stopped": ("os.kill(os.getpid(), 19)", 1.0, ["started"]),
}


def start(home: Path, ending: str, limit_s: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, DAEMON, ending, str(limit_s)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_started(home: Path) -> bool:
    """Whether the daemon, which lives in the work's environment, runs."""
    return any(line.startswith("sleep") for line in processes_below(home).values())


@pytest.mark.parametrize("how", ENDINGS)
def test_however_work_ends_nothing_of_it_stays(how: str, home: Path):
    """Its lines arrive; its daemons, its directory and its processes are gone when the call returns."""
    ending, limit_s, expected = ENDINGS[how]

    said, wrong = start(home, ending, limit_s).communicate(timeout=30)

    assert said.startswith(str(expected)), wrong
    assert ({}, []) == (processes_below(home), os.listdir(home))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_caller_that_is_killed_takes_the_work_along(number: signal.Signals, home: Path):
    """The keeper sees its end."""
    process = start(home, "time.sleep(600)", 600.0)
    assert wait_until(lambda: is_started(home), timeout_s=20)

    process.send_signal(number)

    process.communicate(timeout=10)
    assert wait_until(lambda: not processes_below(home) and not os.listdir(home), timeout_s=10)


def test_the_time_is_kept(home: Path):
    """The call returns at the limit, though what it started is deaf."""
    began = time.monotonic()

    start(home, "time.sleep(600)", 1.5).communicate(timeout=30)

    assert 1.5 <= time.monotonic() - began < 6


def test_no_room_for_files_is_an_error(home: Path):
    """Nothing is started where there is no directory for it."""
    script = f"""import tempfile; from pytest_disttest.browser.keeping import kept
tempfile.tempdir = "{home}/gone"
kept(lambda directory, send: send(b"started"), limit_s=5.0)"""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)

    assert f"ChildProcessError: no process and directory for browsers below {home}/gone" in done.stderr


def test_a_long_place_for_temporary_files_is_not_taken(home: Path):
    """Browsers make sockets below it, whose paths have a limit."""
    long = home / ("x" * 60)
    long.mkdir()
    script = "from pytest_disttest.browser.keeping import place_for_files; print(place_for_files())"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}

    def said(place: Path) -> str:
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env={**environment, "TMPDIR": str(place)}, capture_output=True, text=True).stdout

    assert ("/tmp\n", f"{home}\n") == (said(long), said(home))
