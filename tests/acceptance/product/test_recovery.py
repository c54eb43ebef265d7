"""What a run did to recover is recorded, ``disttest recovery`` tells it, and the next run goes by it."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Sequence

import pytest
from rigs.processes import descendants, is_running, wait_until

CRASHES = """
    import os, time
    from pathlib import Path
    import pytest
    @pytest.mark.parametrize("n", range(8))
    def test_fine(n): time.sleep(0.05)
    def test_dies_once():
        with open("tries", "a") as file: print(os.environ["WHERE"], file=file)
        if len(Path("tries").read_text().split()) == 1: os.abort()
    """
HEARS = """
    def pytest_disttest_failed(config, failure, failure_class):
        with open("heard", "a") as file:
            print(failure.nodeid, failure.host, failure_class, failure.signal, file=file)
    """


@pytest.fixture
def two_hosts(suite):
    """Return a suite that crashes once, for two hosts on this machine that tests can tell apart."""
    inventory = "".join(
        f'[hosts.{name}]\naddress = "local"\nworkers = 1\nenvironment = {{ WHERE = "{name}" }}\n'
        for name in ("ape", "bee")
    )
    return suite({"test_a.py": CRASHES, "disttest.toml": inventory, "conftest.py": HEARS})


def rows(suite) -> Counter[tuple[str, str, str]]:
    """Return how often each step was tried, with when it is taken now, as the command tells it."""
    return Counter({(row["failure_class"], row["step"], row["now"]): row["tries"] for row in suite.json("recovery")})


def test_a_crash_is_recovered_from_and_the_command_tells_how(two_hosts):
    """By a fresh worker on the same host; plugins hear of the class; the file for the next run is there."""
    ran = two_hosts.distributed("--hw-hosts=ape,bee", workers=None)
    said = two_hosts.command("recovery")
    (host,) = {*(two_hosts.directory / "tries").read_text().split()}

    assert "flaky" in ran.words["test_dies_once"] and ran.exit_code == 0, ran
    assert {("crash", "respawn-worker", "1"): 1} == rows(two_hosts)
    assert (said.returncode, said.stderr) == (0, "")
    assert ["crash", "respawn-worker", "1", "100%"] == [said.stdout.splitlines()[1].split()[i] for i in (0, -6, -5, -4)]
    assert f"test_a.py::test_dies_once {host} crash SIGABRT" == (two_hosts.directory / "heard").read_text().strip()
    ((step, failure, _, seconds, succeeded),) = json.loads(
        (two_hosts.directory / ".disttest/recoveries.json").read_text()
    )
    assert ("respawn-worker", "crash", True) == (step, failure, succeeded) and 0 < seconds < 60


def test_the_next_run_does_what_helped(two_hosts):
    """Fresh workers never did and other hosts always: the test that crashed goes to the other one at once."""
    kept = [[step, "crash", "", 0.1, step == "move"] for step in ("respawn-worker", "move") for _ in range(9)]
    store = two_hosts.directory / ".disttest"
    store.mkdir()
    (store / "recoveries.json").write_text(json.dumps(kept))
    ran = two_hosts.distributed("--hw-hosts=ape,bee", workers=None)
    where = (two_hosts.directory / "tries").read_text().split()

    assert ["ape", "bee"] == sorted(where) and ran.exit_code == 0, ran
    assert ("crash", "move", "1") in rows(two_hosts)


def test_without_a_failure_nothing_is_recorded(suite):
    """And the command says so."""
    healthy = suite({"test_a.py": "def test_a(): pass"})
    healthy.distributed()

    assert "had to recover" in healthy.command("recovery").stdout
    assert [] == healthy.json("recovery")
    assert not (healthy.directory / ".disttest/recoveries.json").exists()


HANGS = """
    import time
    from pathlib import Path
    import pytest
    @pytest.mark.parametrize("n", range(12))
    def test_it(n, hw_host):
        Path(f"begun-on-{hw_host}").touch()
        while not Path("killed").exists(): time.sleep(0.01)
    """


def lost_under_a_test(some, *words: str, hosts: Sequence[str]):
    """Kill an agent while a test runs on each host, then let all tests end; return what became of the run."""
    process = some.start("--dist-hw", *words)
    assert wait_until(lambda: all((some.directory / f"begun-on-{host}").exists() for host in hosts), timeout_s=30)
    agents = [pid for pid in descendants(process.pid) if len(os.listdir(f"/proc/{pid}/task")) > 1]
    os.kill(agents[-1], signal.SIGKILL)
    assert wait_until(lambda: not is_running(agents[-1]))
    (some.directory / "killed").touch()
    return some.end(process)


def test_a_lost_agent_is_recorded(suite):
    """It comes back; nobody else was there to move to."""
    some = suite({"test_a.py": HANGS})
    ran = lost_under_a_test(some, "--hw-workers=1", hosts=["local"])

    assert (ran.exit_code, len(ran.outcomes)) == (0, 12), ran
    assert {("host-lost", "respawn-agent", "at once"): 1} == rows(some)


def test_what_ran_on_a_lost_host_has_moved(suite):
    """To the other one, at once, whether or not the first comes back before the run ends."""
    inventory = "".join(f'[hosts.{name}]\naddress = "local"\nworkers = 1\n' for name in ("ape", "bee"))
    some = suite({"test_a.py": HANGS, "test_b.py": HANGS, "disttest.toml": inventory})
    ran = lost_under_a_test(some, "--hw-hosts=ape,bee", hosts=["ape", "bee"])

    assert (ran.exit_code, len(ran.outcomes)) == (0, 24), ran
    told = rows(some)
    assert 1 == told["host-lost", "move", "at once"], told


LOSES_ITS_DEVICE = """
    from pathlib import Path
    def test_device():
        with open("tries", "a") as file: print("x", file=file)
        if len(Path("tries").read_text().split()) == 1: raise RuntimeError("GPU is lost")
    """


def test_the_same_host_again_needs_a_record(suite):
    """A lost device stands on the only host; reruns on request show that it comes back: then it is tried unasked."""
    some = suite({"test_a.py": LOSES_ITS_DEVICE})
    alone = some.distributed(workers=1)
    assert {"test_device": "failed"} == alone.words, alone
    for number in range(1, 6):
        (some.directory / "tries").unlink()
        asked = some.distributed("--hw-reruns=1", workers=1)
        assert ({"test_device": "rerun flaky"}, 0) == (asked.words, asked.exit_code), asked
        assert {("device", "repeat", "1" if number == 5 else "not taken"): number} == rows(some)
    (some.directory / "tries").unlink()
    unasked = some.distributed(workers=1)

    assert {"test_device": "rerun flaky"} == unasked.words, unasked
