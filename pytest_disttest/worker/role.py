"""What plugins know from pytest-xdist, offered whether or not it is installed."""

from __future__ import annotations

import pytest

from pytest_disttest import hookspecs
from pytest_disttest.worker import fixtures

FIXTURES = "disttest-fixtures"


def offer_fixtures(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make our fixtures known: see ``fixtures``."""
    if not pluginmanager.hasplugin(FIXTURES):
        pluginmanager.register(fixtures, FIXTURES)


class XdistStandIn:
    """Carries xdist's plugin name, for plugins that ask ``hasplugin("xdist")`` before they cooperate."""


def stand_in_for_xdist(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make xdist's hooks known and its plugin name taken, unless xdist itself is there.

    Also where ``-p no:xdist`` blocks the name: plugins such as pytest-randomly must know that there are workers.
    """
    if not pluginmanager.hasplugin("xdist"):
        pluginmanager.unblock("xdist")
        pluginmanager.register(XdistStandIn(), "xdist")
    missing = hookspecs.missing_xdist_hooks(pluginmanager)
    if missing is not None:
        pluginmanager.add_hookspecs(missing)
