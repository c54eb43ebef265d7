"""The pytest plugin: options and markers always; everything else only with ``--dist-hw``."""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_disttest import hookspecs, markers, options
from pytest_disttest.errors import BadOption, DisttestError
from pytest_disttest.worker import role

if TYPE_CHECKING:
    from pytest_disttest.controller.resuming import Choice
    from pytest_disttest.options import Settings
    from pytest_disttest.worker.zygote import Zygote

# as the user's pytest found it, before conftest files and plugins change it; "" would mean another directory there
_SYS_PATH = [entry for entry in sys.path if entry]

_NO_RUN = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")

_CONTROLLER = pytest.StashKey[object]()


@dataclass(slots=True)
class _Beginning:
    """Whether this process was forked before the run began, and if not, why not."""

    zygote: Zygote | None = None
    objection: str = "this plugin was loaded too late (name it with -p)"


_BEGINNING = pytest.StashKey[_Beginning]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    """Plugins are imported, and nothing else has happened yet: what workers begin with is copied now or never."""
    option = early_config.known_args_namespace
    if _is_distributing(early_config, option) and not option.collectonly and option.hw_start != "spawn":
        early_config.stash[_BEGINNING] = _begin(early_config)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Hosts begin to open here, before pytest and its plugins are configured."""
    if not _is_distributing(config, config.option):
        return
    try:
        _start(config)
    except DisttestError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    for line in markers.MARKER_LINES:
        config.addinivalue_line("markers", line)
    role.offer_fixtures(config.pluginmanager)
    controller = config.stash.get(_CONTROLLER, None)
    if controller is not None:
        options.claim_distribution(config.option)  # xdist takes it back for -n0
        config.pluginmanager.register(controller, "disttest-controller")


def pytest_report_header(config: pytest.Config) -> str | None:
    beginning = config.stash.get(_BEGINNING, None)
    if beginning is None or not beginning.objection or config.get_verbosity() < 1:
        return None
    return f"disttest: workers are new interpreters, not forks: {beginning.objection}"


def _is_distributing(config: pytest.Config, option: argparse.Namespace) -> bool:
    if not getattr(option, "dist_hw", False) or hasattr(config, "workerinput"):
        return False
    return not any(getattr(option, name, False) for name in _NO_RUN)


def _begin(config: pytest.Config) -> _Beginning:
    from pytest_disttest.worker import forkable

    objection = forkable.objection(forkable.observe())
    if objection:
        return _Beginning(None, objection)
    from pytest_disttest.worker import zygote

    try:
        begun = zygote.start(config)
    except OSError as error:
        return _Beginning(None, f"this process cannot be forked ({error})")
    begun.prepare_agent()  # most runs have one host here
    config.add_cleanup(begun.close)
    return _Beginning(begun, "")


def _zygote(config: pytest.Config, settings: Settings) -> Zygote | None:
    """Return where agents and workers are forked, None where they are to be new interpreters."""
    from pytest_disttest.worker import forkable

    if settings.start == "spawn":
        return None
    beginning = config.stash.setdefault(_BEGINNING, _Beginning())
    beginning.objection = beginning.objection or forkable.mixture(settings.hosts, hash_is_settled=_hash_is_settled())
    if not beginning.objection:
        return beginning.zygote
    if beginning.zygote is not None:
        beginning.zygote.close()
    if settings.start == "fork":
        message = f"workers cannot be forked: {beginning.objection}"
        raise BadOption(message, place="--hw-start", hint="leave it to 'auto'")
    return None


@contextlib.contextmanager
def _quick_imports(config: pytest.Config) -> Iterator[None]:
    """Import our own modules as they are, and without a look at the garbage between them.

    Installed from a wheel they count as a plugin's, whose assertions pytest would rewrite: that takes 20 ms.
    """
    hook: object = config.pluginmanager.rewrite_hook
    finders, was_enabled = list(sys.meta_path), gc.isenabled()
    sys.meta_path[:] = [finder for finder in finders if finder is not hook]
    gc.disable()
    try:
        yield
    finally:
        sys.meta_path[:] = finders
        if was_enabled:
            gc.enable()


def _hash_is_settled() -> bool:
    return not sys.flags.hash_randomization or os.environ.get("PYTHONHASHSEED", "random") not in ("", "random")


def _start(config: pytest.Config) -> None:
    conflict = options.conflicts(vars(config.option), [str(argument) for argument in config.invocation_params.args])
    if conflict:
        raise pytest.UsageError(conflict)
    from pytest_disttest.inventory import make_settings
    from pytest_disttest.worker.facts import processors

    settings = make_settings(
        vars(config.option),
        rootdir=config.rootpath,
        invocation_dir=config.invocation_params.dir,
        processors=processors(),
        env=os.environ,
        sync_ignore=config.getini("hw_sync_ignore"),
        defaults=config.getini("hw_defaults"),
        timeout=config.getini("hw_timeout"),
        strategy=config.getini("hw_strategy"),
    )
    if config.option.collectonly:
        from pytest_disttest.controller.preview import Preview

        config.pluginmanager.register(Preview(config, settings), "disttest-preview")
        return
    zygote = _zygote(config, settings)
    with _quick_imports(config):
        from pytest_disttest.controller.guiding import strategy_of

        strategy_of(config, settings.strategy)  # an unknown name is told before any host is asked for anything
        choice = _choose(config, settings.resume)
        from pytest_disttest.controller.opening import Opening

        opening = Opening(config, settings, _SYS_PATH, zygote)
        from pytest_disttest.controller.session import Controller

    role.stand_in_for_xdist(config.pluginmanager)
    config.stash[_CONTROLLER] = Controller(config, settings, opening, choice)


def _choose(config: pytest.Config, wanted: str | None) -> Choice | None:
    """Return the run that is to be resumed, None where the user resumes none."""
    if wanted is None:
        return None
    from pytest_disttest.controller.commit import commit_of
    from pytest_disttest.controller.resuming import choose
    from pytest_disttest.store import store_directory

    return choose(store_directory(config.rootpath), wanted, commit_of(config.rootpath))
