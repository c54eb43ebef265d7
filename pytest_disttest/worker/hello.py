"""The first words from a host: what is there, before anything else is sent to it.

The text of this file is run by ``python -c "import sys;exec(eval(sys.stdin.readline()))"`` with a line
``REQUEST = '...json...'`` in front of it, writes one marked line to stdout, and gives way to execnet's
own source, which arrives as the next line. It must stay readable by every Python since 2.6, or a host
with an old one would answer with a SyntaxError instead of its version: no annotations, no f-strings,
no ``from __future__``. Names are underscored, because execnet's source runs in the same namespace.
"""

import json as _json
import os as _os
import sys as _sys

if False:  # for type checkers: old Pythons have no typing
    from typing import Any  # noqa: F401 - used in the type comments

_MARK = "DISTTEST-HELLO "


def _pytest_version():  # type: () -> str
    """Return the version of pytest here, "" when there is none."""
    import importlib.metadata
    import importlib.util

    if importlib.util.find_spec("pytest") is None:
        return ""
    try:
        return importlib.metadata.version("pytest")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _started():  # type: () -> str
    """Return when this process began, in the kernel's count; with its number it means no other. "" without /proc."""
    try:
        with open("/proc/self/stat") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _directory_fault(directory):  # type: (str) -> str
    """Return why nothing can be written under *directory*, "" when it can; makes it if it is not there."""
    import tempfile

    try:
        _os.makedirs(directory, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"x")
    except OSError as error:
        return str(error)
    return ""


def _observe(directory):  # type: (str) -> dict[str, Any]
    """Return what the controller asks of every host whose Python is new enough."""
    import platform
    import socket

    directory = _os.path.abspath(_os.path.expanduser(directory)) if directory else ""
    return {
        "pytest": _pytest_version(),
        "hostname": socket.gethostname(),
        "platform": _sys.platform,
        "machine": platform.machine(),
        "cwd": _os.getcwd(),
        "started": _started(),
        "directory": directory,
        "directory_fault": _directory_fault(directory) if directory else "",
    }


def _settle(environment, more_path):  # type: (dict[str, str], list[str]) -> None
    """Take over the environment and import path that the host's description asks for."""
    _os.environ.update(environment)
    # The entry "" that -c puts first would let a queue.py or json.py of the directory we start in shadow the library's.
    _sys.path[:] = [entry for entry in _sys.path if entry]
    # PYTHONPATH comes too late for this interpreter to read it by itself, and pytest may be there.
    more_path = environment.get("PYTHONPATH", "").split(_os.pathsep) + more_path
    _sys.path.extend([entry for entry in more_path if entry and entry not in _sys.path])


def _greet(request):  # type: (dict[str, Any]) -> None
    """Write the greeting; an old Python tells its version and ends."""
    found = {"version": list(_sys.version_info[:3]), "executable": _sys.executable, "pid": _os.getpid()}
    new_enough = _sys.version_info[:2] >= tuple(request["minimum"])
    if new_enough:
        _settle(request["environment"], request["sys_path"])
        found.update(_observe(request["directory"]))
    # The newline in front ends whatever a login script may have printed.
    _sys.stdout.write("\n" + _MARK + _json.dumps(found) + "\n")
    _sys.stdout.flush()
    if not new_enough:
        _sys.exit(0)


if "REQUEST" in globals():
    _greet(_json.loads(globals()["REQUEST"]))
    exec(eval(_sys.stdin.readline()))
