"""The shares that a host's workers collected, put together as if one worker had collected all.

Pure: tables in (see ``worker.census``), one table out. Each row's file has a *place*, its number in the walk that
all workers of the host made alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, int]
COLUMNS = ("files", "keywords", "marks", "fixtures")
NOWHERE = -1
"""The place of rows that lie in no file: every worker has them."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker collected: its table, and the files that it *owned*, of *files* in all.

    *places* are those of the rows, *unselected_places* those of the rows of the table *deselected*. *whole* is the
    fingerprint of all that it collected, where that is the whole suite and the worker can be forked; else "".
    """

    worker: str
    files: int
    digest: str
    owned: frozenset[int]
    places: Sequence[int]
    table: dict[str, Any]
    unselected_places: Sequence[int]
    deselected: dict[str, Any]
    lines: Any
    whole: str = ""


@dataclass(slots=True)
class Whole:
    """One host's collection. *numbering* gives each share's rows as rows of *table*; *keys* the cases of a file.

    A key is a node id and its occurrence within the file, as the host's workers know it.
    """

    table: dict[str, Any]
    deselected: dict[str, Any]
    places: list[int]
    numbering: dict[str, list[int]]
    keys: dict[int, list[Key]] = field(default_factory=dict)
    first: dict[int, int] = field(default_factory=dict)


def unowned(shares: Sequence[Share]) -> list[int]:
    """Return the places of files that none of the *shares* holds: their owner died before it could tell."""
    held = frozenset[int]().union(*(share.owned for share in shares))
    return [place for place in range(shares[0].files) if place not in held]


def agree(shares: Sequence[Share]) -> bool:
    """Whether all walks met the same files in the same order."""
    return len({(share.files, share.digest) for share in shares}) == 1


def combine(shares: Sequence[Share]) -> Whole:
    """Return the host's whole collection in the order of the walk; of a file held twice, the first share's rows."""
    holders = _holders(shares)
    merged: dict[str, Any] = {"rows": [], **{name: [] for name in COLUMNS}}
    offsets = [_append_columns(merged, share.table) for share in shares]
    whole = Whole(merged, {}, [], {share.worker: [NOWHERE] * len(share.places) for share in shares})
    for place in sorted(holders):
        first, *others = holders[place].items()
        _add_file(whole, place, shares[first[0]], first[1], offsets[first[0]])
        for number, rows in others:
            _match_file(whole, place, shares[number], rows)
    whole.deselected = _deselected(shares)
    return whole


def _holders(shares: Sequence[Share]) -> dict[int, dict[int, list[int]]]:
    """For each place, the rows of each share that holds it."""
    holders: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for number, share in enumerate(shares):
        for row, place in enumerate(share.places):
            holders[place].setdefault(number, []).append(row)
    return holders


def _append_columns(merged: dict[str, Any], table: dict[str, Any]) -> dict[str, int]:
    offsets = {name: len(merged[name]) for name in COLUMNS}
    for name in COLUMNS:
        merged[name].extend(table[name])
    return offsets


def _moved(row: Sequence[Any], offsets: dict[str, int]) -> list[Any]:
    nodeid, name, file, cls, own, above, marks, fixtures, line = row
    keywords = offsets["keywords"]
    return [
        nodeid, name, file + offsets["files"], cls, own + keywords, above + keywords, marks + offsets["marks"],
        fixtures + offsets["fixtures"], line,
    ]  # fmt: skip


def _add_file(whole: Whole, place: int, share: Share, rows: Sequence[int], offsets: dict[str, int]) -> None:
    numbering, merged, table = whole.numbering[share.worker], whole.table["rows"], share.table["rows"]
    whole.first[place] = len(merged)
    whole.keys[place] = keys_of(table[row][0] for row in rows)
    for row in rows:
        numbering[row] = len(merged)
        merged.append(_moved(table[row], offsets))
        whole.places.append(place)


def _match_file(whole: Whole, place: int, share: Share, rows: Sequence[int]) -> None:
    """Another worker holds the file too: its rows are the same cases, as far as their keys are."""
    first = whole.first[place]
    known = {key: first + number for number, key in enumerate(whole.keys[place])}
    numbering, table = whole.numbering[share.worker], share.table["rows"]
    for row, key in zip(rows, keys_of(table[row][0] for row in rows), strict=True):
        numbering[row] = known.get(key, NOWHERE)


def _deselected(shares: Sequence[Share]) -> dict[str, Any]:
    merged: dict[str, Any] = {"rows": [], **{name: [] for name in COLUMNS}}
    told = set[int]()
    for share in shares:
        offsets = _append_columns(merged, share.deselected)
        rows = zip(share.unselected_places, share.deselected["rows"], strict=True)
        merged["rows"].extend(_moved(row, offsets) for place, row in rows if place not in told)
        told |= {NOWHERE, *share.owned}
    return merged


def keys_of(nodeids: Iterable[str]) -> list[Key]:
    """Number equal node ids from 0: custom collectors repeat them."""
    seen: Counter[str] = Counter()
    keys = []
    for nodeid in nodeids:
        keys.append((nodeid, seen[nodeid]))
        seen[nodeid] += 1
    return keys
