"""How long tests took: medians of the last times, cheap to keep, and never in the way of a run."""

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest.model import Attempt, Outcome, PhaseTime
from pytest_disttest.store import Journal, durations, remember_durations, timings

IMPORTABLE = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
texts = st.text(st.characters(codec=None, categories=None), max_size=9) | st.sampled_from(["a.py::t", "t[\udc80\n]"])
measured = st.lists(st.tuples(texts, st.integers(0, 10**12).map(lambda us: us / 1e6)), max_size=6)


def expected(runs: list[list[tuple[str, float]]]) -> dict[str, float]:
    """The definition: the median of the last five times of each."""
    times = defaultdict(list)
    for run in runs:
        for nodeid, seconds in run:
            times[nodeid].append(seconds)
    return {nodeid: median(known[-5:]) for nodeid, known in times.items()}


@given(st.lists(measured, max_size=9), st.sampled_from([0, 150, 10**6]))
def test_what_is_predicted_is_the_median_of_the_last_five_times(runs, slack):
    """Whether lines wait or are folded, and whatever node ids hold."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(timings, "SLACK_BYTES", slack)
        for run in runs:
            remember_durations(Path(directory), run)

        assert durations(Path(directory)) == pytest.approx(expected(runs))


@given(st.data())
def test_damage_costs_durations_not_the_run(data):
    """Whatever is in the file: reading it never fails, and what is added afterwards is known."""
    with tempfile.TemporaryDirectory() as directory:
        store, path = Path(directory), Path(directory) / "durations.ndjson"
        for run in ([("a", 1.0), ("b", 2.0)], [("a", 1.0)], [("c", 3.0)]):
            remember_durations(store, run)
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place:] = data.draw(st.sampled_from([b"", bytes(content[place + 1 :]), b"\xff\x00", b"\n\n[]"]))
        path.write_bytes(content)

        assert all(0 <= seconds < float("inf") for seconds in durations(store).values())
        remember_durations(store, [("new", 5.0)])
        assert durations(store)["new"] == 5.0


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"[]", b'{"format":2,"runs":1,"bytes":1}', b'{"format":1,"runs":"1","bytes":1}', b"[" * 9999,
     b'{"format":1,"runs":1e999,"bytes":1}'],
)  # fmt: skip
def test_a_file_that_is_not_ours_is_empty_and_replaced(tmp_path, content):
    """A newer format, too: nothing in it is worth a question."""
    (tmp_path / "durations.ndjson").write_bytes(content)

    assert durations(tmp_path) == {}
    remember_durations(tmp_path, [("a", 1.0)])
    assert durations(tmp_path) == {"a": 1.0}


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e9])
def test_times_that_cannot_be_are_not_kept(tmp_path, seconds):
    """A clock that was set back, a host that tells tales."""
    remember_durations(tmp_path, [("a", seconds), ("b", 1.0)])

    assert durations(tmp_path) == {"b": 1.0}


def test_tests_that_do_not_pass_any_more_are_forgotten(tmp_path, monkeypatch):
    """When so many runs went by without them; others stay."""
    monkeypatch.setattr(timings, "SLACK_BYTES", 0)
    monkeypatch.setattr(timings, "FORGOTTEN_AFTER_RUNS", 3)
    remember_durations(tmp_path, [("renamed", 1.0), ("rare", 1.0)])
    known: list[list[str]] = []
    for number in range(5):
        remember_durations(tmp_path, [("daily", 1.0), *([("rare", 1.0)] if number == 2 else ())])
        known.append(sorted(durations(tmp_path)))

    assert known[1] == ["daily", "rare", "renamed"]
    assert known[-1] == ["daily", "rare"]


def test_of_too_many_tests_the_latest_are_kept(tmp_path, monkeypatch):
    """Ids that are new in every run cannot fill the disk."""
    monkeypatch.setattr(timings, "SLACK_BYTES", 0)
    monkeypatch.setattr(timings, "MOST_TESTS", 10)
    for number in range(30):
        remember_durations(tmp_path, [(f"t[{number}-{i}]", 1.0) for i in range(2)] + [("steady", 1.0)])

    known = durations(tmp_path)
    assert "steady" in known and "t[29-1]" in known and "t[0-0]" not in known
    assert len(known) < 2 * 10 + 3


def test_a_small_run_in_a_large_project_writes_little(tmp_path):
    """Its own line, not those of all others; and many such runs do not make the file grow for ever."""
    path = tmp_path / "durations.ndjson"
    remember_durations(tmp_path, [(f"tests/test_a.py::test_thing[{i}]", 0.001) for i in range(5000)])
    whole = path.read_bytes()
    remember_durations(tmp_path, [("tests/test_a.py::test_thing[7]", 2.0)])
    grown = path.read_bytes()

    assert grown.startswith(whole) and len(grown) - len(whole) < 100
    for _ in range(200):
        remember_durations(tmp_path, [(f"tests/test_a.py::test_thing[{i}]", 0.001) for i in range(100)])
    assert path.stat().st_size < 4 * len(whole) + timings.SLACK_BYTES
    assert len(durations(tmp_path)) == 5000


def test_a_hundred_thousand_tests_are_known_soon(tmp_path):
    """About 0.12 s of processor time, in a few megabytes; the bound leaves room for a slow machine."""
    for _ in range(2):
        remember_durations(
            tmp_path, [(f"tests/unit/test_module_{i // 200}.py::test_one[{i}]", i / 1e6) for i in range(100_000)]
        )
    began = time.process_time()
    known = durations(tmp_path)

    assert time.process_time() - began < 1.0
    assert len(known) == 100_000
    assert (tmp_path / "durations.ndjson").stat().st_size < 20e6


CROWD = """
import sys
from pathlib import Path
from pytest_disttest.store import remember_durations
for number in range(60):
    remember_durations(Path(sys.argv[1]), [(f"{sys.argv[2]}-{i}" + "x" * 300, 1.0) for i in range(10)])
