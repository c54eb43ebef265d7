"""Hosts that are lost during a run: every test is reported exactly once, and nothing runs on over there."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest
from rigs.processes import wait_until

pytestmark = pytest.mark.slow

SUITE = """
import time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(4))
def test_{name}(number, hw_host):
    Path("{place}", f"on-{{hw_host}}").touch()
    while hw_host != "host1" and not Path("{place}", "on-host1").exists():
        time.sleep(0.01)
    if hw_host == "host1" and not Path("{place}", "lost").exists():
        time.sleep(60)
"""


@pytest.fixture
def hanging(projects, tmp_path):
    """Return a function that makes a project whose tests hang on host1 and are quick elsewhere."""

    def make(*hosts):
        project = projects("one", hosts)
        return project.write(**{f"test_{name}": SUITE.format(name=name, place=tmp_path) for name in "abcd"})

    return make


def begun(project, started, *words, hosts="local,host1"):
    """Return a started run, a test of which hangs on host1; none hangs that begins from now on."""
    process = project.start(f"--junitxml={project.place}/report.xml", *words, hosts=hosts)
    assert started("on-host1"), process.communicate(timeout=5)
    project.place.parent.joinpath("lost").touch()
    return process


def complete(project, ran):
    """Assert that every test passed once, wherever the lost host was when its turn came."""
    assert ran.code == 0, ran.text
    assert Counter(a.nodeid for a in project.attempts()) == {
        f"test_{name}.py::test_{name}[{number}]": 1 for name in "abcd" for number in range(4)
    }, ran.text
    assert {a.outcome for a in project.attempts()} == {"passed"}
    assert ran.outcomes.total() == 16
    assert ran.lines("host1 is lost"), ran.text


def test_a_killed_agent_costs_nothing_but_time(hanging, own_ssh_host, started):
    """Its workers end with it, and what they had goes to the others."""
    project = hanging(own_ssh_host)
    process = begun(project, started)
    [agent] = project.agents(own_ssh_host)
    os.kill(agent, signal.SIGKILL)

    ran = project.finish(process)

    complete(project, ran)
    assert wait_until(lambda: not project.processes()), project.processes()


def test_a_host_that_crashes(hanging, own_ssh_host, started):
    """All its processes are gone at once."""
    project = hanging(own_ssh_host)
    process = begun(project, started)
    own_ssh_host.crash()

    complete(project, project.finish(process))


def test_an_ssh_that_is_killed_here(hanging, own_ssh_host, started):
    """The connection ends; the agent there notices, and frees the host."""
    project = hanging(own_ssh_host)
    process = begun(project, started)
    [ssh] = [pid for pid, command in project.processes().items() if command.startswith("ssh ")]
    os.kill(ssh, signal.SIGKILL)

    ran = project.finish(process)

    complete(project, ran)
    assert wait_until(lambda: not project.processes()), project.processes()


def stop(host):
    """Nothing answers there any more."""
    os.kill(host.pid, signal.SIGSTOP)  # so that nobody comes in before it is gone
    host.crash()
    os.kill(host.pid, signal.SIGKILL)


def test_a_run_that_loses_its_only_host_fails(hanging, own_ssh_host, started):
    """Once the host does not come back: with what did not run, and no traceback."""
    project = hanging(own_ssh_host)
    process = begun(project, started, "--hw-reconnect=2", hosts="host1")
    stop(own_ssh_host)

    ran = project.finish(process)

    assert ran.code not in (0, 5), ran.text
    assert "INTERNALERROR" not in ran.text
    assert ran.lines("no worker is left: 16 tests did not run"), ran.text
    assert ran.lines("host1", "not back after 2 tries: "), ran.text


@pytest.mark.parametrize("is_agent", [True, False])
def test_a_run_whose_only_host_comes_back_is_whole(hanging, own_ssh_host, started, is_agent):
    """Its agent was killed, or all of its processes; the tests run as soon as it answers."""
    project = hanging(own_ssh_host)
    project.describe(host1={"workers": "3"})
    process = begun(project, started, hosts="host1")
    if is_agent:
        [agent] = project.agents(own_ssh_host)
        os.kill(agent, signal.SIGKILL)
    else:
        own_ssh_host.crash()

    ran = project.finish(process)

    complete(project, ran)
    assert ran.lines("host1", "back after "), ran.text
    assert wait_until(lambda: not project.processes()), project.processes()


ONLY_THERE = """
import os
import time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(6))
@pytest.mark.hw(tags="host1")
def test_there(number, worker_id):
    Path("{place}", "on-host1").touch()
    Path("{place}", f"{{worker_id}}-{{time.time()}}-{{os.getppid()}}").touch()
    time.sleep(0.1 if Path("{place}", "lost").exists() else 60)

