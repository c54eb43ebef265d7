"""How long tests took lately, for the next plan: a small file beside the history that needs no DuckDB.

The first line is a header. Every other line is a table of columns: node ids, and under each of its newest times
its microseconds. A run appends one line of its own (one column), whatever the project knows besides, so
a run of two tests in a project of many writes two. When such lines have doubled the file they are *folded* into
the older ones, which hold one line per number of known times; so each column is full. Columns, because JSON of
few long lists is read twice as fast as JSON of many short ones.

Whoever writes last wins: a run that appends while another one folds may lose its line, which costs one time of
each of its tests. A line that cannot be read is passed over, a file without a header of ours is empty.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path

from pytest_disttest.store.layout import put_in_place

FORMAT = 1
KEPT_TIMES = 5
"""Of each test the times of so many attempts that passed; their median is what the plan expects."""
FORGOTTEN_AFTER_RUNS = 200
"""A test that did not pass in any of so many runs is forgotten when the file is folded."""
MOST_TESTS = 200_000
"""Of more tests those are kept that passed last."""
SLACK_BYTES = 64 * 1024
LONGEST_S = 1e7
"""No test takes four months: a clock was set meanwhile, or a host tells tales."""

Row = tuple[int, ...]
Columns = tuple[Sequence[str], Sequence[int], Sequence[Sequence[int]]]
Timed = tuple[int, float, float, float]
"""Case index, seconds of its three phases."""


class Measured:
    """The attempts of a run by worker, in the order of arrival; forty bytes each."""

    __slots__ = ("_calls", "_cases", "_places", "_setups", "_spans", "_teardowns")

    def __init__(self) -> None:
        self._cases = array("l")
        self._setups = array("d")
        self._calls = array("d")
        self._teardowns = array("d")
        self._places: dict[tuple[str, str], int] = {}
        self._spans = array("l")  # numbers of workers, each with the place in the columns where its attempts begin

    def at(self, host: str, worker: str) -> None:
        """What is added from now on ran there."""
        place = self._places.setdefault((host, worker), len(self._places))
        if not self._spans or self._spans[-2] != place:
            self._spans.extend((place, len(self._cases)))

    def add(self, case: int, setup_s: float, call_s: float, teardown_s: float) -> None:
        """Add an attempt that passed."""
        self._cases.append(case)
        self._setups.append(setup_s)
        self._calls.append(call_s)
        self._teardowns.append(teardown_s)

    def add_other(self, case: int) -> None:
        """Add an attempt that did not pass: it may have set up what others use after it."""
        self.add(case, -1.0, 0.0, 0.0)

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        """Yield case index and seconds of each attempt that passed."""
        for case, setup_s, call_s, teardown_s in self._rows(0, len(self)):
            if setup_s >= 0:
                yield case, setup_s + call_s + teardown_s

    def by_worker(self) -> Iterator[tuple[str, list[Timed]]]:
        """Yield host and attempts of each worker; the set-up of one that did not pass is negative."""
        ends = [*self._spans[3::2], len(self)]
        found: dict[int, list[Timed]] = {}
        for place, start, end in zip(self._spans[::2], self._spans[1::2], ends, strict=True):
            found.setdefault(place, []).extend(self._rows(start, end))
        hosts = [host for host, _ in self._places]
        yield from ((hosts[place], rows) for place, rows in found.items())

    def _rows(self, start: int, end: int) -> Iterator[Timed]:
        columns = (self._cases, self._setups, self._calls, self._teardowns)
        return zip(*(column[start:end] for column in columns), strict=True)


def predicted(path: Path) -> dict[str, float]:
    """Return the median seconds of each node id over its last times; empty where the file is missing or damaged."""
    rows, _ = _rows(_lines(path))
    return dict(zip(rows, _medians_s(rows.values()), strict=True))


def add_run(path: Path, passes: Iterable[tuple[str, float]]) -> None:
    """Add what one run measured, as (node id, seconds) in the order of arrival; OSError where it cannot be written."""
    measured = [(nodeid, round(seconds * 1e6)) for nodeid, seconds in passes if 0 <= seconds < LONGEST_S]
    if not measured:
        return
    ids, times = zip(*measured, strict=True)
    line = _dump({"ids": ids, "us": [times]})
    if _has_room(path, len(line)):
        with path.open("ab", buffering=0) as file:
            file.write(b"\n" + line)  # the newline comes first: it also ends a line that a full disk cut short
    else:
        put_in_place(path, _folded([*(_lines(path) or [_header(0, 0)]), line]))


def _has_room(path: Path, more: int) -> bool:
    try:
        with path.open("rb") as file:
            header = _load_header(file.readline(200))
            return header is not None and os.fstat(file.fileno()).st_size + more < 2 * header["bytes"] + SLACK_BYTES
    except OSError:
        return False


def _lines(path: Path) -> list[bytes]:
    """Return the header and the other lines; none where there is no such file, or it is not ours."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return []
    return lines if _load_header(lines[0]) is not None else []


