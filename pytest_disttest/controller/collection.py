"""What all workers collected, merged into the cases of the run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller.shares import Key, keys_of
from pytest_disttest.markers import Mark, deadline_of, demand_of, dependency_of, together_of
from pytest_disttest.model import NOTHING, Case, Demand, FixtureUse


@dataclass(slots=True)
class Collected:
    """The cases of the run, and how each kind of collection (told apart by its digest) maps onto them.

    *keywords* gives for each case the places of its own and its parents' keywords in *keyword_sets*. *defaults* are
    conditions that every test has, *presets* the keywords behind names. *homes* are the hosts of cases that run once
    on each host; *instances* tell for each such host which case stands for a collected one there.
    *flaky* are cases that are marked so: they may be run again. *deadlines* are seconds from the start of the run, of
    those that have one; of *unhedged* ones no copy is run.
    """

    automark: bool = False
    defaults: tuple[str, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    deselected: list[Case] = field(default_factory=list)
    keywords: list[tuple[int, int]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    keyword_sets: list[list[str | None]] = field(default_factory=list)
    maps: dict[str, list[int]] = field(default_factory=dict)
    status_lines: list[str] = field(default_factory=list)
    homes: dict[int, str] = field(default_factory=dict)
    instances: dict[str, dict[int, int]] = field(default_factory=dict)
    spread: int = 0
    flaky: set[int] = field(default_factory=set)
    deadlines: dict[int, float] = field(default_factory=dict)
    unhedged: set[int] = field(default_factory=set)
    _index: dict[Key, int] = field(default_factory=dict)
    _views: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _keyword_places: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    _fixtures: dict[tuple[FixtureUse, ...], tuple[FixtureUse, ...]] = field(default_factory=dict)

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

    def cases_on(self, host: str, digest: str) -> list[int]:
        """Return the cases of a collection as *host* runs them: of a test that runs on each host, its own case."""
        own = self.instances.get(host)
        if not own:
            return self.maps[digest]
        view = self._views.get((digest, host))
        if view is None:
            view = self._views[digest, host] = [own.get(case, case) for case in self.maps[digest]]
        return view

    def spread_over(self, case: int, hosts: Sequence[str]) -> None:
        """Make a case that runs on each host one case per host: ``test_x[@host]``. The first host's keeps its index."""
        base = self.cases[case]
        for number, host in enumerate(hosts):
            index = case if number == 0 else len(self.cases)
            if case in self.flaky:
                self.flaky.add(index)
            if case in self.deadlines:
                self.deadlines[index] = self.deadlines[case]
            one = replace(base, index=index, nodeid=f"{base.nodeid}[@{host}]")
            if number == 0:
                self.cases[case] = one
            else:
                self.cases.append(one)
                self.names.append(self.names[case])
                self.keywords.append(self.keywords[case])
                self.spread += 1
            self.homes[index] = host
            self.instances.setdefault(host, {})[case] = index

    def number_of(self, nodeid: str) -> int | None:
        """Return the first case with this node id."""
        return self._index.get((nodeid, 0))

    def keywords_of(self, case: int) -> dict[str, int]:
        """Return the keywords of a case as its reports carry them."""
        name = self.names[case]
        own, above = [self.keyword_sets[place] for place in self.keywords[case]]
        if None in own:
            own = [wire.parameters_of(name) if keyword is None else keyword for keyword in own]
        return dict.fromkeys((name, *own, *above), 1)  # type: ignore[arg-type]  # there is no None left

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
        places = row[4] + offset, row[5] + offset
        self.keywords.append(self._keyword_places.setdefault(places, places))
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
        if marks:
            self._take_note(index, nodeid, marks)
        return Case(
            index=index,
            nodeid=nodeid,
            occurrence=key[1],
            file=file,
            cls=cls,
            package=package,
            location=_location(nodeid, line, file=file, name=name),
            demand=self._demand(marks, nodeid),
            provides=provides,
            depends=depends,
            groups=groups,
            together=together_of(marks) if marks else "",
            fixtures=self._shared_fixtures(table["fixtures"][fixtures_place]),
            deselected=deselected,
        )

    def _shared_fixtures(self, rows: Iterable[Sequence[Any]]) -> tuple[FixtureUse, ...]:
        """Return what *rows* say of fixtures, the same object for all cases that use the same."""
        fixtures = tuple(FixtureUse(*use) for use in rows)
        return self._fixtures.setdefault(fixtures, fixtures)

    def _take_note(self, index: int, nodeid: str, marks: Sequence[Mark]) -> None:
        """Keep what marks say of how a case is run, beside what it asks for."""
        names = {name for name, _, _ in marks}
        if "flaky" in names:
            self.flaky.add(index)
        if "no_hedge" in names:
            self.unhedged.add(index)
        if "deadline" in names and (seconds := deadline_of(marks, nodeid)) is not None:
            self.deadlines[index] = seconds

    def _demand(self, marks: Sequence[Mark], nodeid: str) -> Demand:
        if not marks and not self.defaults:
            return NOTHING
        return demand_of(marks, nodeid, defaults=self.defaults, presets=self.presets)


def automark(config: pytest.Config) -> bool:
    """Whether every test can be depended on: pytest-dependency's ini setting, where that plugin is installed."""
    try:
        return bool(config.getini("automark_dependency"))
    except (KeyError, ValueError):
        return False


def is_partial(config: pytest.Config) -> bool:
    """Whether the user named files or tests, so that only a part of the suite is collected."""
    return config.args_source is pytest.Config.ArgsSource.ARGS


def _location(nodeid: str, line: int | None, *, file: str, name: str) -> tuple[str, int | None, str]:
    """Return where pytest would say the test is; its line is known of marked tests only.

    Its words are *file* and *name* themselves where they are equal to these: of 100,000 cases, copies would be 10 MB.
    """
    path, domain = wire.place_of(nodeid)
    return file if path == file else path, line, name if domain == name else domain


def _marks(rows: Iterable[Sequence[Any]]) -> tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...]:
    return tuple((name, tuple(wire.restore(args)), dict(wire.restore(kwargs))) for name, args, kwargs in rows)


def _family(nodeid: str) -> str:
    """The function of a parametrised case."""
    return nodeid.split("[", 1)[0]
