"""Workers that are forked: the same as new interpreters in all that a suite can see, and gone when they should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rigs.processes import descendants, is_running, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing else is forked")

ONE = ("--dist-hw", "--hw-workers", "1")
TWO = ("--dist-hw", "--hw-workers", "2")


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inner runs load our plugin only."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_disttest.plugin")


FACTS = """
import json, os, pathlib, random, signal, sys, threading, warnings

def stream(s):
    kinds = [type(x).__name__ for x in (s, s.buffer, getattr(s.buffer, "raw", None))]
    return [kinds, s.encoding, s.errors, s.line_buffering, s.write_through, s.name, s.mode, s.fileno(), s.isatty()]

def opened():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{name}").split("#")[0].split(":")[0], os.get_inheritable(int(name))
        except OSError:
            pass

def test_facts(pytestconfig):
    facts = {
        "environment": {k: v for k, v in os.environ.items() if k != "PYTEST_XDIST_TESTRUNUID"},
        "path": sys.path,
        "arguments": [a for a in sys.argv[1:] if not a.startswith(("--basetemp", "--hw-start"))],
        "streams": [stream(s) for s in (sys.__stdin__, sys.__stdout__, sys.__stderr__)],
        "input": sys.__stdin__.read(),
        "signals": {int(n): str(signal.getsignal(n)) for n in signal.valid_signals()},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "warnings": [str(f) for f in warnings.filters],
        "opened": sorted(map(list, opened())),
        "finders": [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path],
        "flags": str(sys.flags),
        "threads": [t.name for t in threading.enumerate()],
        "leads": os.getsid(0) == os.getpgrp() == os.getpid(),
        "cwd": os.getcwd(),
        "hooks": [sys.excepthook is sys.__excepthook__, sys.gettrace(), sys.getprofile()],
        "plugins": [str(n) for n, _ in pytestconfig.pluginmanager.list_name_plugin() if not str(n).isdigit()],
        "modules": sorted(n for n in sys.modules if n.partition(".")[0] not in ("pytest_disttest", "runpy", "ctypes")),
    }
    pathlib.Path(sys.argv[-1].partition("=")[2] + ".json").write_text(json.dumps(facts))
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_fork_sees_what_a_new_interpreter_sees(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, unbuffered: str
):
    """Environment, streams, signals, descriptors, warnings, modules: nothing of the controller's run is left."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    pytester.makepyfile(FACTS)
    found: dict[str, Any] = {}
    for start in ("fork", "spawn"):
        pytester.runpytest_subprocess(*ONE, f"--hw-start={start}").assert_outcomes(passed=1)
        found[start] = json.loads((pytester.path / f"{start}.json").read_text())
    found["fork"]["opened"].remove(["socket", False])  # over which its agent may ask it for forks, see worker.breeding

    assert found["spawn"] == found["fork"]


def test_forks_have_random_numbers_of_their_own(pytester: pytest.Pytester):
    """Copies of one generator would give every worker the same temporary names and samples."""
    pytester.makepyfile(
        conftest="""
        import random
        from pathlib import Path

        def pytest_sessionstart(session):
            if hasattr(session.config, "workerinput"):
                Path(session.config.workerinput["workerid"]).write_text(str(random.random()))
        """,
        test_a="def test_a(): pass\ndef test_b(): pass",
    )
    pytester.runpytest_subprocess(*TWO, "--hw-start=fork").assert_outcomes(passed=2)

    assert (pytester.path / "gw0").read_text() != (pytester.path / "gw1").read_text()


def test_forks_hash_as_the_controller_does(pytester: pytest.Pytester):
    """So they agree with each other, and nobody had to set a seed that tests would see."""
    pytester.makepyfile(
        """
        import os, pytest

        @pytest.mark.parametrize("word", {"one", "two", "three", "four", "five", "six", "seven"})
        def test_word(word):
            assert "PYTHONHASHSEED" not in os.environ
        """
    )
    result = pytester.runpytest_subprocess(*TWO, "--hw-start=fork")

    result.assert_outcomes(passed=7)


DEATHS = """
import os, pytest, signal, sys

