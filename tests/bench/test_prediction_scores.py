"""The recorder of durations and the score of predictions."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from bench import predictions
from bench.predictions import Score

SUITE = """
import time
import pytest

@pytest.fixture(scope="module")
def server():
    time.sleep(0.2)
    yield
    time.sleep(0.1)

class TestA:
    def test_one(self, server):
        pass
    @pytest.mark.parametrize("x", [0, 1])
    def test_two(self, server, x):
        pass

def test_fails():
    assert False

def test_last():
    pass
"""


def recorded(noise: float, *, runs: int = 4, tests: int = 60) -> list[str]:
    """Return the lines of a suite whose tests of two files take 10 ms and 1 s, give or take *noise*."""
    rng = random.Random(1)
    return [
        json.dumps(
            {
                "run": run,
                "nodeid": f"{file}::test_{place}",
                "file": file,
                "package": "",
                "cls": "",
                "hw_class": "",
                "outcome": "passed",
                "fixtures": [],
                "setup_s": 0.0,
                "call_s": middle_s * math.exp(rng.gauss(0, noise)),
                "teardown_s": 0.0,
            }
        )
        for run in range(1, runs + 1)
        for place in range(tests // 2)
        for file, middle_s in (("a.py", 0.01), ("b.py", 1.0))
    ]


def test_a_recording_tells_phases_fixtures_and_what_passed(tmp_path: Path):
    """A tiny suite, run twice: five tests a run, of which one fails; the first user of the server is known."""
    tmp_path.joinpath("test_tiny.py").write_text(SUITE)
    file = tmp_path / "tiny.ndjson"
    words = f"record {file} --runs 1 --in {tmp_path} --hw-class here -- -p no:cacheprovider -p no:randomly"
    asked = words.split()

    assert [0, 0] == [predictions.main(asked), predictions.main(asked)]

    found = predictions.read(file.read_text("utf-8").splitlines())
    first, *_, last = found[2]
    assert [1, 2] == list(found)
    assert ["TestA::test_one", "TestA::test_two[0]", "TestA::test_two[1]", "test_last"] == [
        seen.nodeid.partition("::")[2] for seen in found[2]
    ]
    assert ("test_tiny.py", "test_tiny.py::TestA", "here") == first[1:4]
    assert (["server"], []) == ([use.name for use in first.opens], list(first.closes))
    assert first.setup_s >= 0.2
    assert ["server"] == [use.name for use in last.closes]
    assert last.teardown_s >= 0.1


def test_a_steady_suite_is_predicted_well():
    """Little luck, and two files that differ: every target is met."""
    found = predictions.score(predictions.read(recorded(0.1)))

    assert (60, 4, []) == (found.tests, found.runs, found.faults())
    assert found.cold < 1.2 < found.suite_median


def test_luck_cannot_be_predicted():
    """A suite whose times vary twofold misses the target, and the score says which."""
    found = predictions.score(predictions.read(recorded(1.0)))

    assert any(fault.startswith("warm") for fault in found.faults())


def test_each_target_is_told_by_its_own_words():
    """What is off is said, with the value."""
    good = Score(10, 2, 1.1, 1.2, 1.1, 1.2, 0.9, 1.5, 2.0)
    bad = Score(10, 2, 1.3, 1.2, 1.1, 1.2, 0.99, 2.5, 2.0)

    assert [] == good.faults()
    assert [
        "warm 1.30 > 1.25",
        "warm 1.300 > last value 1.200",
        "q90 covers 99.0%",
        "cold 2.50 > suite's median 2.00",
    ] == (bad.faults())


def test_one_run_is_not_enough():
    """There is nothing to predict from."""
    with pytest.raises(ValueError, match="record more"):
        predictions.score(predictions.read(recorded(0.1, runs=1)))
