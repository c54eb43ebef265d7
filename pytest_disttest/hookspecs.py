"""The hooks of this plugin, and those of pytest-xdist that it calls in the same places.

Implement them in a conftest or plugin. xdist's hooks are specified here only when xdist is not installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.hookspec()
def pytest_disttest_plan(config: pytest.Config, plan: Any) -> None:
    """Called once on the controller with the finished ``model.Plan``, before the first test starts."""


@pytest.hookspec(firstresult=True)
def pytest_disttest_classify(config: pytest.Config, failure: Any) -> str | None:
    """Called on the controller with the ``recovery.rules.Failure`` of an attempt that did not pass.

    Return the word of its class (``device``, ``environment`` …, see the page about failures), or None where the rules
    of the inventory and our own are to tell.
    """


@pytest.hookspec()
def pytest_disttest_failed(config: pytest.Config, failure: Any, failure_class: str) -> None:
    """Called on the controller for each attempt that did not pass, once its class is known, before anything follows.

    *failure* is what ``pytest_disttest_classify`` gets, *failure_class* the word of its class.
    """


@pytest.hookspec()
def pytest_disttest_strategies(config: pytest.Config) -> Mapping[str, str] | None:
    """Return strategies for ``--hw-strategy``: name -> ``"module:attribute"`` of a ``schedule.guidance.Strategy``."""


class XdistHooks:
    """xdist's hooks on the controller; *node* is a worker as the controller sees it (``controller.node.WorkerNode``).

    The last five are known, so that a conftest may hold them, and never called.
    """

    @staticmethod
    @pytest.hookspec()
    def pytest_xdist_setupnodes(config: pytest.Config, specs: Any) -> None:
        """Called before any worker is set up, with one spec for each."""

    @staticmethod
    @pytest.hookspec()
    def pytest_xdist_newgateway(gateway: Any) -> None:
        """Called for every worker's gateway."""

    @staticmethod
    @pytest.hookspec()
    def pytest_configure_node(node: Any) -> None:
        """Called before a worker starts: put builtin values into ``node.workerinput``."""

    @staticmethod
    @pytest.hookspec()
    def pytest_testnodeready(node: Any) -> None:
        """Called when a worker's session has started."""

    @staticmethod
    @pytest.hookspec()
    def pytest_testnodedown(node: Any, error: Any) -> None:
        """Called when a worker has ended; ``node.workeroutput`` holds what it left, *error* why it died or None."""

    @staticmethod
    @pytest.hookspec()
    def pytest_xdist_node_collection_finished(node: Any, ids: Any) -> None:
        """Called when a worker has collected, with the node ids it found."""

    @staticmethod
    @pytest.hookspec(firstresult=True)
    def pytest_handlecrashitem(crashitem: str, report: Any, sched: Any) -> Any:
        """Called with the node id of a test whose worker died, and the report that will be shown.

        ``sched.mark_test_pending(crashitem)`` runs the test once more.
        """

    @staticmethod
    @pytest.hookspec(firstresult=True)
    def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
        """Not called: the plan decides where and when tests run."""

    @staticmethod
    @pytest.hookspec(firstresult=True)
    def pytest_xdist_auto_num_workers(config: pytest.Config) -> Any:
        """Not called: see ``--hw-workers``."""

    @staticmethod
    @pytest.hookspec(firstresult=True)
    def pytest_xdist_getremotemodule() -> Any:
        """Not called: what runs on a host is our own."""

    @staticmethod
    @pytest.hookspec()
    def pytest_xdist_rsyncstart(source: Any, gateways: Any) -> None:
        """Not called: see "files of the suite" in the docs."""

    @staticmethod
    @pytest.hookspec()
    def pytest_xdist_rsyncfinish(source: Any, gateways: Any) -> None:
        """Not called."""


def missing_xdist_hooks(pluginmanager: pytest.PytestPluginManager) -> type | None:
    """Return a class that specifies those of xdist's hooks nobody has specified; None when all are known."""
    missing = {}
    for name in (name for name in vars(XdistHooks) if name.startswith("pytest_")):
        caller = getattr(pluginmanager.hook, name, None)
        if caller is None or not caller.has_spec():
            missing[name] = vars(XdistHooks)[name]
    return type("MissingXdistHooks", (), missing) if missing else None