@pytest.mark.parametrize("how", ["exit", "kill", "abort"])
def test_dies(how):
    print("captured")
    os.write(2, b"past python\\n")
    if how == "exit":
        os._exit(3)
    os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGABRT)
"""


def test_deaths_are_told_alike(pytester: pytest.Pytester):
    """Exit codes, signals, last words."""
    pytester.makepyfile(DEATHS)
    told = {}
    for start in ("fork", "spawn"):
        result = pytester.runpytest_subprocess(*ONE, "-p", "no:cacheprovider", f"--hw-start={start}")
        result.assert_outcomes(failed=3)
        told[start] = [line for line in result.outlines if any(w in line for w in ("exit", "SIG", "captured", "past"))]

    assert told["spawn"]
    assert told["spawn"] == told["fork"]


def test_a_fork_ends_as_an_interpreter_does(pytester: pytest.Pytester):
    """Threads are waited for, registered functions called, buffers written; not what the controller registered."""
    pytester.makepyfile(
        registers="import atexit, os\natexit.register(lambda: open(f'plugin-{os.getpid()}', 'w').close())\n",
        test_a="""
        import atexit, pathlib, tempfile, threading, time

        LEFT_OPEN = open("left-open", "w")
        PLACE = tempfile.TemporaryDirectory(dir=".", prefix="temporary-")

        def test_a():
            LEFT_OPEN.write("written")
            threading.Thread(target=lambda: (time.sleep(0.3), pathlib.Path("thread").touch())).start()
            atexit.register(pathlib.Path("atexit").touch)
        """,
    )
    pytester.syspathinsert()
    pytester.runpytest_subprocess("-p", "registers", *ONE, "--hw-start=fork").assert_outcomes(passed=1)

    assert "written" == (pytester.path / "left-open").read_text()
    assert (pytester.path / "thread").exists()
    assert (pytester.path / "atexit").exists()
    assert [] == list(pytester.path.glob("temporary-*"))
    assert 1 == len(list(pytester.path.glob("plugin-*")))


def test_a_plugin_that_starts_a_thread_is_a_reason_to_spawn(pytester: pytest.Pytester):
    """By itself; told with ``-v``; and refused where a fork was demanded."""
    pytester.makepyfile(
        threaded="import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n",
        test_a="def test_a(): pass",
    )
    pytester.syspathinsert()
    told = "workers are new interpreters, not forks: a plugin has started a thread (2 run)"

    spawned = pytester.runpytest_subprocess("-p", "threaded", *ONE, "-v")
    refused = pytester.runpytest_subprocess("-p", "threaded", *ONE, "--hw-start=fork")

    spawned.assert_outcomes(passed=1)
    spawned.stdout.fnmatch_lines([f"disttest: {told}"])
    assert pytest.ExitCode.USAGE_ERROR == refused.ret
    refused.stderr.fnmatch_lines(["*--hw-start*workers cannot be forked: a plugin has started a thread (2 run)*"])


def test_hosts_that_cannot_be_forked_beside_those_that_can(pytester: pytest.Pytester):
    """All are spawned, for they would hash differently; unless the hash is settled."""
    pytester.makepyfile(test_a="def test_a(): pass")
    hosts = ("--dist-hw", "--hw-hosts", f"local*1,local*1;python={sys.executable}")

    refused = pytester.runpytest_subprocess(*hosts, "--hw-start=fork")
    pytester.runpytest_subprocess(*hosts).assert_outcomes(passed=1)

    assert pytest.ExitCode.USAGE_ERROR == refused.ret
    refused.stderr.fnmatch_lines(["*local-2 needs an interpreter of its own*PYTHONHASHSEED*"])


def test_a_plugin_named_in_a_conftest_file_comes_too_late(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """By then the suite's own code is loaded."""
    monkeypatch.delenv("PYTEST_PLUGINS")
    pytester.makepyfile(conftest="pytest_plugins = ['pytest_disttest.plugin']", test_a="def test_a(): pass")
    refused = pytester.runpytest_subprocess(*ONE, "--hw-start=fork")

    assert pytest.ExitCode.USAGE_ERROR == refused.ret
    refused.stderr.fnmatch_lines(["*too late*"])


