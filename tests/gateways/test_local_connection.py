"""A connection to this machine: what the agent finds there, and how it ends."""

from __future__ import annotations

import ast
import os
import queue
import signal
import stat
import sys
import time
from pathlib import Path

import pytest
from rigs.processes import is_running, wait_until
from rigs.stand_in import stand_in_shipment

import pytest_disttest
from pytest_disttest.errors import HostUnusable, ProtocolFault
from pytest_disttest.gateways import shipping
from pytest_disttest.gateways.opening import open_connection
from pytest_disttest.gateways.shipping import Shipment
from pytest_disttest.gateways.sync import sync_tree
from pytest_disttest.model import Host
from pytest_disttest.worker import hello


@pytest.fixture
def connect():
    """Return a function that opens a connection to a local host; what it opened is closed."""
    opened = []

    def open_host(**words):
        opened.append(open_connection(Host("here", **words), sys_path=sys.path, start_timeout_s=20))
        return opened[-1]

    yield open_host
    for connection in opened:
        connection.kill()


@pytest.fixture
def agent(connect):
    """Return a function that starts a stand-in agent and returns (connection, its messages, its first words)."""

    def start(**words):
        connection, messages = connect(**words), queue.Queue()
        connection.start_agent(messages.put, shipment=stand_in_shipment())
        return connection, messages, messages.get(timeout=10)[1]

    return start


def test_the_agent_runs_from_a_private_copy_in_the_main_thread_of_its_own_session(agent):
    """Shipped code is loaded from the copy only, others cannot read it, and Ctrl-C does not reach it."""
    _, _, told = agent()

    assert told["package_file"] == f"{told['package_dir']}/__init__.py"
    assert Path(told["package_dir"]).parent.name.startswith("disttest-")
    assert stat.S_IMODE(os.stat(Path(told["package_dir"]).parent).st_mode) == 0o700
    assert (told["is_main_thread"], told["is_session_leader"]) == (True, True)


def test_the_copy_is_gone_when_the_agent_has_ended(agent):
    """A host is left as it was found."""
    connection, messages, told = agent()

    connection.close()

    assert messages.get(timeout=5) is None
    assert not Path(told["package_dir"]).parent.exists()
    assert not is_running(told["pid"])


def test_the_copy_of_an_agent_that_was_killed_is_removed_by_the_next(agent):
    """Nobody else can; copies in use stay."""
    _, killed_messages, killed = agent()
    _, _, living = agent()
    os.kill(killed["pid"], signal.SIGKILL)
    assert killed_messages.get(timeout=5) is None
    assert Path(killed["package_dir"]).exists()

    agent()

    assert not Path(killed["package_dir"]).parent.exists()
    assert Path(living["package_dir"]).exists()


def test_the_controllers_own_interpreter_runs_the_controllers_own_package(connect):
    """Nothing is copied where nothing differs."""
    connection, messages = connect(), queue.Queue()

    connection.start_agent(messages.put, shipment=Shipment("rigs.own_agent"))

    assert messages.get(timeout=10) == ("package", str(Path(pytest_disttest.__file__).parent))


def test_an_installed_copy_of_the_package_is_never_used(agent, tmp_path):
    """An older version that shadows ours on the host's import path stays unread."""
    old = tmp_path / "pytest_disttest"
    old.mkdir()
    (old / "__init__.py").write_text("raise RuntimeError('an old copy was imported')")

    _, _, told = agent(python=wrapper(tmp_path, f'PYTHONPATH={tmp_path} exec {sys.executable} "$@"'))

    assert not told["package_file"].startswith(str(tmp_path))


def test_messages_travel_both_ways_and_the_end_is_told_once(agent):
    """Every message in order; None exactly once, also after a kill on top of a close."""
    connection, messages, _ = agent()

    for number in range(100):
        connection.send(("echo", number, "ä\udcff".encode("utf-8", "surrogateescape"), None, 2.5))
    answers = [messages.get(timeout=5) for _ in range(100)]
    connection.close()
    connection.kill()
    connection.close()

    assert answers == [("echo", number, b"\xc3\xa4\xff", None, 2.5) for number in range(100)]
    assert messages.get(timeout=5) is None
    assert messages.empty()