"""


def test_runs_that_end_together_spoil_nothing(tmp_path):
    """Each may lose a line to another that folds; the file stays whole, and no leftovers lie beside it."""
    crowd = [subprocess.Popen([sys.executable, "-c", IMPORTABLE + CROWD, tmp_path, str(n)]) for n in range(3)]

    assert [each.wait() for each in crowd] == [0, 0, 0]
    assert set(durations(tmp_path).values()) == {1.0} and len(durations(tmp_path)) >= 10
    assert [path.name for path in tmp_path.iterdir()] == ["durations.ndjson"]


def test_a_store_that_cannot_be_written_is_no_error(tmp_path):
    """The journal has told of it."""
    (tmp_path / "file").touch()
    remember_durations(tmp_path / "file", [("a", 1.0)])

    assert durations(tmp_path / "file") == {}


def test_a_line_that_was_cut_short_costs_only_itself(tmp_path):
    """A disk that is full leaves half a line; the next run's stands on its own."""
    path = tmp_path / "durations.ndjson"
    remember_durations(tmp_path, [("a", 1.0)])
    with path.open("ab") as file:
        file.write(b'\n{"ids":["lost"')
    remember_durations(tmp_path, [("b", 2.0)])

    assert durations(tmp_path) == {"a": 1.0, "b": 2.0}


def test_a_journal_knows_what_passed_and_how_long_it_took(tmp_path):
    """Over all three phases; what failed or was skipped says nothing about the time."""
    journal = Journal.create(tmp_path, "r", started_at=1.0, rootdir="", args=[], version="")
    times = PhaseTime(0.25, 1.0, 0.5)
    for case, outcome in enumerate(Outcome):
        journal.attempt(Attempt(case, 1, "local", "gw0", outcome, 1.0, times))
    journal.close()

    assert list(journal.measured) == [(list(Outcome).index(Outcome.PASSED), 1.75)]
