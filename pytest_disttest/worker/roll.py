"""The cases of a worker by number: those it has collected, and those to be collected when their turn comes.

Numbers are given in the order in which cases become known, and never change. A case of a file that another worker
collected has a number first and an item later: its file is opened between two tests, as collection would have.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_disttest.worker.shard import NOWHERE, AllItems, Shard

Key = tuple[str, int]
Refuse = Callable[[list[int], str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Cases of a closed file: the number of each by its key, the node id and its occurrence in the file."""

    place: int
    numbers: dict[Key, int]


class Chain:
    """Stands for a next item that is not collected yet: what it shares with others ends at its file's node."""

    __slots__ = ("_file",)

    def __init__(self, file: pytest.File) -> None:
        self._file = file

    def listchain(self) -> list[Any]:
        return list(self._file.listchain())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Roll:
    """Items by number. *refuse* is told of numbers whose case is not in its file here, and why."""

    def __init__(self, session: pytest.Session, items: Sequence[pytest.Item], shard: Shard | None, refuse: Refuse):
        self._session = session
        self._shard = shard
        self._refuse = refuse
        self._items: list[pytest.Item | None] = list(items)
        self._wanted: dict[int, Wanted] = {}
        self._refused: dict[int, str] = {}

    def learn(self, place: int, keys: Sequence[Sequence[Any]]) -> None:
        """Give the next numbers to the cases of the file at *place*."""
        first = len(self._items)
        wanted = Wanted(place, {(key[0], key[1]): first + number for number, key in enumerate(keys)})
        self._items.extend([None] * len(keys))
        self._wanted.update(dict.fromkeys(wanted.numbers.values(), wanted))

    def item(self, number: int) -> pytest.Item | None:
        """Return the item, its file opened if need be; None for one that was refused."""
        wanted = self._wanted.get(number)
        if wanted is not None:
            self._collect(wanted)
        elif number in self._refused:  # given while the refusal was on its way: nobody would hear of it any more
            self._refuse([number], self._refused[number])
        return self._items[number]

    def ahead(self, number: int) -> Any:
        """Return the item as pytest's ``nextitem``, without opening its file."""
        wanted = self._wanted.get(number)
        if wanted is None or self._shard is None:
            return self._items[number]
        return Chain(self._shard.files[wanted.place])

    def _collect(self, wanted: Wanted) -> None:
        assert self._shard is not None, "cases of another worker's file belong to a shard"
        items, trouble = opened(self._session, self._shard, wanted.place)
        found = _matched(wanted.numbers, items)
        for number in wanted.numbers.values():
            self._wanted.pop(number, None)
            self._items[number] = found.get(number)
        missing = [number for number in wanted.numbers.values() if number not in found]
        if missing:
            why = trouble or f"it is not in {self._shard.files[wanted.place].nodeid} there"
            self._refused |= dict.fromkeys(missing, why)
            self._refuse(missing, why)


def _matched(numbers: dict[Key, int], items: Sequence[pytest.Item]) -> dict[int, pytest.Item]:
    """Match by node id; what is left (ids differ from process to process) by its order within the function."""
    found: dict[int, pytest.Item] = {}
    spare: dict[str, list[pytest.Item]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for item in items:
        number = numbers.get((item.nodeid, seen[item.nodeid]))
        seen[item.nodeid] += 1
        if number is None:
            spare[_function(item.nodeid)].append(item)
        else:
            found[number] = item
    for (nodeid, _), number in numbers.items():
        if number not in found and spare[_function(nodeid)]:
            found[number] = spare[_function(nodeid)].pop(0)
    return found


def _function(nodeid: str) -> str:
    return nodeid.split("[", 1)[0]


def opened(session: pytest.Session, shard: Shard, place: int) -> tuple[list[pytest.Item], str]:
    """Return the items of a file that was kept closed, as collection would leave them, and what went wrong."""
    config, trouble = session.config, Trouble()
    with _collecting(session), _registered(config, trouble):
        items = shard.open(place)
        config.hook.pytest_collection_modifyitems(session=session, config=config, items=items)
    return items, trouble.text


def second_hand(session: pytest.Session, shard: Shard, place: int) -> list[pytest.Item]:
    """Return the items of another worker's file, for one that has none; whatever is wrong with it, its owner tells."""
    trouble = Trouble()
    with _collecting(session), _registered(session.config, trouble):
        items = shard.open(place)
    if trouble.text:
        shard.owned.discard(place)
        return []
    return items


def whole(shard: Shard, items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return all items of the suite in the order of the walk: *items*, and those of the closed files."""
    by_place: dict[int, list[pytest.Item]] = defaultdict(list)
    for item in items:
        by_place[shard.place_of(item)].append(item)
    for place in shard.closed():
        by_place[place] = shard.open(place)
    return [item for place in range(NOWHERE, len(shard.files)) for item in by_place.get(place, ())]


def all_items(session: pytest.Session, shard: Shard, items: Sequence[pytest.Item]) -> AllItems:
    """Return a list that collects what is closed once somebody looks at it."""

    def fill() -> list[pytest.Item]:
        found = dict.fromkeys(items)
        with _collecting(session):
            for place in shard.closed():
                opened_items = shard.open(place)
                session.config.hook.pytest_collection_modifyitems(
                    session=session, config=session.config, items=opened_items
                )
                found.update(dict.fromkeys(opened_items))
        return sorted(found, key=shard.place_of)

    return AllItems(fill)


class Trouble:
    """Listens to what goes wrong while a file is opened late; the controller hears it with the refusal."""

    def __init__(self) -> None:
        self.text = ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            longrepr = report.longrepr
            self.text = str(longrepr[2]) if isinstance(longrepr, tuple) else report.longreprtext


LATE = pytest.StashKey[bool]()
"""Set while a file is opened late: its collectors are not to be told of again."""


@contextlib.contextmanager
def _registered(config: pytest.Config, plugin: object) -> Iterator[None]:
    config.pluginmanager.register(plugin)
    try:
        yield
    finally:
        config.pluginmanager.unregister(plugin)


@contextlib.contextmanager
def _collecting(session: pytest.Session) -> Iterator[None]:
    """Warnings are those of collection, and a collector that fails does not count as the session's failure."""
    config = session.config
    before = session.testsfailed, session._shouldfail
    config.stash[LATE] = True
    try:
        with _catching_warnings(config):
            yield
    finally:
        config.stash[LATE] = False
        session.testsfailed, session._shouldfail = before


def _catching_warnings(config: pytest.Config) -> contextlib.AbstractContextManager[None]:
    if not config.pluginmanager.hasplugin("warnings"):
        return contextlib.nullcontext()
    from _pytest.warnings import catch_warnings_for_item

    return catch_warnings_for_item(config=config, ihook=config.hook, when="collect", item=None)
