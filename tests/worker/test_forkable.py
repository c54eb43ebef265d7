"""When a fork is as good as a new interpreter: the rules by values, and what is seen of a real process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap

import pytest

from pytest_disttest.model import Host
from pytest_disttest.worker.forkable import ProcessState, is_forkable, mixture, objection


def test_a_process_with_one_thread_and_nothing_open_may_be_forked():
    """No objection is the empty string."""
    assert "" == objection(ProcessState())


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (ProcessState(platform="darwin"), "a fork is not safe on darwin"),
        (ProcessState(is_nested=True), "this run is part of another one in the same process"),
        (ProcessState(tracing="a trace function"), "a trace function is active (coverage, a debugger or a profiler)"),
        (ProcessState(has_cuda=True), "CUDA is initialised"),
        (ProcessState(modules=frozenset({"grpc"})), "grpc is loaded, which does not survive a fork"),
        (ProcessState(threads=2, tasks=2), "a plugin has started a thread (2 run)"),
        (ProcessState(tasks=9), "a plugin has started a thread (9 run)"),
        (ProcessState(held=("a socket (descriptor 5)",)), "a plugin holds a socket (descriptor 5) open"),
    ],
)
def test_each_danger_is_an_objection_that_names_it(state: ProcessState, reason: str):
    """One danger is enough."""
    assert reason == objection(state)


def test_only_this_machine_with_this_interpreter_and_environment_is_forkable():
    """Whatever the user wants different needs a new interpreter."""
    assert is_forkable(Host("here"))
    assert not is_forkable(Host("there", transport="ssh"))
    assert not is_forkable(Host("here", python="/opt/python"))
    assert not is_forkable(Host("here", environment=(("A", "b"),)))


def test_forks_and_new_interpreters_mix_where_they_hash_alike():
    """A fork has the controller's hash secret, which nobody can give to a new interpreter."""
    here, there = Host("here"), Host("there", transport="ssh")

    assert "" == mixture([here, here], hash_is_settled=False)
    assert "" == mixture([here, there], hash_is_settled=True)
    assert mixture([here, there], hash_is_settled=False).startswith("host there needs an interpreter of its own")


def seen(code: str, **how: object) -> str:
    """Return the objection to a fork of a new process that has run *code*."""
    ask = "\nfrom pytest_disttest.worker.forkable import objection, observe\nprint('objection:', objection(observe()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(code) + ask]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, **how)  # type: ignore[call-overload]
    return str(done.stdout.rpartition("objection: ")[2].strip())


@pytest.mark.skipif(sys.platform != "linux", reason="nothing else is forked")
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import pytest", ""),
        ("kept = open(__import__('os').devnull)", ""),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(1,), daemon=True).start()", "a thread (2"),
        ("import socket\nkept = socket.socket()", "a plugin holds a socket"),
        ("import os\nkept = os.pipe()", "a plugin holds a pipe"),
        ("import select\nkept = select.epoll()", "a plugin holds anon_inode:"),
        ("import sys\nsys.settrace(lambda *_: None)", "a trace function is active"),
        ("import sys\nsys.setprofile(lambda *_: None)", "a profile function is active"),
        ("import sys, types\nsys.modules['jax'] = types.ModuleType('jax')", "jax is loaded"),
        (
            "import sys, types\nN = types.SimpleNamespace\nsys.modules['torch'] = N(cuda=N(is_initialized=lambda: 1))",
            "CUDA is initialised",
        ),
    ],
)
def test_a_real_process_is_seen_as_it_is(code: str, reason: str):
    """Threads, descriptors that it opened, what traces it, what it has loaded."""
    found = seen(code)

    assert reason in found
    assert bool(reason) == bool(found)


@pytest.mark.skipif(sys.platform != "linux", reason="nothing else is forked")
def test_descriptors_that_came_from_outside_are_no_objection():
    """They are closed in the fork, as they are in a new interpreter."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert "" == seen("pass", pass_fds=[theirs.fileno()])