def test_anywhere(): pass
"""


def test_what_only_a_lost_host_could_run_waits_for_it(projects, own_ssh_host, started, tmp_path):
    """The others have gone home by then. It gets one worker, and the second once that has ended a test."""
    project = projects("one", (own_ssh_host,)).write(test_a=ONLY_THERE.format(place=tmp_path))
    project.describe(host1={"workers": "2"})
    process = begun(project, started)
    own_ssh_host.crash()

    ran = project.finish(process)

    assert (ran.code, ran.outcomes.total()) == (0, 7), ran.text
    assert ran.lines("host1", "back after "), ran.text
    begins = [path.name.split("-") for path in tmp_path.glob("gw*-*")]
    after = sorted((float(at), worker) for worker, at, _ in begins)[-6:]
    assert after[0][1] == after[1][1] or after[1][0] - after[0][0] > 0.1, after


def test_tests_that_only_the_lost_host_could_run_are_not_forgotten(projects, own_ssh_host, started, tmp_path):
    """They are reported as failed, with the reason, once the host has not come back."""
    project = projects("one", (own_ssh_host,)).write(test_a=ONLY_THERE.format(place=tmp_path))
    process = begun(project, started, "--hw-reconnect=1")
    stop(own_ssh_host)

    ran = project.finish(process)

    assert ran.code == 1, ran.text
    assert ran.outcomes.total() == 7, ran.text
    assert ran.named("passed") == {"test_anywhere"}
    assert ran.lines("every host that could run it is lost"), ran.text


def test_a_host_that_was_lost_three_times_is_gone(projects, own_ssh_host, started, tmp_path):
    """A test that kills its agent is told as crashed by then, and what is left is not tried on that host."""
    killer = """
    import os, signal
    from pathlib import Path
    import pytest
    @pytest.mark.parametrize("number", range(3))
    @pytest.mark.hw(tags="host1")
    def test_kills(number): os.kill(os.getppid(), signal.SIGKILL)
    """
    project = projects("one", (own_ssh_host,)).write(test_a=killer, test_b="def test_b(): pass")
    process = project.start(f"--junitxml={project.place}/report.xml", hosts="local,host1")

    ran = project.finish(process)

    assert ran.code == 1, ran.text
    assert ran.outcomes.total() == 4 and ran.named("passed") == {"test_b"}, ran.text
    assert len(ran.lines("host host1 is lost")) == 3, ran.text


@pytest.mark.netns
def test_a_cut_link(hanging, silent_hosts, started):
    """Nobody is told. The run goes on after the heartbeat, and the host there frees itself."""
    host = silent_hosts.hosts[0]
    project = hanging(host)
    project.inside = silent_hosts.inside
    process = begun(project, started, "--hw-heartbeat=3")
    workers = [pid for pid, command in project.processes().items() if "/disttest-" in command]
    assert workers
    silent_hosts.link_down(host)

    ran = project.finish(process)

    complete(project, ran)
    assert ran.seconds < 25
    gone = wait_until(lambda: not set(workers) & set(project.processes()), timeout_s=20)
    assert gone, project.processes()