def test_the_hosts_environment_is_set_for_the_agent(agent):
    """Values travel in the greeting: not on a command line, where others could read them."""
    connection, messages, told = agent(environment=(("DISTTEST_COLOUR", "grün"),))

    connection.send(("getenv", "DISTTEST_COLOUR"))

    assert messages.get(timeout=5) == ("getenv", "grün")
    assert b"DISTTEST_COLOUR" not in Path(f"/proc/{told['pid']}/cmdline").read_bytes()


def test_what_the_host_says_on_stderr_is_kept(agent):
    """It is often the only reason there is."""
    connection, messages, _ = agent()

    connection.send(("say", "out of paper"))
    messages.get(timeout=5)
    connection.close()

    assert connection.stderr_tail() == "out of paper"


def test_the_traceback_of_an_agent_that_fails_is_kept(agent):
    """The channel ends, and the last words say why."""
    connection, messages, _ = agent()

    connection.send(("raise", "no disk left"))

    assert messages.get(timeout=5) is None
    assert connection.stderr_tail().splitlines()[-1] == "RuntimeError: no disk left"


@pytest.mark.parametrize("how", ["exit", "kill"])
def test_sending_to_a_host_that_is_gone_says_so(agent, how):
    """The reason is ``lost``, whoever ended it."""
    connection, messages, told = agent()
    if how == "exit":
        connection.send(("exit", 3))
    else:
        os.kill(told["pid"], signal.SIGKILL)

    assert messages.get(timeout=5) is None
    with pytest.raises(HostUnusable) as caught:
        connection.send(("echo",))
    assert caught.value.reason == "lost"


def test_a_message_that_holds_more_than_builtins_is_refused(agent):
    """It is our bug, not the host's fault."""
    connection, _, _ = agent()

    with pytest.raises(ProtocolFault, match="cannot be sent"):
        connection.send(("echo", object()))


def test_a_failing_receiver_ends_the_connection(agent, connect):
    """An exception of ours in execnet's thread must not leave a connection that only looks alive."""
    connection = connect()

    def deliver(message):
        raise ZeroDivisionError("ours")

    connection.start_agent(deliver, shipment=stand_in_shipment())

    assert wait_until(lambda: not is_running(connection.hello.pid))
    assert "ZeroDivisionError: ours" in connection.stderr_tail()


def test_a_host_that_speaks_out_of_turn_is_cut_off(agent):
    """Only tuples are messages; the end is told as for any lost host."""
    connection, messages, told = agent()

    connection.send(("blurt", "no tuple"))

    assert messages.get(timeout=5) is None
    assert wait_until(lambda: not is_running(told["pid"]))
    assert "not a message: 'no tuple'" in connection.stderr_tail()


@pytest.mark.slow
def test_an_agent_that_does_not_listen_is_ended_by_force(agent):
    """Closing takes no longer than its limit."""
    connection, _, told = agent()
    os.kill(told["pid"], signal.SIGSTOP)

    started = time.monotonic()
    connection.close(timeout_s=0.5)

    assert time.monotonic() - started < 3
    assert not is_running(told["pid"])


def test_a_shipped_package_that_cannot_be_imported_is_reported(connect):
    """With the exception's own line."""
    connection = connect()

    with pytest.raises(HostUnusable, match="SyntaxError") as caught:
        connection.start_agent(print, shipment=Shipment("pytest_disttest.worker.odd", {"worker/odd.py": "def ("}))

    assert caught.value.reason == "protocol"


def test_a_missing_interpreter_is_no_python(connect):
    """With the reason of the operating system, and the way out."""
    with pytest.raises(HostUnusable, match=r"/nowhere/python.*\n.*hint:.*`python` of the host") as caught:
        connect(python="/nowhere/python")

    assert caught.value.reason == "no-python"


def test_an_old_python_is_named_with_its_version(connect, tmp_path):
    """The greeting is readable by old Pythons; here a new one pretends."""
    with pytest.raises(HostUnusable, match=r"Python 3\.8\.10, and 3\.11 or newer is needed") as caught:
        connect(python=pretending(tmp_path, "sys.version_info = (3, 8, 10, 'final', 0)"))

    assert caught.value.reason == "old-python"


