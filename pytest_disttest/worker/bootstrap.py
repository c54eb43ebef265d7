"""The far end of a gateway: brings our package to life on a host, from the sources that the controller sent.

Runs as the first task of an execnet gateway, so that the agent gets the interpreter's main thread. Speaks
before the agent does: sends ``("waiting",)``, receives ``("launch", order)``, sends ``("ready", package_dir)``
and hands the channel to the agent. An order is a dict of builtins: *package_dir* (a path on this host, ""
for "unpack *sources*"), *sources* (zlib-compressed JSON, {relative path: text}), *directory* (where the
agent starts) and *agent* (the module whose ``serve`` takes over).
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "pytest_disttest"
PREFIX = "disttest-"


def main(channel: Any, **how: Any) -> None:
    """Wait for the launch order and become the agent; returns when the agent does, or the controller goes.

    *how* goes to the agent: a fork's own way to start workers.
    """
    channel.send(("waiting",))
    try:
        order = channel.receive()[1]
    except EOFError:
        return
    with package_of(order) as package_dir:
        load_package(package_dir)
        agent = importlib.import_module(order["agent"])
        os.chdir(order["directory"])
        channel.send(("ready", str(package_dir)))
        agent.serve(channel, str(package_dir), **how)


@contextlib.contextmanager
def package_of(order: dict[str, Any]) -> Iterator[Path]:
    """Yield the directory of the package that *order* names or carries; what was unpacked is removed afterwards."""
    if order["package_dir"]:
        yield Path(order["package_dir"])
        return
    private = Path(tempfile.mkdtemp(prefix=PREFIX))  # 0700 by mkdtemp
    try:
        with claimed(private):
            remove_abandoned(private.parent)
            yield unpack(order["sources"], private / PACKAGE)
    finally:
        remove(private)


def remove(private: Path) -> None:
    """Remove an unpacked package, its lock last: who is killed meanwhile leaves what the next agent recognises."""
    shutil.rmtree(private / PACKAGE, ignore_errors=True)
    shutil.rmtree(private, ignore_errors=True)


@contextlib.contextmanager
def claimed(private: Path) -> Iterator[None]:
    """Hold a lock in *private* that ends with this process, however it ends."""
    with (private / "lock.new").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (private / "lock.new").rename(private / "lock")  # nobody ever sees it free
        yield


def remove_abandoned(parent: Path) -> None:
    """Remove what agents that were killed had unpacked below *parent*: their locks are free."""
    for path in parent.glob(f"{PREFIX}*/lock"):
        with contextlib.suppress(OSError), path.open("r+b") as lock:  # another user's, or gone already
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path.parent)


def unpack(sources: bytes, package_dir: Path) -> Path:
    """Write *sources* under *package_dir* and return it."""
    for name, text in json.loads(zlib.decompress(sources)).items():
        path = package_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package_dir


def load_package(package_dir: Path) -> None:
    """Make ``import pytest_disttest`` mean the package in *package_dir*, whatever copy is installed or loaded here."""
    if is_loaded(package_dir):  # a fork of the controller
        return
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, package_dir / "__init__.py", submodule_search_locations=[str(package_dir)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {package_dir}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def is_loaded(package_dir: Path) -> bool:
    """Return whether the package in *package_dir* is the one that is loaded here."""
    file = getattr(sys.modules.get(PACKAGE), "__file__", None)
    return file is not None and os.path.realpath(file) == os.path.realpath(package_dir / "__init__.py")


if __name__ == "__channelexec__":  # execnet's name for a task
    main(globals()["channel"])
