"""Leases between real processes: one holder, none after death, shares within a run, theft where asked for."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rigs.processes import wait_until

from pytest_disttest.worker import lease_files
from pytest_disttest.worker.leases import Leases, Terms, Wanted, read_leases, renew

GPU = Wanted("gpu", "GPU-aaaa-1")
HALF = Wanted("gpu", "GPU-aaaa-1", 0.5)
HASTY = {"wait_s": 0.0}

# Takes what it is told to take, tells whether it could, and holds it until it hears more.
HOLDER = """
import json, sys
from pathlib import Path
from pytest_disttest.worker.leases import Leases, Terms, Wanted
place, terms, wanted = json.loads(sys.argv[1])
mine = Leases(Terms(**terms), Path(place))
print(json.dumps(mine.take([Wanted(*each) for each in wanted], "test of " + terms["run"])), flush=True)
sys.stdin.readline()
mine.give_back()
print("free", flush=True)
sys.stdin.readline()
"""

# Takes and gives back the device again and again; holds a file that only one process can make meanwhile.
FIGHTER = """
import os, sys
from pathlib import Path
from pytest_disttest.worker.leases import Leases, Terms, Wanted
place, count = Path(sys.argv[1]), int(sys.argv[2])
mine = Leases(Terms(run=sys.argv[3], wait_s=60.0), place)
for _ in range(count):
    why = mine.take([Wanted("gpu", "GPU-aaaa-1"), Wanted("gpu", "GPU-bbbb-2")], "fight")
    assert not why, why
    os.close(os.open(place / "held", os.O_CREAT | os.O_EXCL))
    os.unlink(place / "held")
    mine.give_back()
print(count)
"""

Hold = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "leases"


@pytest.fixture
def hold(place: Path) -> Iterator[Hold]:
    """Start a process that takes a lease, and wait until it has it."""
    started: list[subprocess.Popen[str]] = []

    def start(*wanted: Wanted, run: str = "r1") -> subprocess.Popen[str]:
        what = json.dumps([str(place), {"controller": "alice@desk", "run": run}, wanted])
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, what],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert '""' == says(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def goes_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_that_fight_never_both_hold_the_devices(place: Path):
    """A hundred times each, both devices at once or none: whoever has them finds nobody else there."""
    command = [sys.executable, "-c", FIGHTER, str(place), "100"]
    fighters = [subprocess.Popen([*command, run], stdout=subprocess.PIPE, text=True) for run in ("r1", "r2")]

    assert [("100\n", None), ("100\n", None)] == [fighter.communicate(timeout=120) for fighter in fighters]
    assert [0, 0] == [fighter.returncode for fighter in fighters]


def test_what_another_process_holds_cannot_be_had_before_it_is_given_back(place: Path, hold: Hold):
    """The refusal says by whom and for what it is held; and of several devices none is kept then."""
    holder = hold(GPU)
    other = Wanted("accel", "0000:41:00.0")
    mine = Leases(Terms(run="r2", wait_s=0.05), place)

    assert "(alice@desk) for test of r1" in mine.take([other, GPU], "t")
    assert ["gpu"] == [row["kind"] for row in read_leases(place)]
    goes_on(holder)
    assert "free" == says(holder)
    assert "" == mine.take([other, GPU], "t")
    assert ["accel", "gpu"] == [row["kind"] for row in read_leases(place)]
    mine.give_back()
    assert [] == read_leases(place)


@pytest.mark.parametrize("wanted", [GPU, HALF])
def test_a_dead_process_holds_nothing(place: Path, hold: Hold, wanted: Wanted):
    """Whole or shared: the kernel frees it, with nobody's help."""
    holder = hold(wanted)
    holder.kill()
    holder.wait()

    assert [] == read_leases(place)
    assert "" == Leases(Terms(run="r2", **HASTY), place).take([GPU], "t")