def _rows(lines: Sequence[bytes], last: dict[str, int] | None = None) -> tuple[dict[str, Row], int]:
    """Return the times of each node id, newest first, and how many runs these lines tell of.

    *last* is filled with the number of the last run that each node id passed in.
    """
    rows: dict[str, Row] = {}
    header = _load_header(lines[0]) if lines else None
    runs = header["runs"] if header is not None else 0
    for line in lines[1:]:
        try:
            ids, seen, columns = _columns(line)
        except (LookupError, TypeError, ValueError, RecursionError):
            continue
        if seen:
            rows.update(zip(ids, zip(*columns, strict=True), strict=True))
        else:
            runs += 1
            for nodeid, times in zip(ids, zip(*columns, strict=True), strict=True):
                rows[nodeid] = (times + rows.get(nodeid, ()))[:KEPT_TIMES]
        if last is not None:
            last.update(zip(ids, seen or repeat(runs)))  # noqa: B905 -- repeat has no end
    return rows, runs


def _columns(line: bytes) -> Columns:
    """Return node ids, last runs (none on a run's own line) and times of a line; an error of some kind if damaged."""
    fields = json.loads(line)
    ids, seen, columns = fields["ids"], fields.get("seen", ()), fields["us"]
    numbers = [*columns, seen] if seen else columns
    if not ids or not columns or any(len(column) != len(ids) for column in numbers):
        raise ValueError("columns of different lengths")
    if {*map(type, ids)} != {str} or any({*map(type, column)} != {int} or min(column) < 0 for column in numbers):
        raise TypeError("neither node ids nor times")
    return ids, seen, columns


def _folded(lines: Sequence[bytes]) -> bytes:
    """Return the same knowledge in as few lines as possible, without what was not seen for long."""
    last: dict[str, int] = {}
    rows, runs = _rows(lines, last)
    kept = [nodeid for nodeid, seen in last.items() if seen > runs - FORGOTTEN_AFTER_RUNS]
    if len(kept) > MOST_TESTS:
        kept = sorted(kept, key=last.__getitem__)[-MOST_TESTS:]
    by_count: dict[int, list[str]] = {}
    for nodeid in kept:
        by_count.setdefault(len(rows[nodeid]), []).append(nodeid)
    folded = b"".join(_folded_line(ids, rows, last) for ids in by_count.values())
    return _header(runs, len(folded)) + folded


def _folded_line(ids: Sequence[str], rows: Mapping[str, Row], last: Mapping[str, int]) -> bytes:
    """Return the line of tests of equally many known times."""
    known = [rows[nodeid] for nodeid in ids]
    columns = [[row[age] for row in known] for age in range(len(known[0]))]
    return b"\n" + _dump({"ids": ids, "seen": [last[nodeid] for nodeid in ids], "us": columns})


def _header(runs: int, size: int) -> bytes:
    return _dump({"format": FORMAT, "runs": runs, "bytes": size})


def _load_header(line: bytes) -> dict[str, int] | None:
    try:
        fields = json.loads(line)
        is_ours = fields["format"] == FORMAT and min(fields["runs"], fields["bytes"]) >= 0
        is_ours = is_ours and type(fields["runs"]) is type(fields["bytes"]) is int
    except (LookupError, TypeError, ValueError, RecursionError):
        return None
    return fields if is_ours else None


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")  # ASCII: a node id may hold lone surrogates


def _medians_s(rows: Iterable[Row]) -> list[float]:
    """Return the median of each row, in seconds; all in one go, for there may be very many."""
    return [
        times[len(times) // 2] / 1e6 if len(times) % 2 else (times[len(times) // 2 - 1] + times[len(times) // 2]) / 2e6
        for times in map(sorted, rows)
    ]
