"""What importing a test file does besides running it: its traces are left for files that another worker imports, too.

With ``--import-mode=prepend`` (pytest's default) and ``append``, the directory above a file's topmost package enters
``sys.path`` and stays there, so that later files import what lies beside earlier ones; and of two files that have one
module name the second is refused. Both must not depend on who imports what.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import pytest
from _pytest.pathlib import CouldNotResolvePathError, resolve_pkg_root_and_module_name


class Imports:
    """The traces of the files of one walk."""

    def __init__(self, config: pytest.Config) -> None:
        self._mode = str(config.getoption("importmode"))
        self._finds_namespaces = bool(config.getini("consider_namespace_packages"))
        self._first: dict[str, pytest.Module] = {}

    def meet(self, file: pytest.File) -> pytest.Module | None:
        """Note a file of the walk; return an earlier one that bears the same module name, None where there is none."""
        if self._mode == "importlib" or not isinstance(file, pytest.Module) or file.path.suffix != ".py":
            return None
        first = self._first.setdefault(self._resolved(file)[1], file)
        return first if first.path != file.path else None

    def leave_trace(self, file: pytest.File) -> None:
        """Do to ``sys.path`` what the import of *file* would have done."""
        if self._mode == "importlib" or not isinstance(file, pytest.Module) or file.path.suffix != ".py":
            return
        root = self._resolved(file)[0]
        if self._mode == "append" and root not in sys.path:
            sys.path.append(root)
        elif self._mode == "prepend" and root != sys.path[0]:
            sys.path.insert(0, root)

    def _resolved(self, file: pytest.Module) -> tuple[str, str]:
        try:
            root, name = resolve_pkg_root_and_module_name(file.path, consider_namespace_packages=self._finds_namespaces)
        except CouldNotResolvePathError:
            return str(file.path.parent), file.path.stem
        return str(root), name


def import_module_of(file: pytest.Module) -> None:
    """Import a file for the sake of those that clash with it; what is wrong with it, its owner tells."""
    with contextlib.suppress(Exception, pytest.skip.Exception, pytest.fail.Exception):
        file.obj  # noqa: B018 - the attribute imports


@contextlib.contextmanager
def path_as_it_was() -> Iterator[None]:
    """Take back a directory that a late import puts in front of ``sys.path`` although it has been there before."""
    before = list(sys.path)
    try:
        yield
    finally:
        if sys.path[1:] == before and sys.path[0] in before:
            del sys.path[0]
