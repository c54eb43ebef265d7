"""The agent of this machine is killed while tests run: it is tried again like any other host."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from rigs.processes import descendants, is_running, wait_until
from rigs.suites import Suite

TESTS = """
    import time
    from pathlib import Path
    import pytest
    @pytest.mark.parametrize("n", range(12))
    def test_it(n):
        Path("begun").touch()
        time.sleep(0.01 if Path("killed").exists() else 60)
"""


def threads_of(pid: int) -> int:
    """Return how many threads a process has: of ours, only agents and the controller have several."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("way", ["fork", "spawn"])
@pytest.mark.parametrize("is_zygote_lost", [False, True])
def test_a_killed_agent_of_this_machine_comes_back(tmp_path, way, is_zygote_lost):
    """Also where what it was forked from is gone: then as a new interpreter. Nothing is lost, and nothing runs on."""
    if way == "spawn" and is_zygote_lost:
        pytest.skip("there is none")
    suite = Suite(tmp_path / "suite", {"test_a.py": TESTS, "test_b.py": TESTS})
    process = suite.start("--dist-hw", "--hw-workers=2", f"--hw-start={way}")
    assert wait_until((suite.directory / "begun").exists, timeout_s=30)
    below = descendants(process.pid)
    [agent] = [pid for pid in below if threads_of(pid) > 1]
    parent = int(Path(f"/proc/{agent}/stat").read_text().rpartition(")")[2].split()[1])
    (suite.directory / "killed").touch()
    for pid in [parent, agent] if is_zygote_lost else [agent]:
        os.kill(pid, signal.SIGKILL)
    ran = suite.end(process)

    assert (ran.exit_code, len(ran.outcomes)) == (0, 24), ran
    assert "host local is lost" in ran.output and "back after" in ran.output
    assert wait_until(lambda: not any(map(is_running, below))), ran
