"""What a worker is told at its start: the controller's own invocation, mapped to the worker's host."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.node import WorkerNode, checked_input

# CI and BUILD_NUMBER make pytest show assertions in full
FORWARDED = (
    "BUILD_NUMBER", "CI", "PYTEST_ADDOPTS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_PLUGINS", "PYTEST_THEME",
    "PYTHONUTF8",
)  # fmt: skip


def order_for(
    config: pytest.Config,
    link: HostLink,
    node: WorkerNode,
    *,
    table: bool,
    collects: str = "full",
    sys_path: Sequence[str],
    unset: Sequence[str] = (),
) -> Any:
    """Return the order that makes a worker process this *node*, in the wire's types.

    *unset* are variables that the process needed for its start and its tests must not see.
    """
    here = Invocation(config, sys_path)
    place = here.local() if link.is_local else here.on(link.directory)
    order = {
        **place,
        "workerinput": {},
        "basetemp": _basetemp(config, node) if link.is_local else None,
        "table": table,
        "collects": collects,
        "unset": list(unset),
        "environment": _environment(link, node, place),
    }
    return {**wire.plain(order), "workerinput": checked_input(node)}


def prelude_for(
    config: pytest.Config, link: HostLink, name: str, *, run_uid: str, sys_path: Sequence[str]
) -> dict[str, Any]:
    """Return what a worker of this machine that will be called *name* can prepare itself with before its order."""
    place = Invocation(config, sys_path).local()
    return {**place, "unset": [], "environment": xdist_names(name, link.workers, run_uid)}


def xdist_names(worker: str, count: int, run_uid: str) -> dict[str, str]:
    """Return the variables that suites know from xdist."""
    return {
        "PYTEST_XDIST_TESTRUNUID": run_uid,
        "PYTEST_XDIST_WORKER": worker,
        "PYTEST_XDIST_WORKER_COUNT": str(count),
    }


class Invocation:
    """The controller's arguments, directory and import path."""

    def __init__(self, config: pytest.Config, sys_path: Sequence[str]) -> None:
        self._args = [str(argument) for argument in config.invocation_params.args]
        self._dir = config.invocation_params.dir
        self._root = config.rootpath
        self._sys_path = list(sys_path)

    def local(self) -> dict[str, Any]:
        """The same machine: everything as it is here."""
        return {
            "args": self._args,
            "argv": sys.argv,
            "cwd": str(self._dir),
            "sys_path": self._sys_path,
            "prepend": [],
        }

    def on(self, directory: str) -> dict[str, Any]:
        """A copy of the tree in *directory* on another machine."""
        return {
            "args": [self._mapped(argument, directory) for argument in self._args],
            "argv": [self._mapped(argument, directory) for argument in sys.argv],
            "cwd": self._moved(self._dir, directory) or directory,
            "sys_path": None,
            "prepend": [moved for entry in self._sys_path if (moved := self._moved_entry(entry, directory))],
        }

    def _mapped(self, argument: str, directory: str) -> str:
        option, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
        path, colons, rest = value.partition("::")
        # os.path: a long -k expression is no path, and pathlib would raise for its length
        if not self._is_right_anywhere(path) and os.path.exists(self._dir / path):  # noqa: PTH110
            moved = self._moved(Path(os.path.abspath(self._dir / path)), directory)
            if moved is not None:
                return f"{option}{equals}{moved}{colons}{rest}"
        return argument.replace(f"{self._root}{os.sep}", f"{directory}/")

    def _is_right_anywhere(self, path: str) -> bool:
        """Whether *path* leads from the working directory downwards; ``-k tests`` beside ``tests/`` looks the same."""
        below = not path.startswith(os.sep) and ".." not in path.split(os.sep)  # noqa: PTH206 - as above
        return not path or (below and self._moved(self._dir, "") is not None)

    def _moved(self, path: Path, directory: str) -> str | None:
        """Where *path* lies in the copy; None when it is not part of the tree."""
        for root in (self._root, self._root.resolve()):
            if path == root or root in path.parents:
                return f"{directory}/{path.relative_to(root).as_posix()}".removesuffix("/.")
        return None

    def _moved_entry(self, entry: str, directory: str) -> str | None:
        if "site-packages" in entry or not entry:
            return None
        return self._moved(Path(os.path.abspath(entry)), directory)


def _basetemp(config: pytest.Config, node: WorkerNode) -> str | None:
    factory = getattr(config, "_tmp_path_factory", None)
    return None if factory is None else str(factory.getbasetemp() / f"popen-{node.id}")


def _environment(link: HostLink, node: WorkerNode, place: dict[str, Any]) -> dict[str, str]:
    """What suites know from xdist, the user's settings for this host, and pytest's own variables."""
    known = node.workerinput
    names = xdist_names(node.id, int(known["workercount"]), str(known["testrunuid"]))
    environment = dict(link.host.environment) | names
    if not link.is_local:
        environment |= {name: os.environ[name] for name in FORWARDED if name in os.environ}
        if place["prepend"]:
            environment["PYTHONPATH"] = ":".join(place["prepend"])
    return environment
