"""The first exchange with a host: what it must have, asked before anything is shipped to it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_disttest.errors import HostUnusable
from pytest_disttest.model import Host
from pytest_disttest.worker import hello

START_LINE = "import sys;exec(eval(sys.stdin.readline()))"
"""What every far interpreter runs: it executes the source that we send as one line."""

MARK = b"DISTTEST-HELLO "
MINIMUM_PYTHON = (3, 11)
MINIMUM_PYTEST = (8, 2)
"""As in pyproject.toml."""

LINE_BYTES = 1 << 16
NOISE_LINES = 200


@dataclass(frozen=True, slots=True)
class Hello:
    """What a usable host said of itself.

    *directory* is the absolute place for synced files, "" if none was asked. *started* tells the process *pid* from
    others that have the same number later, "" where the host cannot say.
    """

    python: tuple[int, ...]
    executable: str
    pytest: str
    hostname: str
    platform: str
    machine: str
    pid: int
    cwd: str
    directory: str
    started: str = ""


ReadLine = Callable[[int], bytes]
"""Returns the next line, cut at so many bytes; raises EOFError at the end of the stream."""


def request(host: Host, *, sys_path: Sequence[str], directory: str) -> bytes:
    """Return the line that makes the far interpreter greet; *sys_path* is appended to its own."""
    wishes = {
        "environment": dict(host.environment),
        "sys_path": list(sys_path),
        "directory": directory,
        "minimum": list(MINIMUM_PYTHON),
    }
    source = f"REQUEST = {json.dumps(wishes)!a}\n{inspect.getsource(hello)}"
    return ascii(source).encode("ascii") + b"\n"  # ASCII: the far side's locale is unknown


def read_hello(read_line: ReadLine) -> dict[str, Any] | None:
    """Return what the host said, skipping what login scripts print; None when no greeting is among the lines.

    Raises EOFError when the stream ends first.
    """
    for _ in range(NOISE_LINES):
        line = read_line(LINE_BYTES)
        if line.startswith(MARK):
            return _parsed(line[len(MARK) :])
    return None


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def judge(host: Host, found: dict[str, Any] | None) -> Hello:
    """Return the greeting of a usable host; a host that lacks what a run needs is refused."""
    try:
        if found is None:
            raise ValueError("no greeting")
        python = tuple(int(part) for part in found["version"])
        refuse_old_python(host, python, str(found["executable"]))
        answer = Hello(
            python=python,
            pid=int(found["pid"]),
            **{
                key: str(found[key])
                for key in ("executable", "pytest", "hostname", "platform", "machine", "cwd", "directory", "started")
            },
        )
        fault = str(found["directory_fault"])
    except (KeyError, TypeError, ValueError) as error:
        raise HostUnusable(
            host.name,
            "protocol",
            f"it did not answer as our Python program ({error})",
            hint="its login scripts must print nothing when ssh runs a command, and `python` must be a Python",
        ) from None
    refuse_missing(host, answer, fault)
    return answer


def refuse_old_python(host: Host, python: tuple[int, ...], executable: str) -> None:
    """Raise HostUnusable when the far interpreter is older than what we ship."""
    if python < MINIMUM_PYTHON:
        have, need = ".".join(map(str, python)), ".".join(map(str, MINIMUM_PYTHON))
        raise HostUnusable(
            host.name,
            "old-python",
            f"{executable} is Python {have}, and {need} or newer is needed",
            hint="install a newer Python there and give its path as `python` of the host",
        )


def refuse_missing(host: Host, answer: Hello, directory_fault: str) -> None:
    """Raise HostUnusable when no usable pytest is there, or the directory for files is not ours to write."""
    if not answer.pytest or release_of(answer.pytest) < MINIMUM_PYTEST:
        have = f"has pytest {answer.pytest}" if answer.pytest else "has no pytest"
        need = ".".join(map(str, MINIMUM_PYTEST))
        raise HostUnusable(
            host.name,
            "no-pytest",
            f"{answer.executable} {have} ({need} or newer is needed)",
            hint=f"install it there: `{answer.executable} -m pip install 'pytest>={need}'`, or give the path of another"
            " Python as `python` of the host",
        )
    if directory_fault:
        raise HostUnusable(
            host.name,
            "directory",
            f"cannot write to {answer.directory} ({directory_fault})",
            hint="give a directory that the login may write to as `directory` of the host",
        )


def release_of(version: str) -> tuple[int, ...]:
    """Return the first two numbers of *version*; one that has none (an unpackaged pytest) counts as new enough."""
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return tuple(map(int, numbers.groups())) if numbers else MINIMUM_PYTEST
