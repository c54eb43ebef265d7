"""Where a command finds the store and the project, and how it answers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from pytest_disttest import store
from pytest_disttest.errors import StoreFault

Answer = TypeVar("Answer")

PROJECT_FILES: Final = ("disttest.toml", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", ".git")


def bring_in(directory: Path) -> None:
    """Ingest what waits, so that a killed run is shown, too; where that fails the history is shown as it is."""
    if not directory.is_dir():
        raise no_store(directory)
    try:
        summary = store.ingest(directory, deadline_s=2.0)
    except StoreFault as fault:
        print(f"disttest: {fault.message}; showing what was ingested before", file=sys.stderr)
        return
    for message in summary.messages:
        print(f"disttest: {message}", file=sys.stderr)


def repaired(directory: Path, ask: Callable[[], Answer]) -> Answer:
    """Return the answer of the history, made anew from the journals if it turns out to be damaged."""
    from pytest_disttest.store.database import HistoryCorrupt

    try:
        return ask()
    except HistoryCorrupt:
        for message in store.ingest(directory, verify=True).messages:
            print(f"disttest: {message}", file=sys.stderr)
        return ask()


def no_store(directory: Path) -> StoreFault:
    """Return the error of a store that does not exist."""
    return StoreFault(
        f"there is no store at {directory}", hint="run `pytest --dist-hw` first, or name one: --store DIR"
    )


def store_of(arguments: argparse.Namespace) -> Path:
    """Return the store that the user named, else the nearest one upwards, else where the project's would be."""
    if arguments.store is not None:
        return Path(arguments.store)
    here = Path.cwd()
    found = (place for place in (here, *here.parents) if store.store_directory(place).is_dir())
    return store.store_directory(next(found, project_at(here)))


def project_at(here: Path) -> Path:
    """Return the nearest directory upwards that looks like a project's root, else *here*."""
    found = (place for place in (here, *here.parents) if any((place / name).exists() for name in PROJECT_FILES))
    return next(found, here)


def print_json(value: object) -> None:
    """Print *value*; ASCII only: any terminal and any reader can take it."""
    print(json.dumps(value, indent=2))
