"""What all workers collected, merged into the cases of the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller.shares import Key, keys_of
from pytest_disttest.markers import demand_of, dependency_of, together_of
from pytest_disttest.model import NOTHING, Case, FixtureUse


@dataclass(slots=True)
class Collected:
    """The cases of the run, and how each kind of collection (told apart by its digest) maps onto them.

    *keywords* gives for each case the places of its own and its parents' keywords in *keyword_sets*.
    """

    automark: bool = False
    cases: list[Case] = field(default_factory=list)
    deselected: list[Case] = field(default_factory=list)
    keywords: list[tuple[int, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    keyword_sets: list[list[str]] = field(default_factory=list)
    maps: dict[str, list[int]] = field(default_factory=dict)
    status_lines: list[str] = field(default_factory=list)
    _index: dict[Key, int] = field(default_factory=dict)

    def add(self, digest: str, table: Mapping[str, Any], deselected: Mapping[str, Any], lines: Iterable[Any]) -> None:
        """Merge one table.

        Cases are the same when their node ids and their place among equal ids are; ids that differ from
        run to run (random parameters) are matched by their place in the function.
        """
        first = not self.cases
        keys = keys_of(row[0] for row in table["rows"])
        places = self._places(keys)
        offset = len(self.keyword_sets)
        self.keyword_sets.extend(table["keywords"])
        for number, (key, row) in enumerate(zip(keys, table["rows"], strict=True)):
            if places[number] < 0:
                places[number] = self._new_case(key, row, table, offset)
        self.maps[digest] = places
        if first:
            self.deselected = self._deselected_cases(deselected)
            self.status_lines = [line for part in lines for line in part]

    def number_of(self, nodeid: str) -> int | None:
        """Return the first case with this node id."""
        return self._index.get((nodeid, 0))

    def keywords_of(self, case: int) -> dict[str, int]:
        """Return the keywords of a case as its reports carry them."""
        own, above = self.keywords[case]
        names = (self.names[case], *self.keyword_sets[own], *self.keyword_sets[above])
        return dict.fromkeys(names, 1)

    def _places(self, keys: Sequence[Key]) -> list[int]:
        """The known case of each key, -1 for a new one."""
        places = [self._index.get(key, -1) for key in keys]
        if not self.cases or -1 not in places:
            return places
        taken = set(places)
        spare: dict[str, list[int]] = defaultdict(list)
        for case in self.cases:
            if case.index not in taken:
                spare[_family(case.nodeid)].append(case.index)
        for number, place in enumerate(places):
            if place < 0 and spare.get(_family(keys[number][0])):
                places[number] = spare[_family(keys[number][0])].pop(0)
        return places

    def _new_case(self, key: Key, row: Sequence[Any], table: Mapping[str, Any], offset: int) -> int:
        index = len(self.cases)
        self.cases.append(self._case(index, key, row, table))
        self.names.append(row[1])
        self.keywords.append((row[4] + offset, row[5] + offset))
        self._index[key] = index
        return index

    def _deselected_cases(self, table: Mapping[str, Any]) -> list[Case]:
        """Deselected cases matter to the plan only as somebody's prerequisite; their indexes follow the others."""
        rows = table["rows"]
        keys = keys_of(row[0] for row in rows)
        interesting = [pair for pair in zip(keys, rows, strict=True) if self.automark or table["marks"][pair[1][6]]]
        start = 1_000_000_000  # never in use: the plan names them only as culprits
        return [
            self._case(start + place, key, row, table, deselected=True) for place, (key, row) in enumerate(interesting)
        ]

    def _case(
        self, index: int, key: Key, row: Sequence[Any], table: Mapping[str, Any], *, deselected: bool = False
    ) -> Case:
        nodeid, name, file_place, cls, _, _, marks_place, fixtures_place, line = row
        file, package = table["files"][file_place]
        marks = _marks(table["marks"][marks_place])
        provides, depends, groups = (
            dependency_of(marks, nodeid=nodeid, name=name, file=file, cls=cls, package=package, automark=self.automark)
            if marks or self.automark
            else ((), (), ())
        )
        return Case(
            index=index,
            nodeid=nodeid,
            occurrence=key[1],
            file=file,
            cls=cls,
            package=package,
            location=_location(nodeid, line),
            demand=demand_of(marks, nodeid) if marks else NOTHING,
            provides=provides,
            depends=depends,
            groups=groups,
            together=together_of(marks) if marks else "",
            fixtures=tuple(FixtureUse(*use) for use in table["fixtures"][fixtures_place]),
            deselected=deselected,
        )


def automark(config: pytest.Config) -> bool:
    """Whether every test can be depended on: pytest-dependency's ini setting, where that plugin is installed."""
    try:
        return bool(config.getini("automark_dependency"))
    except (KeyError, ValueError):
        return False


def is_partial(config: pytest.Config) -> bool:
    """Whether the user named files or tests, so that only a part of the suite is collected."""
    return config.args_source is pytest.Config.ArgsSource.ARGS


def _location(nodeid: str, line: int | None) -> tuple[str, int | None, str]:
    """Return where pytest would say the test is; its line is known of marked tests only."""
    path, _, domain = nodeid.partition("::")
    return path, line, domain.replace("::", ".") or nodeid


def _marks(rows: Iterable[Sequence[Any]]) -> tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...]:
    return tuple((name, tuple(wire.restore(args)), dict(wire.restore(kwargs))) for name, args, kwargs in rows)


def _family(nodeid: str) -> str:
    """The function of a parametrised case."""
    return nodeid.split("[", 1)[0]
