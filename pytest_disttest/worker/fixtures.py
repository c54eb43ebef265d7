"""``worker_id`` and ``testrun_uid``, as xdist gives them; ``hw_host``, ``hw_grant`` and ``hw_requires`` of our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_disttest.model import Grant

GRANT: pytest.StashKey[Grant] = pytest.StashKey()
"""What an item was granted, for as long as it runs."""


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Return this worker's id (``gw0``, ``gw1``, ...), or ``master`` when tests are not distributed."""
    return str(_workerinput(request).get("workerid", "master"))


@pytest.fixture(scope="session")
def testrun_uid(request: pytest.FixtureRequest) -> str:
    """Return an id that all workers of this run share."""
    known = _workerinput(request).get("testrunuid")
    return str(known) if known else _uid(request.config)


@pytest.fixture(scope="session")
def hw_host(request: pytest.FixtureRequest) -> str:
    """Return the name of the host this worker runs on, ``local`` when tests are not distributed."""
    return str(_workerinput(request).get("hw_host", "local"))


@pytest.fixture
def hw_grant(request: pytest.FixtureRequest, hw_host: str) -> Grant:
    """Return what this test was given on its host: *cores*, *memory*, *devices* and more.

    A test that asked for nothing, or that is not distributed, has one core and no devices.
    """
    granted: Grant | None = request.node.stash.get(GRANT, None)
    if granted is not None:
        return granted
    from pytest_disttest.model import Grant

    return Grant(hw_host)


@pytest.fixture
def hw_requires(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that takes the conditions of the ``hw`` mark and skips the test where this host lacks them."""
    from pytest_disttest.worker.requiring import require

    return partial(require, request.node)


def _workerinput(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = getattr(request.config, "workerinput", {})
    return found


_UID = pytest.StashKey[str]()


def _uid(config: pytest.Config) -> str:
    if _UID not in config.stash:
        import uuid

        config.stash[_UID] = uuid.uuid4().hex
    return config.stash[_UID]
