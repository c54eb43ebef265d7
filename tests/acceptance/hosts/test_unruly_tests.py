"""Tests that flood, fork, close everything or say far too much: nothing hangs, nothing is lost."""

from __future__ import annotations

import os
import signal

import pytest

HOSTS = ("local", "host1")

DAEMONS = """
import os, time
import pytest

pytestmark = pytest.mark.hw(tags="{host}")

def test_leaves_a_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            open("{place}/daemon-{host}", "w").write(str(os.getpid()))
            time.sleep(60)
        os._exit(0)
    os.wait()

def test_leaves_a_child():
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)

def test_more(): pass
"""

CLOSES = """
import os
import pytest

pytestmark = pytest.mark.hw(tags="{host}")

def test_before(): pass
def test_closes(): os.closerange({first}, 1024)
def test_after(): pass
"""


def on_both(project, suite, options=(), **words):
    """Run *suite* on this machine and on a host; return the run, and {node id: outcome}."""
    project.write(**{f"test_{host}": suite.format(host=host, **words) for host in HOSTS})
    ran = project.run(*options, hosts=",".join(HOSTS))
    attempts = project.attempts()
    found = {a.nodeid: a.outcome for a in attempts}  # the last one of each: a crash is tried once more
    assert len(found) == 3 * len(HOSTS), ran.text
    return ran, found


def test_daemons_that_tests_leave_behind(project, tmp_path):
    """They hold the worker's streams open, and nobody waits for them. One that left the group is not ours to kill."""
    ran, found = on_both(project, DAEMONS, place=tmp_path)

    assert ran.code == 0, ran.text
    assert set(found.values()) == {"passed"}
    assert ran.seconds < 20
    for host in HOSTS:
        os.kill(int((tmp_path / f"daemon-{host}").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("words", [("--capture=fd",), ("--capture=no",)])
@pytest.mark.parametrize("first", [0, 3])
def test_a_test_that_closes_every_descriptor(project, first, words):
    """Under plain pytest that is the end of the run. Here it is one result, and costs a worker, but no other test."""
    ran, found = on_both(project, CLOSES, words, first=first)

    for host in HOSTS:
        assert found[f"test_{host}.py::test_before"] == found[f"test_{host}.py::test_after"] == "passed", ran.text
        assert found[f"test_{host}.py::test_closes"] == "crashed", ran.text
    assert "2 failed, 4 passed" in ran.summary, ran.text
    assert "flaky" not in ran.summary
    assert ran.outcomes.total() == 6
    assert ran.lines("did the test close descriptors?")


@pytest.mark.slow
def test_floods(project):
    """Captured, past the capture, and in a failure's text: megabytes are passed on or cut, and nobody waits."""
    project.write(
        test_a="""
        import os, sys
        def test_prints():
            for _ in range(50):
                print("x" * 1_000_000)
        def test_goes_past_the_capture(capfd):
            with capfd.disabled():
                for _ in range(500):
                    os.write(1, b"y" * 100_000 + b"\\\\n")
        def test_says_too_much():
            raise ValueError("z" * 20_000_000)
        def test_after(): pass
        """
    )

    ran = project.run("--tb=line", hosts="host1")

    found = {a.nodeid.split("::")[1]: a.outcome for a in project.attempts()}
    assert found == {
        "test_prints": "passed",
        "test_goes_past_the_capture": "passed",
        "test_says_too_much": "failed",
        "test_after": "passed",
    }, ran.text[-3000:]
    assert ran.seconds < 40


@pytest.mark.slow
def test_a_flood_that_is_shown_live_is_complete(project):
    """``-s``: 5 MB in lines, every one of them on the screen."""
    project.write(
        test_a="""
        def test_prints():
            for number in range(50_000):
                print(f"line {number:06}", "x" * 88)
        def test_after(): pass
        """
    )

    ran = project.run("-s", hosts="host1")

    assert ran.code == 0, ran.text[-3000:]
    assert [a.outcome for a in project.attempts()] == ["passed"] * 2
    assert [line.split()[2] for line in ran.lines("line ", "xxx")] == [f"{number:06}" for number in range(50_000)]
    assert ran.seconds < 40


def test_a_prompt_without_an_end_of_line_is_shown_live(project):
    """What waits for an answer is seen, although no line has ended."""
    project.write(test_a="import time\ndef test_a():\n    print('password: ', end='', flush=True); time.sleep(3)\n")
    process = project.start("-s", hosts="local")
    seen = b""
    while b"password:" not in seen and (data := os.read(process.stdout.fileno(), 4096)):
        seen += data

    assert b"password:" in seen
    assert process.poll() is None
    assert project.finish(process).code == 0
