"""What people see of a real run: on a terminal a live view, in a log plain lines, and as little as they asked for."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import time

import pyte
import pytest
from rigs.processes import wait_until

from .conftest import LEAN

SUITE = {
    "disttest.toml": '[hosts.desk]\naddress = "local"\nworkers = 1\n[hosts.bench]\naddress = "local"\nworkers = 1\n',
    "test_a.py": """
        import os, pathlib, pytest, time
        def test_fails(): assert "left" == "right"
        def test_waits():
            pathlib.Path("it-runs").touch()
            while not os.path.exists("go-on"): time.sleep(0.01)
        """,
    "test_b.py": """
        import pytest
        @pytest.mark.parametrize("n", range(8))
        def test_quick(n): pass
        """,
    "test_c.py": "import pytest\n@pytest.mark.hw(tags='moon')\ndef test_nowhere(): pass\n",
}
ARGS = ("--dist-hw", "--hw-hosts=desk,bench")
TITLES = "host   workers  tests  passed  failed  skipped  crashed         busy"


class OnTerminal:
    """A run of the suite in a terminal of some width, up to the moment when only ``test_waits`` is left."""

    def __init__(self, suite, *args, columns, environ=None):
        self._screen = pyte.HistoryScreen(columns, 24, history=1000, ratio=1)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = os.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.directory, self.raw = suite.directory, b""
        environment = {key: value for key, value in suite._environment().items() if key not in ("CI", "BUILD_NUMBER")}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "pytest", "-p", "no:cacheprovider", *LEAN, *ARGS, *args],
            cwd=suite.directory, stdin=slave, stdout=slave, stderr=slave,
            env={**environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(environ or {})},
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self._master, False)

    def shown(self):
        """The lines that scrolled away and those on the screen."""
        self._read()
        width = self._screen.columns
        gone = ["".join(line[x].data for x in range(width)).rstrip() for line in self._screen.history.top]
        return gone + [line.rstrip() for line in self._screen.display]

    def at_work(self):
        """What is shown when only the waiting test is left."""
        said = lambda: "\n".join(self.shown())  # noqa: E731
        assert wait_until(lambda: (self.directory / "it-runs").exists() and "FAILED" in said(), timeout_s=60), said()
        wait_until(lambda: "9/11" in said() or "10/11" in said(), timeout_s=5)
        return self.shown()

    def end(self):
        """What is shown at last; the run has ended."""
        (self.directory / "go-on").touch()
        assert wait_until(lambda: self.shown() is None or self.process.poll() is not None, timeout_s=60)
        time.sleep(0.05)
        lines = self.shown()
        os.close(self._master)
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _read(self):
        while True:
            try:
                piece = os.read(self._master, 65536)
            except OSError:  # nothing there, or the other side is closed
                return
            if not piece:
                return
            self.raw += piece
            self._stream.feed(piece)


@pytest.mark.parametrize("columns", [40, 120])
def test_a_terminal_shows_the_run_as_it_goes(suite, columns):
    """Hosts, what each worker runs, failures as they come, progress; at the end nothing of it is left but the facts."""
    terminal = OnTerminal(suite(SUITE), columns=columns)

    live = "\n".join(terminal.at_work())
    last = terminal.end()

    assert terminal.process.returncode == 1
    assert "desk 1/1 busy" in live or "desk 0/1 busy" in live, live
    assert re.search(r"gw\d (desk|bench) .*test_waits", live) or columns == 40, live
    assert re.search(r"\[gw\d\] FAILED test_a\.py::test_fails", live) and re.search(r"\d+/11", live), live
    assert "1 failed" in live
    text = "\n".join(last)
    assert "busy ·" not in text and "ETA" not in text, text
    assert "assert 'left' == 'right'" in text
    assert "9 passed" in text and "1 skipped" in text, text
    assert all(len(line) <= columns for line in last)
    if columns >= 80:
        assert any(line.split() == TITLES.split() for line in last), text


PLAIN = {
    (): ["host desk: ready, 1 worker, Python ", "collected 11 items; 2 workers", "] FAILED test_a.py::test_fails - ",
         TITLES],
    ("-v",): ["host bench: starting", "PASSED test_b.py::test_quick[3]", "FAILED test_a.py::test_fails", TITLES],
    ("-q",): ["1 failed, 9 passed, 1 skipped in "],
}  # fmt: skip


@pytest.mark.parametrize("args", PLAIN, ids=" ".join)
def test_a_log_gets_plain_lines(suite, args):
    """No escape codes; ``-q`` says no more than pytest does."""
    made = suite(SUITE)
    made.write("go-on", "")

    ran = made.run(*ARGS, *args)

    assert ran.exit_code == 1 and "\x1b" not in ran.output and "\r" not in ran.output, ran
    for words in PLAIN[args]:
        assert words in ran.output
    if args == ("-q",):
        assert "host" not in ran.output and "worker" not in ran.output, ran


def test_without_a_terminal_reporter_nothing_is_said(suite):
    """``-p no:terminal``."""
    made = suite(SUITE)
    made.write("go-on", "")

    ran = made.run(*ARGS, "-p", "no:terminal")

    assert (ran.exit_code, ran.output.strip()) == (1, ""), ran


REFUSALS = {"option": (["--color=no"], {}), "variable": ([], {"NO_COLOR": "1"})}


@pytest.mark.parametrize(("args", "environ"), REFUSALS.values(), ids=REFUSALS)
def test_colour_can_be_refused_on_a_terminal(suite, args, environ):
    """The live view stays, in black and white."""
    terminal = OnTerminal(suite(SUITE), *args, columns=80, environ=environ)

    live = "\n".join(terminal.at_work())
    terminal.end()

    assert "busy ·" in live
    assert terminal.process.returncode == 1
    assert not re.search(rb"\x1b\[[0-9;]*(3[0-7]|4[0-7]|38;5;\d+|9[0-7])m", terminal.raw), terminal.raw
