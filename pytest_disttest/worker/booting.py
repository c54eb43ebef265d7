"""Processes of ours on a host where the package is not installed: it lies where nobody else looks for it."""

from __future__ import annotations

import os
import sys
from typing import Final

import pytest_disttest

BOOT: Final = """
import importlib, importlib.util as util, sys
place, module, *words = sys.argv[1:]
name, start = "pytest_disttest", place + "/__init__.py"
spec = util.spec_from_file_location(name, start, submodule_search_locations=[place])
package = sys.modules[name] = util.module_from_spec(spec)
spec.loader.exec_module(package)
importlib.import_module(module).main(*words)
"""


def command(module: str, *words: str) -> list[str]:
    """Return the command that calls ``main(*words)`` of a module of ours in a fresh interpreter."""
    package = os.path.dirname(os.path.abspath(pytest_disttest.__file__))
    return [sys.executable, "-P", "-c", BOOT, package, module, *words]
