"""A device that a test has lost is looked at again by its own host: out of use if it is gone, or reset."""

from __future__ import annotations

from collections import Counter

import pytest

from pytest_disttest.recovery import breakers

BOARD = """
from pathlib import Path
from pytest_disttest.worker.probes.finding import Finding, Place, device

def probe(place: Place) -> Finding:
    boards = [name for name in {boards} if not Path("{place}", "dead-" + name).exists()]
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

    def run(*, tests: str = TESTS, wait_s: float = breakers.FIRST_WAIT_S, boards: str = "b0 b1", reset: str = "",
            **more: str):  # fmt: skip
        files = {
            "conftest.py": CONFTEST.format(wait_s=wait_s),
            "test_a.py": tests.format(place=tmp_path, **more),
            "our_rack.py": BOARD.format(place=tmp_path, boards=boards.split()),
            "our_rack-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: our-rack\nVersion: 1\n",
            "our_rack-1.dist-info/entry_points.txt": "[pytest_disttest.probes]\naccel.rack = our_rack:probe\n",
        }
        if reset:
            files["disttest.toml"] = f"[hosts.local]\nreset = '{reset}'\n"
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


DIES_ONCE = """
from pathlib import Path
import pytest

DEAD = Path("{place}", "dead-b0")

@pytest.mark.parametrize("number", range(8))
@pytest.mark.hw("accel.count >= 1")
def test_board(number, hw_grant):
    if number == 0:
        DEAD.touch()
    if DEAD.exists():
        raise RuntimeError("accelerator: GPU is lost")
"""


def counted(ran) -> Counter[str]:
    """Return how many tests of `DIES_ONCE` ended how; one to three of eight have failed when the board is left out."""
    found = Counter(word for (word,) in ran.outcomes.values())
    assert 1 <= found["failed"] <= 3 and 8 == found.total(), ran
    return found


@pytest.mark.slow
def test_a_board_is_reset_and_the_tests_that_need_it_wait_for_that(rack, tmp_path):
    """It is the only one; the command of its owner runs in the suite's directory, and says which board it is."""
    command = f'sh -c "pwd > was-here; rm {tmp_path}/dead-$0; sleep 1" {{id}}'
    made, ran = rack(tests=DIES_ONCE, boards="b0", reset=command)

    found = counted(ran)
    assert 8 == found["passed"] + found["failed"], ran
    assert str(made.directory) == (made.directory / "was-here").read_text().strip()
    assert "accel b0 is not used until it has been reset: " in ran.output
    assert "accel b0 is used again, on trial: it was reset, and is well" in ran.output
    (row,) = [row for row in made.json("recovery") if row["step"] == "reset-device"]
    assert ("device", 1, 1) == (row["failure_class"], row["tries"], row["successes"]) and row["mean_s"] > 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reset", "why"),
    [
        ('sh -c "echo no answer; exit 3"', "sh ended with exit code 3: no answer"),
        ("no-such-tool {kind} {id}", "no-such-tool cannot be run: No such file or directory"),
        ("true", "it is not there any more"),
    ],
)
def test_a_reset_that_does_not_help_says_why_and_what_only_the_board_could_run_is_unplaced(rack, reset: str, why: str):
    made, ran = rack(tests=DIES_ONCE, boards="b0", reset=reset)

    found = counted(ran)
    assert 0 == found["passed"], found
    assert f"accel b0 is not used any more: a reset did not help: {why}" in ran.output
    (row,) = [row for row in made.json("recovery") if row["step"] == "reset-device"]
    assert (1, 0) == (row["tries"], row["successes"])


@pytest.mark.slow
def test_a_board_of_which_no_tool_is_known_is_not_reset(rack):
    """`vendor` stands for the tools of three vendors; that it cannot be done is said."""
    _, ran = rack(tests=DIES_ONCE, boards="b0", reset="vendor")

    assert "accel b0 cannot be reset: no tool is known that resets accels of its vendor" in ran.output
    assert "accel b0 is not used any more: " in ran.output and 0 == counted(ran)["passed"]
