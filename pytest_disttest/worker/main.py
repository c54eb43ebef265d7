"""The start of a worker process: wait for the controller's word, then be a pytest session."""

from __future__ import annotations

import mmap
import os
import socket
import sys
import traceback
from types import SimpleNamespace
from typing import Any

import pytest
from _pytest.config import ConftestImportFailure, _prepareconfig

from pytest_disttest import __version__, hookspecs, markers, options, wire
from pytest_disttest.worker import leash, neighbours, quiet, role
from pytest_disttest.worker.breeding import Breeding, Watched, watched_environment
from pytest_disttest.worker.claims import Claims
from pytest_disttest.worker.link import Link
from pytest_disttest.worker.session import WorkerSession


def main(socket_fd: int, map_fd: int, claims_fd: int, line_fd: int = -1) -> None:
    """Serve one run over the inherited socket; returns when the session is over."""
    leash.end_with_parent()
    connection = socket.socket(fileno=socket_fd)
    os.set_inheritable(socket_fd, False)
    os.set_inheritable(map_fd, False)
    os.set_inheritable(claims_fd, False)
    link = Link(connection, mmap.mmap(map_fd, 0))
    try:
        with watched_environment() as environment:
            config, order = _prepared(link)
            _run(link, config, order, Claims(claims_fd), Breeding(line_fd, environment))
    except (SystemExit, KeyboardInterrupt):
        raise
    except pytest.UsageError as error:
        link.send_now("usage", [wire.plain(str(argument)) for argument in error.args])
    except ConftestImportFailure as error:
        link.send_now("usage", [wire.plain(f"{type(error.cause).__name__} while loading {error.path}: {error.cause}")])
    except BaseException:
        link.send_now("internal", wire.plain(traceback.format_exc()))
    link.outbox.push()


def _prepared(link: Link) -> tuple[pytest.Config, dict[str, Any]]:
    """Return pytest's configuration, and the order that says who we are.

    Where that is certain beforehand, a first message says as much as it takes to read options and load conftest files,
    while the controller is still busy with its own; what goes wrong then is told when we have a name.
    """
    kind, told = link.receive()
    order = wire.restore(told)
    _take_place(order)
    quiet.make_streams_live()
    try:
        config = _prepareconfig(order["args"], [WorkerOptions(), SameByModuleName()])
    except BaseException:
        if kind == "prepare":
            link.receive()
        raise
    if kind == "prepare":
        order = wire.restore(link.receive()[1])
        _take_name(order)
    return config, order


def _run(link: Link, config: pytest.Config, order: dict[str, Any], claims: Claims, breeding: Breeding) -> None:
    try:
        _take_role(config, order)
        ways = {"sends_table": order["table"], "collects": order["collects"]}
        session = WorkerSession(link, config, **ways, claims=claims, breeding=breeding)
        config.pluginmanager.register(session, "disttest-worker-session")
        config.hook.pytest_cmdline_main(config=config)
    finally:
        config._ensure_unconfigure()


def _take_place(order: dict[str, Any]) -> None:
    """Directory, environment, import path and arguments as the controller's, mapped to this host."""
    os.chdir(order["cwd"])
    _take_name(order)
    os.environ.setdefault("PYTEST_VERSION", pytest.__version__)
    if order["sys_path"] is not None:
        sys.path[:] = order["sys_path"]
    else:
        sys.path[:] = [*order["prepend"], *(entry for entry in sys.path if entry)]


def _take_name(order: dict[str, Any]) -> None:
    """Environment and arguments, which name this worker."""
    os.environ.update(order["environment"])
    for name in order["unset"]:
        os.environ.pop(name, None)
    sys.argv = list(order["argv"])


def _take_role(config: pytest.Config, order: dict[str, Any]) -> None:
    """Be an xdist worker in the eyes of every plugin, before any of them is configured."""
    config.workerinput = Watched(order["workerinput"])  # type: ignore[attr-defined]
    config.workeroutput = {}  # type: ignore[attr-defined]
    option = config.option
    option.dist, option.distload, option.loadgroup, option.looponfail = "no", False, False, False
    option.numprocesses, option.maxprocesses, option.tx = None, None, []
    option.usepdb = False
    option.cacheclear = False
    option.log_file_mode = "a"  # the other workers write there too
    if order["basetemp"] is not None:
        option.basetemp = order["basetemp"]
    pluginmanager = config.pluginmanager
    pluginmanager.register(quiet.QuietTerminal(), "disttest-quiet-terminal")
    role.offer_fixtures(pluginmanager)
    role.stand_in_for_xdist(pluginmanager)
    neighbours.settle(pluginmanager, is_local=order["sys_path"] is not None)


class WorkerOptions:
    """Knows the same command line, markers and hooks as the controller's plugin, and stands in its place.

    Under the plugin's own name, so that no copy installed here is loaded: not by its entry point, and not by
    ``-p disttest`` in the user's arguments or ini file. The project's name satisfies ``required_plugins``.
    """

    __name__ = "disttest"

    def pytest_addoption(self, parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
        options.add_options(parser)
        here = SimpleNamespace(project_name="pytest-disttest", version=__version__)
        pluginmanager._plugin_distinfo.append((self, here))  # type: ignore[arg-type]

    def pytest_addhooks(self, pluginmanager: pytest.PytestPluginManager) -> None:
        pluginmanager.add_hookspecs(hookspecs)

    def pytest_configure(self, config: pytest.Config) -> None:
        for line in markers.MARKER_LINES:
            config.addinivalue_line("markers", line)


class SameByModuleName:
    """Keeps ``-p pytest_disttest.plugin`` from loading the controller's plugin here."""

    __name__ = "pytest_disttest.plugin"