def test_the_greeting_is_written_in_the_syntax_of_old_pythons():
    """Nothing in it needs more than Python 3.4's grammar, nor annotations and f-strings, which 2.7 lacks."""
    source = Path(hello.__file__).read_text(encoding="ascii")
    nodes = list(ast.walk(ast.parse(source, feature_version=(3, 4))))

    assert not [node for node in nodes if isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.AsyncFunctionDef)]
    assert not [node for node in nodes if isinstance(node, ast.arg) and node.annotation]
    assert "__future__" not in {node.module for node in nodes if isinstance(node, ast.ImportFrom)}


def test_a_python_without_pytest_is_refused(connect, tmp_path):
    """With the command that installs it there."""
    hide = "import importlib.util as u; u.find_spec = lambda name: None"
    with pytest.raises(HostUnusable, match=r"has no pytest.*\n.*-m pip install") as caught:
        connect(python=pretending(tmp_path, hide))

    assert caught.value.reason == "no-pytest"


def test_a_pytest_that_is_too_old_is_named_with_its_version(connect, tmp_path):
    """Like an old Python: what we ship would not run there."""
    age = "import importlib.metadata as m; m.version = lambda name: '7.4.4'"
    with pytest.raises(HostUnusable, match=r"has pytest 7\.4\.4 \(8\.2 or newer is needed") as caught:
        connect(python=pretending(tmp_path, age))

    assert caught.value.reason == "no-pytest"


def test_pytest_may_come_from_the_hosts_pythonpath(connect, tmp_path):
    """As set in the inventory: too late for the interpreter itself, but not for us."""
    (tmp_path / "pytest.py").touch()
    hide = "sys.path = [entry for entry in sys.path if 'site-packages' not in entry]"

    hello = connect(python=pretending(tmp_path, hide), environment=(("PYTHONPATH", str(tmp_path)),)).hello

    assert hello.pytest == "unknown"


def test_what_login_scripts_print_before_the_greeting_is_skipped(connect, tmp_path):
    """Banners do not disturb the protocol."""
    noisy = wrapper(tmp_path, f"echo Welcome; printf 'to the lab'; exec {sys.executable} \"$@\"")

    assert connect(python=noisy).hello.pytest == pytest.__version__


def test_something_that_is_no_python_is_refused(connect):
    """With what it said, or how it ended."""
    with pytest.raises(HostUnusable, match="exit status 0") as caught:
        connect(python="/bin/echo")

    assert caught.value.reason == "protocol"


@pytest.mark.slow
def test_a_start_that_hangs_is_ended_in_time(tmp_path):
    """A module load or a dead file system must not hold up the run."""
    started = time.monotonic()
    with pytest.raises(HostUnusable, match="still loading") as caught:
        slow = wrapper(tmp_path, "echo still loading >&2; sleep 60")
        open_connection(Host("here", python=slow), sys_path=(), start_timeout_s=1)

    assert caught.value.reason == "timeout"
    assert time.monotonic() - started < 5


def test_modules_in_the_working_directory_do_not_shadow_the_library(connect, tmp_path, monkeypatch):
    """A project may well have a queue.py beside its tests."""
    (tmp_path / "queue.py").write_text("raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)

    assert connect().hello.cwd == str(tmp_path)


def test_a_local_host_works_in_the_tree_itself(connect, tmp_path):
    """Nothing is copied where files are shared."""
    connection = connect()

    summary = sync_tree(connection, tmp_path, controller_id="c")

    assert (connection.directory, summary.files) == (str(tmp_path), 0)


def test_everything_that_is_shipped_is_there():
    """The table of shipped files names none that does not exist."""
    assert [name for name in shipping.SHIPPED_FILES if name not in shipping.gather()] == []


def wrapper(directory, script):
    """Return the path of an executable shell script."""
    path = directory / "python-wrapper"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def pretending(directory, statement):
    """Return an interpreter that executes *statement* before what it is given by ``-u -c``."""
    return wrapper(directory, f'exec {sys.executable} -u -c "import sys; {statement}\n$3"')