def test_a_run_that_needs_a_device_all_the_time_leaves_it_to_others_between(place: Path):
    """Who takes it again at once does not do so before those who wait had their chance."""
    greedy = subprocess.Popen([sys.executable, "-c", GREEDY, str(place)], stdout=subprocess.PIPE, text=True)
    try:
        assert "begun" == says(greedy)
        mine = Leases(Terms(run="r2", wait_s=20.0), place)
        for _ in range(3):
            began = len((place / "takes").read_text())
            assert "" == mine.take([GPU], "t")
            assert len((place / "takes").read_text()) - began <= 3
            mine.give_back()
    finally:
        greedy.kill()
        greedy.communicate()


GREEDY = """
import sys, time
from pathlib import Path
from pytest_disttest.worker.leases import Leases, Terms, Wanted
place = Path(sys.argv[1])
mine = Leases(Terms(run="r1", wait_s=60.0), place)
while True:
    assert not mine.take([Wanted("gpu", "GPU-aaaa-1")], "t")
    with open(place / "takes", "a") as takes:
        takes.write("x")
    print("begun", flush=True)
    time.sleep(0.3)
    mine.give_back()
"""


def test_a_device_is_shared_within_a_run_only(place: Path, hold: Hold):
    """Workers of one run share it, nobody has it whole meanwhile, and another run has it when the last is through."""
    first, second = hold(HALF), hold(HALF)
    shared = read_leases(place)[0]
    assert {first.pid, second.pid} == {holder["pid"] for holder in shared["holders"]}
    assert [0.5, 0.5] == [holder["share"] for holder in shared["holders"]]
    other, own = Leases(Terms(run="r2", **HASTY), place), Leases(Terms(run="r1", **HASTY), place)
    assert "is held by" in other.take([HALF], "t")
    assert "is held by" in other.take([GPU], "t")
    assert "is held by" in own.take([GPU], "t")

    goes_on(first)
    assert "free" == says(first)
    assert [second.pid] == [holder["pid"] for holder in read_leases(place)[0]["holders"]]
    assert "is held by" in other.take([HALF], "t")
    second.kill()
    second.wait()
    assert "" == other.take([HALF], "t")


def test_a_whole_device_is_not_shared_by_its_own_run(place: Path, hold: Hold):
    """Whole is whole, whoever asks."""
    hold(GPU)

    assert "is held by" in Leases(Terms(run="r1", **HASTY), place).take([HALF], "t")


def test_theft_ends_the_holder(place: Path, hold: Hold):
    """The thief has the device; the holder was asked to go, so its controller finds it killed by SIGTERM."""
    holder = hold(GPU)

    assert "" == Leases(Terms(run="r2", steal=True), place).take([GPU], "t")
    assert -signal.SIGTERM == holder.wait()
    assert [os.getpid()] == [each["pid"] for row in read_leases(place) for each in row["holders"]]


def test_theft_of_a_device_whose_note_lies(place: Path, hold: Hold):
    """Anybody may write there, so the processes that it names are not touched: who has the file open holds it."""
    holder, bystander = hold(GPU), hold(Wanted("gpu", "GPU-cccc-3"))
    file = place / GPU.name
    note = json.loads(file.read_text())
    note["holders"][0]["pid"] = bystander.pid
    file.write_text(json.dumps(note))

    assert "" == Leases(Terms(run="r2", steal=True), place).take([GPU], "t")
    assert -signal.SIGTERM == holder.wait()
    assert bystander.poll() is None


def test_a_run_does_not_steal_from_itself(place: Path, hold: Hold):
    """That a device is held by one's own run is a matter of accounting, not of rights."""
    holder = hold(GPU)

    assert "is held by" in Leases(Terms(run="r1", steal=True, **HASTY), place).take([GPU], "t")
    assert holder.poll() is None


def test_a_child_of_the_holder_does_not_hold(place: Path):
    """A process that a test forks, and that lives on, keeps nothing; what it does does not free the device either."""
    mine = Leases(Terms(run="r1"), place)
    assert "" == mine.take([GPU], "t")
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)  # until the parent is through
        os._exit(0)
    other = Leases(Terms(run="r2", **HASTY), place)
    assert "is held by" in other.take([GPU], "t")
    mine.give_back()
    assert "" == other.take([GPU], "t")
    os.close(writer)
    os.waitpid(child, 0)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"holders": [{"pid": "x"}]}', "\0" * 10])
