"""Shares of a host's workers become one collection: the same as if one worker had collected all."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.controller.shares import Share, agree, combine, unowned

EMPTY: dict[str, Any] = {"rows": [], "files": [], "keywords": [], "marks": [], "fixtures": []}


def table(files: dict[int, list[str]]) -> dict[str, Any]:
    """Return a table as a worker makes it, its columns in the order in which it met their values."""
    found: dict[str, Any] = {"rows": [], "files": [], "keywords": [], "marks": [[]], "fixtures": [[]]}
    for place, names in files.items():
        found["files"].append([f"f{place}.py", ""])
        found["keywords"].append([f"f{place}.py"])
        here = len(found["files"]) - 1
        found["rows"] += [[f"f{place}.py::{name}", name, here, "", here, here, 0, 0, None] for name in names]
    return found


def share(worker: str, files: dict[int, list[str]], *, of: int, digest: str = "d") -> Share:
    places = [place for place, names in files.items() for _ in names]
    return Share(worker, of, digest, frozenset(files), places, table(files), [], EMPTY, [])


def seen(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows with their columns' values in the place of numbers."""
    return [
        (row[0], found["files"][row[2]], found["keywords"][row[4]], found["keywords"][row[5]]) for row in found["rows"]
    ]


SUITES = st.lists(st.lists(st.sampled_from(["a", "b", "b", "c"]), max_size=5), min_size=1, max_size=8)


@given(SUITES, st.data())
def test_the_shares_make_the_whole(suite: list[list[str]], data: st.DataObject):
    """Whoever claimed which file: the rows are those of one worker, and each worker's numbers lead to its own rows."""
    owners = data.draw(st.lists(st.integers(0, 2), min_size=len(suite), max_size=len(suite)))
    files = dict(enumerate(suite))
    mine = [{place: names for place, names in files.items() if owners[place] == worker} for worker in range(3)]
    shares = [share(f"gw{worker}", own, of=len(suite)) for worker, own in enumerate(mine)]

    whole = combine(shares)

    assert seen(table(files)) == seen(whole.table)
    for one in shares:
        rows = [whole.table["rows"][number][0] for number in whole.numbering[one.worker]]
        assert [row[0] for row in one.table["rows"]] == rows
    assert [] == unowned(shares)
    assert agree(shares)


def test_a_file_held_twice_counts_once():
    """A worker that had nothing to claim collects another's file too; what only it found is no case of the run."""
    first = share("gw0", {0: ["a", "b", "b"]}, of=1)
    second = share("gw1", {0: ["b", "a", "b", "x"]}, of=1)

    whole = combine([first, second])

    assert ["f0.py::a", "f0.py::b", "f0.py::b"] == [row[0] for row in whole.table["rows"]]
    assert {"gw0": [0, 1, 2], "gw1": [1, 0, 2, -1]} == whole.numbering
    assert [("f0.py::a", 0), ("f0.py::b", 0), ("f0.py::b", 1)] == whole.keys[0]


def test_deselected_cases_of_a_file_held_twice_count_once():
    """The count of deselected tests is plain pytest's."""
    left_out = table({0: ["a", "b"]})
    shares = [Share(name, 1, "d", frozenset({0}), [], EMPTY, [0, 0], left_out, []) for name in ("gw0", "gw1")]

    assert ["f0.py::a", "f0.py::b"] == [row[0] for row in combine(shares).deselected["rows"]]


def test_what_a_dead_owner_claimed_is_missed():
    """Its files are named, so that another worker can adopt them."""
    assert [1, 3] == unowned([share("gw0", {0: ["a"]}, of=4), share("gw1", {2: []}, of=4)])


def test_walks_that_differ_are_noticed():
    """Places mean nothing between workers that see different files."""
    assert not agree([share("gw0", {0: ["a"]}, of=1), share("gw1", {}, of=1, digest="other")])
