"""A worker's share of the collection: it walks the whole tree, but imports only the files that it claims.

Theory of operation. Importing test files and making items of them costs as much as running trivial tests, so
on one host each file is collected by one worker. pytest's own walk goes on as ever (directories, conftest
files, one node for each file); only when a *file's* node is to be collected, and another worker has claimed
it, the answer is "nothing in here". The node is kept, and collected for real when a case of it comes this
worker's way, between two tests. Directory nodes stay the same throughout, and with them the fixtures that
conftest files bind to them.

A plugin that wants to see the whole list of items (to shuffle or sort it, ``--lf``) must get it: see
``why_whole``. A fixture or test that looks at ``session.items`` gets it, too: see ``AllItems``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex

import pytest

from pytest_disttest.worker.claims import Claims
from pytest_disttest.worker.importing import Imports, import_module_of, path_as_it_was

WHOLE_LIST_HOOKS = ("pytest_collection_modifyitems", "pytest_collection_finish", "pytest_report_collectionfinish")
WHOLE_LIST_OPTIONS = {
    "lf": "--lf", "failedfirst": "--ff", "newfirst": "--nf", "stepwise": "--sw", "keepduplicates": "--keep-duplicates"
}  # fmt: skip
ONE_BY_ONE = ("_pytest.", "pytest_disttest.", "_hypothesis_pytestplugin", "xdist.", "pytest_asyncio.", "anyio.")
"""Modules whose hooks look at each item by itself."""

NOWHERE = -1
"""The place of an item that lies in no file."""


def why_whole(config: pytest.Config) -> str:
    """Return what needs the whole list of items in one process; "" when nothing does."""
    for option, flag in WHOLE_LIST_OPTIONS.items():
        if getattr(config.option, option, False):
            return flag
    if any("::" in argument for argument in config.args):
        return "tests named one by one"
    return next((f"{name} of {module}" for name, module in hooks_of_others(config, WHOLE_LIST_HOOKS, ONE_BY_ONE)), "")


def hooks_of_others(config: pytest.Config, names: Sequence[str], known: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield each of the hooks *names* with the module that implements it, but for modules that begin as in *known*."""
    for name in names:
        for implementation in getattr(config.pluginmanager.hook, name).get_hookimpls():
            module = getattr(implementation.function, "__module__", "")
            if not f"{module}.".startswith(known):
                yield name, module


class Shard:
    """The plugin that keeps files of other workers closed. *claims* None claims nothing: a latecomer's share.

    With *imports*, modules of closed files are imported all the same: tests come to rely on what the import of another
    file did (a submodule that became an attribute). *at* is how far the walk has come, in files: the same number at
    the same collector in every worker.
    """

    def __init__(
        self, session: pytest.Session, claims: Claims | None, tell_seen: Callable[[int], None], *, imports: bool
    ) -> None:
        self._session = session
        self._imports_all = imports
        self._claims = claims
        self._tell_seen = tell_seen
        self._mine = NOWHERE
        self._tell_at = 8
        self._opening: pytest.File | None = None
        self._imports = Imports(session.config)
        self._places: dict[pytest.File, int] = {}
        self.at = 0
        self.files: list[pytest.File] = []
        self.owned: set[int] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> pytest.CollectReport | None:
        if not isinstance(collector, pytest.File) or collector is self._opening:
            return None
        place = self._places.get(collector)
        if place is None:
            place = self._places[collector] = len(self.files)
            self.files.append(collector)
            self.at = len(self.files)
            self._meet(collector, place)
        return None if place in self.owned else _closed(collector)

    def _meet(self, file: pytest.File, place: int) -> None:
        """Claim a file, or leave the traces of its import."""
        clash = self._imports.meet(file)
        if self._claims is not None and self._is_mine(place):
            self.owned.add(place)
        elif self._imports_all and isinstance(file, pytest.Module) and file.path.name != "conftest.py":
            import_module_of(file)
        else:
            self._imports.leave_trace(file)
        if clash is not None and place in self.owned and not self._imports_all:
            import_module_of(clash)

    def _is_mine(self, place: int) -> bool:
        if place >= self._tell_at:
            self._tell_at *= 2
            self._tell_seen(place)
        if self._mine < place and self._claims is not None:
            self._mine = self._claims.take()
        return place == self._mine

    def place_of(self, item: pytest.Item) -> int:
        """Return the place of an item's file in the walk."""
        file = item.getparent(pytest.File)  # type: ignore[type-abstract]
        return self._places.get(file, NOWHERE) if file is not None else NOWHERE

    def digest(self) -> str:
        """Return a fingerprint of the files in the order of the walk: workers with equal ones speak of the same."""
        ids = "\n".join(file.nodeid for file in self.files)
        return hashlib.sha256(ids.encode("utf-8", "surrogatepass")).hexdigest()

    def open(self, place: int) -> list[pytest.Item]:
        """Collect a file that was kept closed, and return its items; those of an earlier call are not remembered."""
        file = self.files[place]
        self._session._collection_cache.pop(file, None)
        self._opening = file
        self.at, at = place + 1, self.at
        try:
            with path_as_it_was():
                return list(self._session.genitems(file))
        finally:
            self._opening, self.at = None, at
            self.owned.add(place)

    def closed(self) -> list[int]:
        """Return the places of the files that are not collected here."""
        return [place for place in range(len(self.files)) if place not in self.owned]


def _closed(file: pytest.File) -> pytest.CollectReport:
    return pytest.CollectReport(getattr(file, "id", file.nodeid), "passed", None, [])


class AllItems(list[pytest.Item]):
    """``session.items`` of a worker that has collected a part: whoever looks gets the whole, collected then."""

    def __init__(self, whole: Callable[[], Sequence[pytest.Item]]) -> None:
        super().__init__()
        self._whole: Callable[[], Sequence[pytest.Item]] | None = whole

    def _fill(self) -> None:
        whole, self._whole = self._whole, None
        if whole is not None:
            super().extend(whole())

    def __iter__(self) -> Iterator[pytest.Item]:
        self._fill()
        return super().__iter__()

    def __len__(self) -> int:
        self._fill()
        return super().__len__()

    def __contains__(self, item: object) -> bool:
        self._fill()
        return super().__contains__(item)

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        self._fill()
        return super().__getitem__(key)
