"""The table of cases: what a worker collected, told in builtins.

A table is a dict of columns that share their values by index, because a suite of 100,000 cases has few
files, few sets of marks and few sets of fixtures:

``files``      [[node id of the file, node id of its package], ...]
``keywords``   [[keyword, ...], ...]     of a case and of its parents; null is the id of its parameters, see its name
``marks``      [[[name, args, kwargs], ...], ...]   only marks of interest, closest first
``fixtures``   [[[scope, name, base node id, param], ...], ...]   only those wider than a function
``rows``       [[node id, name, file, class node id, own keywords, parents' keywords, marks, fixtures, line], ...]
               *line*, 0-based, is told of tests with marks of interest only: others are never reported without a run
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.markers import MARKS_OF_INTEREST
from pytest_disttest.worker import neighbours

WIDE_SCOPES = ("class", "module", "package", "session")


def digest(items: Sequence[pytest.Item]) -> str:
    """Return a fingerprint of the collected ids and their order: equal fingerprints need one table."""
    ids = "\n".join(item.nodeid for item in items)
    return hashlib.sha256(ids.encode("utf-8", "surrogatepass")).hexdigest()


def census(items: Iterable[pytest.Item]) -> dict[str, Any]:
    """Return the table of *items*, in their order."""
    table = _Table()
    rows = [table.row(item) for item in items]
    return {"rows": rows, **table.columns()}


class _Column:
    """Values told once each, and named by their place."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[Hashable, int] = {}

    def place(self, key: Hashable, value: Any) -> int:
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = len(self.values)
            self.values.append(value)
        return place


class _Table:
    def __init__(self) -> None:
        self._files, self._keywords, self._marks, self._fixtures = _Column(), _Column(), _Column(), _Column()
        self._parents: dict[int, tuple[int, str, int]] = {}
        self._fixture_sets: dict[Hashable, int] = {}
        self._alive: list[object] = []
        self._runtime: neighbours.RuntimeDependencies | None = None

    def columns(self) -> dict[str, Any]:
        return {
            "files": self._files.values,
            "keywords": self._keywords.values,
            "marks": self._marks.values,
            "fixtures": self._fixtures.values,
        }

    def row(self, item: pytest.Item) -> list[Any]:
        file, cls, above = self._parent(item)
        name = item.name
        parameters = wire.parameters_of(name)
        own = tuple([None if key == parameters else key for key in _own_keywords(item) if key != name])
        marks = self._marks_of(item)
        return [
            item.nodeid,
            name,
            file,
            cls,
            self._keywords.place(own, list(own)),
            above,
            marks,
            self._fixtures_of(item),
            item.location[1] if self._marks.values[marks] else None,
        ]

    def _parent(self, item: pytest.Item) -> tuple[int, str, int]:
        """What siblings share, computed once for each parent node."""
        parent = item.parent
        known = self._parents.get(id(parent))
        if known is None:
            keywords = tuple(parent.keywords) if parent is not None else ()
            known = (self._file_of(item), _nearest(item, pytest.Class), self._keywords.place(keywords, list(keywords)))
            self._parents[id(parent)] = known
            self._alive.append(parent)
        return known

    def _file_of(self, item: pytest.Item) -> int:
        # an item may hang below no file at all (custom collectors): its topmost named parent stands in
        file = _nearest(item, pytest.File) or item.nodeid.split("::", 1)[0]
        package = _nearest(item, pytest.Package) or _nearest(item, pytest.Directory)
        return self._files.place((file, package), [file, package])

    def _marks_of(self, item: pytest.Item) -> int:
        marks = [
            [mark.name, wire.plain(mark.args), wire.plain(mark.kwargs)]
            for mark in item.iter_markers()
            if mark.name in MARKS_OF_INTEREST
        ]
        if self._may_ask(item) and all(name != "xdist_group" for name, _, _ in marks):
            marks.append(["xdist_group", wire.plain((neighbours.ASKING,)), {}])
        return self._marks.place(repr(marks), marks)

    def _may_ask(self, item: pytest.Item) -> bool:
        if self._runtime is None:
            self._runtime = neighbours.RuntimeDependencies(item.config)
        return self._runtime.may_ask(item)

    def _fixtures_of(self, item: pytest.Item) -> int:
        facts = getattr(item, "_fixtureinfo", None)
        callspec = getattr(item, "callspec", None)
        indices = getattr(callspec, "indices", {})
        if facts is None:
            return self._fixtures.place((), [])
        key = (id(facts), id(item.parent), tuple(indices.items()) if _wide_parameters(callspec) else ())
        known = self._fixture_sets.get(key)
        if known is None:
            uses = _wide_fixtures(item, facts, indices)
            known = self._fixture_sets[key] = self._fixtures.place(repr(uses), uses)
            self._alive.append(facts)
        return known


def _own_keywords(item: pytest.Item) -> Iterable[str]:
    own = getattr(item.keywords, "_markers", None)
    return own if own is not None else item.keywords


def _nearest(item: pytest.Item, kind: Any) -> str:
    node = item.getparent(kind)
    return node.nodeid if node is not None else ""


def _wide_parameters(callspec: Any) -> bool:
    scopes = getattr(callspec, "_arg2scope", {})
    return any(getattr(scope, "value", "function") != "function" for scope in scopes.values())


def _wide_fixtures(item: pytest.Item, facts: Any, indices: dict[str, int]) -> list[list[str]]:
    """Fixtures of the suite wider than a function; pytest's and plugins' own cost little and bind nothing."""
    uses = []
    for name, definitions in sorted(facts.name2fixturedefs.items()):
        definition = definitions[-1]
        if definition.scope in WIDE_SCOPES and definition.baseid:
            uses.append([definition.scope, name, _owner(item, definition.scope), str(indices.get(name, ""))])
    return uses


def _owner(item: pytest.Item, scope: str) -> str:
    kinds = {"class": pytest.Class, "module": pytest.File, "package": pytest.Package}
    return _nearest(item, kinds[scope]) if scope in kinds else ""