def test_a_run_inside_a_forked_worker_spawns(pytester: pytest.Pytester):
    """The fork of a test would be no pristine copy of anything."""
    pytester.makepyfile(
        conftest="pytest_plugins = ['pytester']",
        test_a=f"""
        def test_a(pytester, monkeypatch):
            pytester.makepyfile("def test_b(): pass")
            pytester.runpytest_inprocess(*{ONE!r}).assert_outcomes(passed=1)
            assert 4 == pytester.runpytest_inprocess(*{ONE!r}, "--hw-start=fork").ret
        """,
    )
    pytester.runpytest_subprocess(*ONE, "--hw-start=fork", "-p", "pytester").assert_outcomes(passed=1)


def test_under_coverage_run_workers_are_spawned(pytester: pytest.Pytester):
    """The fork would go on measuring into the controller's data."""
    pytest.importorskip("coverage")
    pytester.makepyfile(test_a="def test_a(): pass")
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-v", *ONE]
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "not forks: " in done.stdout
    assert "coverage" in done.stdout


@pytest.mark.parametrize("more", [("-p", "no:terminal"), ("-s",), ("-p", "no:capture"), ("--collect-only",)])
def test_it_runs_with_options_that_change_pytest_itself(pytester: pytest.Pytester, more: tuple[str, ...]):
    """Which plugins are there is decided anew in each worker."""
    pytester.makepyfile(test_a="def test_a(): pass")

    assert 0 == pytester.runpytest_subprocess(*TWO, "--hw-start=fork", *more).ret


def test_a_conftest_that_cannot_be_loaded_leaves_no_process(pytester: pytest.Pytester):
    """The zygote ends when it proves not to be needed."""
    pytester.makeconftest("raise RuntimeError('no')")
    command = [sys.executable, "-m", "pytest", *ONE]
    process = subprocess.Popen(command, cwd=pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, _ = process.communicate(timeout=30)  # a process left behind would hold the pipe

    assert b"RuntimeError: no" in out
    assert pytest.ExitCode.USAGE_ERROR == process.returncode


HANGS = """
import os, pathlib, subprocess, time, pytest

@pytest.mark.parametrize("number", [1, 2])
def test_hangs(number):
    up = pathlib.Path(f"up-{__name__}")
    if up.exists():  # after its host was opened again
        return
    child = subprocess.Popen(["sleep", "77"])
    up.write_text(str(child.pid))
    time.sleep(77)
"""


@pytest.mark.parametrize("victim", ["controller", "zygote", "agent"])
def test_nobody_outlives_a_kill(pytester: pytest.Pytester, victim: str):
    """Whoever of the controller, the zygote and the agent is killed, every process that was there ends."""
    pytester.makepyfile(test_a=HANGS, test_b=HANGS)
    command = [sys.executable, "-m", "pytest", *TWO, "--hw-start=fork"]
    with (pytester.path / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=pytester.path, stdout=out, stderr=out)
    ups = lambda: [path for path in pytester.path.glob("up-*") if path.read_text()]  # noqa: E731
    assert wait_until(lambda: len(ups()) == 2, timeout_s=30)
    family = descendants(process.pid)
    zygote = family[0]
    [agent] = [pid for pid in family if parent(pid) == zygote and len(os.listdir(f"/proc/{pid}/task")) > 1]

    os.kill({"controller": process.pid, "zygote": zygote, "agent": agent}[victim], signal.SIGKILL)

    process.wait(30)
    left = [pid for pid in family if "sleep" not in command_of(pid)] if victim == "zygote" else family
    assert wait_until(lambda: not any(map(is_running, left)), timeout_s=15), {
        pid: (command_of(pid), parent(pid)) for pid in left if is_running(pid)
    }
    for pid in family:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


def parent(pid: int) -> int:
    """Return the parent of the process *pid*."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def command_of(pid: int) -> str:
    """Return the name of the process *pid*, "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""
