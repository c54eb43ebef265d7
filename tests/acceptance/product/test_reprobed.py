"""A device that a test has lost is looked at again by its own host, and is out of use at once if it is gone."""

from __future__ import annotations

import pytest

from pytest_disttest.recovery import breakers

BOARD = """
from pathlib import Path
from pytest_disttest.worker.probes.finding import Finding, Place, device

def probe(place: Place) -> Finding:
    boards = [name for name in ("b0", "b1") if not Path("{place}", "dead-" + name).exists()]
    found = tuple(device("accel", name, facts={{"accel.type": "fpga"}}) for name in boards)
    return Finding("rack", level="bound", source="rack", devices=found)
"""
TESTS = """
import time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(6))
@pytest.mark.hw("accel.count >= 1")
def test_board(number, hw_grant):
    (board,) = hw_grant.devices
    with open("used", "a") as file: print(board.id, file=file)
    time.sleep(1)
    if board.id == "b0":
        {kills}
        raise RuntimeError("accelerator: GPU is lost")
"""

CONFTEST = """
    from pytest_disttest.recovery import breakers
    breakers.FIRST_WAIT_S = {wait_s}
    """
COMES_BACK = """
import time
from pathlib import Path
import pytest

DEAD = Path("{place}", "dead-b0")

@pytest.mark.parametrize("number", range(14))
@pytest.mark.hw("accel.count >= 1")
def test_board(number, hw_grant):
    with open("used", "a") as file: print(hw_grant.devices[0].id, file=file)
    time.sleep(0.7)
    if number == 0:
        DEAD.touch()
        raise RuntimeError("accelerator: GPU is lost")
    if number == 2:
        DEAD.unlink()
"""


@pytest.fixture
def rack(suite, tmp_path):
    """Return a function that runs tests on a host with two boards; the first fails, and is gone or not."""

    def run(*, tests: str = TESTS, wait_s: float = breakers.FIRST_WAIT_S, **more: str):
        files = {
            "conftest.py": CONFTEST.format(wait_s=wait_s),
            "test_a.py": tests.format(place=tmp_path, **more),
            "our_rack.py": BOARD.format(place=tmp_path),
            "our_rack-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: our-rack\nVersion: 1\n",
            "our_rack-1.dist-info/entry_points.txt": "[pytest_disttest.probes]\naccel.rack = our_rack:probe\n",
        }
        own = {"DISTTEST_LEASES": str(tmp_path / "leases"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
        made = suite(files, environment=own)
        return made, made.distributed(workers=1)

    return run


@pytest.mark.slow
def test_a_board_that_is_gone_is_not_given_away_any_more(rack, tmp_path):
    """At most one other test has begun on it by then; three would have been lost before."""
    made, ran = rack(kills=f'Path("{tmp_path}", "dead-b0").touch()')
    used = (made.directory / "used").read_text().split()

    assert used.count("b0") in (1, 2) and used.count("b1") >= 4, (used, ran)
    assert "accel b0 is not used any more: it was looked at again: it is not there any more" in ran.output, ran
    rows = [row for row in made.json("recovery") if row["step"] == "reprobe"]
    assert [("device", 0)] == [(row["failure_class"], row["successes"]) for row in rows]


@pytest.mark.slow
def test_a_board_that_is_well_stays_until_it_has_failed_three_tests(rack):
    """What the probe finds does not excuse what tests find."""
    made, ran = rack(kills="pass")
    used = (made.directory / "used").read_text().split()

    assert 3 == used.count("b0") and "looked at again" not in ran.output, (used, ran)
    rows = [row for row in made.json("recovery") if row["step"] == "reprobe"]
    assert rows and rows[0]["successes"] == rows[0]["tries"] >= 1


@pytest.mark.slow
def test_a_board_that_is_there_again_is_used_again_once_it_is_looked_at(rack):
    """After its breaker's wait, within the same run; it is looked at before it is given to a test."""
    made, ran = rack(tests=COMES_BACK, wait_s=2.0)
    used = (made.directory / "used").read_text().split()

    assert 14 == len(used) and 13 == sum(told == ["passed"] for told in ran.outcomes.values()), (used, ran)
    assert "b0" == used[0] and "b1" in used and "b0" in used[3:], used
    assert "accel b0 is not used any more: it was looked at again: it is not there any more" in ran.output
    assert "accel b0 is used again, on trial: it was looked at, and is well" in ran.output