def test_an_unreadable_note_changes_nothing(place: Path, hold: Hold, text: str):
    """The lock counts: the device is shown as held, by nobody knows whom, and cannot be had."""
    holder = hold(GPU)
    (place / GPU.name).write_text(text)

    row = read_leases(place)[0]
    assert ("gpu", GPU.id, [], "its note cannot be read") == tuple(row[k] for k in ("kind", "id", "holders", "remark"))
    other = Leases(Terms(run="r2", **HASTY), place)
    assert "by somebody who left no note" in other.take([GPU], "t")
    holder.kill()
    holder.wait()
    assert "" == other.take([GPU], "t")


def test_a_lease_expires_unless_its_agent_renews_it(place: Path):
    """The agent says which of its workers live; what others hold is not put off."""
    mine = Leases(Terms(run="r1", life_s=50.0), place)
    assert "" == mine.take([GPU], "t")
    long_ago = time.time() - 1000.0
    os.utime(place / GPU.name, (long_ago, long_ago))

    renew([1], place)
    assert long_ago + 50.0 == pytest.approx(read_leases(place)[0]["expires"], abs=1.0)
    renew([os.getpid()], place)
    assert time.time() + 50.0 == pytest.approx(read_leases(place)[0]["expires"], abs=5.0)


def test_everybody_may_take_leases_and_nobody_removes_them(place: Path):
    """Directory and files are made for all users of the host, whatever the umask, as ``/tmp`` is."""
    before = os.umask(0o077)
    try:
        assert "" == Leases(Terms(), place).take([GPU], "t")
    finally:
        os.umask(before)

    assert 0o1777 == stat.S_IMODE(place.stat().st_mode)
    assert {0o666} == {stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}


def test_a_file_that_is_a_trap_is_not_opened(place: Path, tmp_path: Path):
    """In a directory that is open to all, a link to a user's own file must not be written to."""
    place.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (place / GPU.name).symlink_to(precious)
    (place / Wanted("gpu", "GPU-bbbb-2").name).hardlink_to(precious)

    for wanted in (GPU, Wanted("gpu", "GPU-bbbb-2")):
        assert "" != Leases(Terms(**HASTY), place).take([wanted], "t")
    assert "mine" == precious.read_text()


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path):
    """Rather than to use a device unasked."""
    (tmp_path / "file").write_text("")

    assert f"no lease can be had in {tmp_path}/file" in Leases(Terms(**HASTY), tmp_path / "file").take([GPU], "t")
    assert [] == read_leases(tmp_path / "file")
    assert [] == read_leases(tmp_path / "nothing")


def test_a_gate_that_stays_closed_is_said(place: Path):
    """A stopped process at the gate is no reason to wait for ever."""
    mine = Leases(Terms(wait_s=0.05), place)
    place.mkdir()
    with lease_files.behind_gate(place, 0.0, create=True):
        assert "others are busy with the leases" in mine.take([GPU], "t")
    assert "" == mine.take([GPU], "t")


def test_a_device_may_have_any_name(place: Path):
    """A path, a PCI address, something that looks like another directory."""
    names = ["0000:41:00.0", "../../x", "a b/c", "", "%2F"]
    mine = Leases(Terms(), place)

    assert "" == mine.take([Wanted("accel", name) for name in names], "t")
    for path in place.glob("*.lease"):
        path.write_text("")  # then only the file's name tells
    assert sorted(names) == sorted(row["id"] for row in read_leases(place))


def test_a_thief_waits_for_a_holder_that_does_not_want_to_go(place: Path):
    """Who ignores SIGTERM is killed; the device changes hands all the same."""
    stubborn = (
        "import signal, sys, time\nfrom pathlib import Path\n"
        "from pytest_disttest.worker.leases import Leases, Terms, Wanted\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "mine = Leases(Terms(run='r1'), Path(sys.argv[1]))\n"
        "assert not mine.take([Wanted('gpu', 'GPU-aaaa-1')], 't')\nopen(sys.argv[1] + '/here', 'w')\ntime.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", stubborn, str(place)], start_new_session=True)
    assert wait_until((place / "here").exists)

    assert "" == Leases(Terms(run="r2", steal=True), place).take([GPU], "t")
    assert -signal.SIGKILL == holder.wait()
