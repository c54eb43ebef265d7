"""A host that takes its time does not hold up the others: it joins when it is there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from acceptance.hosts.bench import Project
from rigs.processes import wait_until
from rigs.sshd import SshHost, require_sshd, start_sshd

from pytest_disttest.controller.hostwork import PATIENCE_S

SUITE = """
import pathlib, time
import pytest

PLACE = pathlib.Path({place!r})

@pytest.mark.parametrize("number", range(60))
def test_it(number, hw_host):
    (PLACE / f"on-{{hw_host}}").touch()
    deadline = time.monotonic() + 0.5
    while not (PLACE / "on-host1").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
"""


@contextlib.contextmanager
def thawed_once(pid: int, file: Path) -> Iterator[None]:
    """Stop a process until *file* exists."""
    os.kill(pid, signal.SIGSTOP)

    def thaw() -> None:
        wait_until(file.exists, timeout_s=40)
        os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=thaw)
    thread.start()
    yield
    thread.join()


@pytest.mark.slow
def test_a_host_that_is_slow_to_open_joins_the_run(project: Project):
    """Its sshd answers only after tests have begun elsewhere; then it takes its part of what is left."""
    project.write(test_a=SUITE.format(place=str(project.place)))
    with thawed_once(project.hosts[0].pid, project.place / "on-local"):
        ran = project.run(hosts="local,host1")

    assert ran.code == 0, ran.text
    assert 60 == len(ran.named("passed"))
    assert ran.lines("host host1 is not ready yet")
    assert (project.place / "on-host1").exists(), ran.text
    [row] = [line for line in ran.lines("joined after") if line.startswith("host1")]
    assert int(row.split()[2]) > 0, ran.text


@pytest.mark.slow
def test_a_host_that_has_other_tests_does_not_join(project: Project):
    """They are not in the plan; the user hears why, and the others do all."""
    project.describe(host1={"environment": '{ FEWER = "1" }'})
    text = SUITE.format(place=str(project.place)).replace("range(60)", "range(12 if os.environ.get('FEWER') else 30)")
    project.write(test_a="import os\n" + text)
    with thawed_once(project.hosts[0].pid, project.place / "on-local"):
        ran = project.run(hosts="local,host1")

    assert ran.code == 0, ran.text
    assert 30 == len(ran.named("passed"))
    assert ran.lines("host1", "came late, and collects other tests")


@pytest.mark.slow
def test_a_host_that_tests_may_ask_for_is_waited_for(project: Project):
    """Where a test asks for anything, the plan needs to know all hosts."""
    project.describe(host1={"tags": '["rare"]'})
    project.write(test_a="import pytest\n@pytest.mark.hw(tag='rare')\ndef test_a(hw_host): assert hw_host == 'host1'\n")
    pid = project.hosts[0].pid
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(PATIENCE_S + 2.0, os.kill, (pid, signal.SIGCONT))
    timer.start()
    ran = project.run(hosts="local,host1")
    timer.join()

    assert ran.code == 0, ran.text
    assert {"test_a"} == ran.named("passed"), ran.text
    assert ran.lines("host host1 is not ready yet")


@contextlib.contextmanager
def absent_until(host: SshHost, file: Path) -> Iterator[None]:
    """Nothing listens on the host's port until *file* exists."""
    os.kill(host.pid, signal.SIGKILL)
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        if wait_until(file.exists, timeout_s=40):
            started.append(start_sshd([require_sshd()], host.directory, host.ip, host.port))

    thread = threading.Thread(target=start)
    thread.start()
    try:
        yield
    finally:
        file.touch()
        thread.join()
        for process in started:
            process.kill()
            process.wait(10)


@pytest.mark.slow
def test_a_host_that_was_not_there_joins_once_it_answers(own_ssh_host: SshHost, projects, tmp_path):
    """It is called again while tests run, gets the files, and takes its part of what is left."""
    project = projects("late", (own_ssh_host,)).write(test_a=SUITE.format(place=str(tmp_path)))
    with absent_until(own_ssh_host, tmp_path / "on-local"):
        ran = project.run(hosts="local,host1")

    assert ran.code == 0, ran.text
    assert 60 == len(ran.named("passed"))
    assert ran.lines("host host1", "nothing listens on its ssh port"), ran.text
    assert ran.lines("host host1 is called again while tests run, and joins when it answers"), ran.text
    assert (tmp_path / "on-host1").exists(), ran.text
    assert ran.lines("host host1 has joined after"), ran.text


ASKING = """
import pathlib, time
import pytest

PLACE = pathlib.Path({place!r})

@pytest.mark.parametrize("number", range(60))
@pytest.mark.hw(memory="1 MiB")
def test_anywhere(number, hw_host, hw_grant):
    assert hw_grant.host == hw_host and hw_grant.memory == 1 << 20
    (PLACE / f"on-{{hw_host}}").touch()
    deadline = time.monotonic() + 0.5
    while not (PLACE / "on-host1").exists() and time.monotonic() < deadline:
        time.sleep(0.01)

@pytest.mark.parametrize("number", range(10))
@pytest.mark.hw(tag="local")
def test_here(number, hw_host): assert hw_host == "local"

@pytest.mark.hw(tag="host1")
def test_there(): pass
"""


@pytest.mark.slow
def test_a_host_that_joins_is_asked_what_it_has(own_ssh_host: SshHost, projects, tmp_path):
    """It is given the tests that it fits, with grants of its own; what had no host as the run began has none."""
    project = projects("late", (own_ssh_host,)).write(test_a=ASKING.format(place=str(tmp_path)))
    with absent_until(own_ssh_host, tmp_path / "on-local"):
        ran = project.run("--hw-unmatched=skip", hosts="local,host1")

    assert ran.code == 0, ran.text
    assert 70 == len(ran.named("passed")) and {"test_there"} == ran.named("skipped"), ran.text
    assert (tmp_path / "on-host1").exists(), ran.text
    there = {attempt.nodeid for attempt in project.attempts() if attempt.host == "host1"}
    assert there and all("test_anywhere" in nodeid for nodeid in there)


@pytest.mark.slow
def test_nobody_waits_for_a_host_that_never_comes(own_ssh_host: SshHost, projects, tmp_path):
    """The run ends when its work does, and leaves nothing behind."""
    project = projects("late", (own_ssh_host,)).write(
        test_a="import pytest, time\n@pytest.mark.parametrize('n', range(8))\ndef test_a(n): time.sleep(1)\n"
    )
    with absent_until(own_ssh_host, tmp_path / "never"):
        ran = project.run(hosts="local,host1")
        left = project.processes()

    assert ran.code == 0, ran.text
    assert 8 == len(ran.named("passed"))
    assert not ran.lines("has joined") and {} == left
