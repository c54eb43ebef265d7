"""What is kept on a host between runs, and when it is not believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigs.recorded import laid_out, text_of

from pytest_disttest.worker.probes import cache
from pytest_disttest.worker.probes.finding import Finding, Place
from pytest_disttest.worker.probes.table import ROWS

ANSWER = {"finding": Finding("nvidia")._asdict(), "seconds": 0.5, "at": 1000.0}


def key(place: Place, **other: Any) -> str:
    """Return the key of a state."""
    return cache.key(
        place, other.get("version", "1.0"), other.get("rows", ROWS), other.get("python", "/usr/bin/python3")
    )


def test_what_is_written_is_read_until_it_is_old(tmp_path: Path):
    """An answer lives for twelve hours; one from the future is a clock's error."""
    folder = str(tmp_path / "a" / "b")
    cache.write(folder, "k", {"nvidia": ANSWER}, 1000.0)
    plain = json.loads(json.dumps(ANSWER))

    assert {"nvidia": plain} == cache.read(folder, "k", 1000.0) == cache.read(folder, "k", 1000.0 + cache.LIFE_S - 1)
    assert {} == cache.read(folder, "k", 1000.0 + cache.LIFE_S) == cache.read(folder, "k", 999.0)
    assert {} == cache.read(folder, "other", 1000.0)
    assert 0o700 == (tmp_path / "a" / "b").stat().st_mode & 0o777


@given(data=st.binary())
def test_a_file_that_is_none_is_ignored(data: bytes, tmp_path_factory: pytest.TempPathFactory):
    """Whatever is in the file, it is an answer or no answer, and never an error."""
    folder = tmp_path_factory.mktemp("cache")
    folder.joinpath("probes-k.json").write_bytes(data)

    assert {} == cache.read(str(folder), "k", 1000.0)


@pytest.mark.parametrize(
    "kept",
    [
        [],
        {},
        {"answers": []},
        {"answers": {"x": 1}},
        {"answers": {"x": {}}},
        {"answers": {"x": {"at": 1, "finding": 1}}},
    ],
)
def test_json_of_another_shape_is_ignored(kept: object, tmp_path: Path):
    """As is what another version may have written."""
    tmp_path.joinpath("probes-k.json").write_text(json.dumps(kept))

    assert {} == cache.read(str(tmp_path), "k", 1.0)


def test_a_place_that_cannot_be_written_costs_nothing(tmp_path: Path):
    """A file where the folder should be: nothing is kept, nothing is raised, nothing is left."""
    tmp_path.joinpath("file").write_text("")
    cache.write(str(tmp_path / "file" / "x"), "k", {"nvidia": ANSWER}, 1000.0)

    assert ["file"] == [path.name for path in tmp_path.iterdir()]


def test_files_of_earlier_boots_are_forgotten(tmp_path: Path):
    """What nobody will ever read again is removed; others' files are not."""
    for name in ("probes-old.json", "notes.json"):
        tmp_path.joinpath(name).write_text("{}")
    cache.write(str(tmp_path), "k", {"nvidia": ANSWER}, cache.clock() + 2 * cache.LIFE_S)

    assert ["notes.json"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_new_file_stays(tmp_path: Path):
    """The file just written is the one that stays."""
    tmp_path.joinpath("probes-other.json").write_text("{}")
    cache.write(str(tmp_path), "k", {"nvidia": ANSWER}, cache.clock())

    assert ["probes-k.json", "probes-other.json"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.parametrize(
    "more",
    [
        "/proc/sys/kernel/random/boot_id = another\n",
        "/sys/module/amdgpu/version = 6.9\n",
        "/dev/nvidia1\n",
        "/dev/dri/renderD128\n",
    ],
)
def test_a_boot_or_a_driver_makes_old_answers_worthless(more: str, tmp_path: Path):
    """Each is part of the key, and what is of no matter is not."""
    place = laid_out(text_of("hopper") + "/proc/sys/kernel/random/boot_id = one\n", tmp_path)
    before = key(place)
    assert before == key(place)
    laid_out(more, tmp_path)

    assert before != key(place)


def test_our_own_version_and_table_are_part_of_the_key():
    """After an update of ours nothing old is believed; a probe that is not kept does not matter."""
    place = Place(root="/nowhere")
    quick = tuple(row for row in ROWS if not row.kept)

    assert 4 == len({key(place), key(place, version="1.1"), key(place, python="/opt/python"), key(place, rows=quick)})
    assert key(place, rows=quick) == key(place, rows=quick[1:])


def test_the_cache_lies_where_xdg_says():
    """A chosen folder first, then XDG's variable, then the home."""
    assert "/x" == cache.directory("/x", {})
    assert "/c/disttest" == cache.directory("", {"XDG_CACHE_HOME": "/c", "HOME": "/h"})
    assert "/h/.cache/disttest" == cache.directory("", {"HOME": "/h"})
