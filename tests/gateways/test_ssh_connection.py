"""Connections through a real sshd: that they work, and what the user is told when they do not."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rigs.processes import is_running, wait_until
from rigs.sshd import make_key, user_name
from rigs.stand_in import stand_in_shipment

from pytest_disttest.errors import HostUnusable
from pytest_disttest.gateways.opening import open_connection


def connect(host, **words):
    """Return an open connection whose far interpreter is ours (the machine's own may lack pytest)."""
    return open_connection(host, sys_path=(), start_timeout_s=words.pop("start_timeout_s", 20), **words)


def refusal(host, **words):
    """Return the error that opening a connection to *host* ends in."""
    with pytest.raises(HostUnusable) as caught:
        connect(host, **words)
    return caught.value


@pytest.fixture
def usable(ssh_hosts):
    """Return a function that describes the first host, with a Python that has pytest."""
    return lambda **changes: ssh_hosts[0].host(**{"python": sys.executable, **changes})


@pytest.fixture
def changed_config(ssh_hosts, tmp_path):
    """Return a function that writes a client configuration with *lines* put in front of the usual ones."""

    def write(*lines):
        path = tmp_path / "ssh_config"
        path.write_text("".join(f"{line}\n" for line in lines) + ssh_hosts[0].ssh_config.read_text())
        return str(path)

    return write


def test_an_agent_behind_ssh_is_shipped_started_talked_to_and_ended(usable):
    """As on this machine; nothing is left there but the directory for files."""
    connection, messages = connect(usable()), queue.Queue()
    connection.start_agent(messages.put, shipment=stand_in_shipment())
    told = messages.get(timeout=10)[1]
    connection.send(("echo", "ä", 1))

    assert messages.get(timeout=5) == ("echo", "ä", 1)
    assert told["package_file"] == f"{told['package_dir']}/__init__.py"
    connection.close()
    assert messages.get(timeout=5) is None
    assert wait_until(lambda: not is_running(told["pid"]) and not Path(told["package_dir"]).parent.exists())


def test_address_port_and_key_serve_without_a_config(usable, ssh_hosts):
    """What a user writes on the command line; only the known host key comes from a file here."""
    here = ssh_hosts[0]
    files = here.ssh_config.parent
    config = here.directory / "bare_config"
    config.write_text(f"UserKnownHostsFile {files}/known_hosts\n")
    address = f"{user_name()}@{here.ip}"

    connection = connect(usable(address=address, port=here.port, ssh_key=f"{files}/client_key", ssh_config=str(config)))
    connection.close()

    assert connection.hello.python >= (3, 11)


def test_controllers_secrets_do_not_travel(usable, monkeypatch):
    """The host sees its own environment and what the inventory sets, not ours."""
    monkeypatch.setenv("DISTTEST_SECRET", "s3cret")
    connection, messages = connect(usable(environment=(("DISTTEST_COLOUR", "green"),))), queue.Queue()
    connection.start_agent(messages.put, shipment=stand_in_shipment())
    messages.get(timeout=10)

    connection.send(("getenv", "DISTTEST_SECRET"))
    connection.send(("getenv", "DISTTEST_COLOUR"))

    assert [messages.get(timeout=5) for _ in range(2)] == [("getenv", None), ("getenv", "green")]
    connection.close()


def test_an_unknown_host_key_names_the_command_that_accepts_it(usable, changed_config):
    """Nobody is asked, and nothing is accepted silently."""
    config = changed_config("UserKnownHostsFile /dev/null")

    fault = refusal(usable(ssh_config=config))

    assert fault.reason == "host-key"
    assert f"ssh -F {config} host1 true" in fault.hint


def test_a_changed_host_key_names_the_command_that_forgets_the_old_one(usable, ssh_hosts, changed_config, tmp_path):
    """It may be a new installation, or somebody in between: the user decides."""
    make_key(tmp_path / "other")
    kind, key = (tmp_path / "other.pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[{ssh_hosts[0].ip}]:{ssh_hosts[0].port} {kind} {key}\n")

    fault = refusal(usable(ssh_config=changed_config(f"UserKnownHostsFile {tmp_path}/known")))

    assert fault.reason == "host-key"
    assert "ssh-keygen -R" in fault.hint


def test_a_login_that_is_refused_is_auth(usable, changed_config, tmp_path):
    """With ssh's own line."""
    make_key(tmp_path / "stranger")

    config = Path(changed_config())
    config.write_text(config.read_text().replace("client_key", "no_such_key"))

    fault = refusal(usable(ssh_config=str(config), ssh_key=str(tmp_path / "stranger")))

    assert (fault.reason, "Permission denied" in fault.message) == ("auth", True)


def test_a_port_where_nobody_listens_is_unreachable(usable):
    """With ssh's own line and the port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        fault = refusal(usable(port=unused.getsockname()[1]))

    assert (fault.reason, "refused" in fault.message) == ("unreachable", True)


def test_a_name_that_nobody_knows_is_unreachable(usable):
    """The name service says so."""
    fault = refusal(usable(address="no-such-host.invalid"))

    assert (fault.reason, "no-such-host.invalid" in fault.message) == ("unreachable", True)


def test_a_broken_client_configuration_is_shown(usable, changed_config):
    """With file, line and word."""
    fault = refusal(usable(ssh_config=changed_config("Nonsense yes")))

    assert "nonsense" in fault.message.lower()
    assert "ssh config" in fault.hint


def test_a_client_configuration_that_is_not_there_is_shown(usable):
    """By its name."""
    assert "/no/such/config" in refusal(usable(ssh_config="/no/such/config")).message


def test_a_missing_ssh_program_is_named(usable, monkeypatch):
    """With what to install."""
    monkeypatch.setenv("PATH", "/nowhere")

    assert "openssh-client" in refusal(usable()).hint


@pytest.mark.slow
def test_a_host_that_accepts_and_then_says_nothing_is_a_timeout(usable, own_ssh_host):
    """ssh's own limit strikes first, ours would after it."""
    with own_ssh_host.frozen():
        started = time.monotonic()
        fault = refusal(own_ssh_host.host(python=sys.executable), start_timeout_s=2)

    assert fault.reason == "timeout"
    assert time.monotonic() - started < 6


@pytest.mark.slow
def test_a_login_shell_that_hangs_is_a_timeout(usable, tmp_path):
    """makegateway alone would wait for ever."""
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\necho waiting for the licence >&2\nexec cat >/dev/null\n")
    slow.chmod(0o755)

    fault = refusal(usable(python=str(slow)), start_timeout_s=2)

    assert (fault.reason, "waiting for the licence" in fault.message) == ("timeout", True)


@pytest.mark.parametrize("python", ["python9.9", "/nowhere/bin/python3", "/etc/passwd", "/tmp"])
def test_a_python_that_cannot_be_run_is_no_python(usable, python):
    """Whatever the shell calls it."""
    fault = refusal(usable(python=python))

    assert (fault.reason, python in fault.message, "`python` of the host" in fault.hint) == ("no-python", True, True)


def test_a_host_without_pytest_is_told_how_to_get_it(usable, tmp_path):
    """The machine's own Python in isolation from our environment."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)

    fault = refusal(usable(python=f"{bare}/bin/python"))

    assert (fault.reason, "-m pip install" in fault.hint) == ("no-pytest", True)


def test_a_directory_that_cannot_be_written_is_refused(usable, tmp_path):
    """Here because a file is in its place, which stops root too."""
    (tmp_path / "file").touch()

    fault = refusal(usable(directory=str(tmp_path / "file" / "below")))

    assert (fault.reason, "Not a directory" in fault.message) == ("directory", True)


def test_a_host_that_crashes_is_noticed_at_once(own_ssh_host):
    """The channel ends, and sending says that the host is lost."""
    connection, messages = connect(own_ssh_host.host(python=sys.executable)), queue.Queue()
    connection.start_agent(messages.put, shipment=stand_in_shipment())
    messages.get(timeout=10)

    own_ssh_host.crash()

    assert messages.get(timeout=5) is None
    with pytest.raises(HostUnusable) as caught:
        connection.send(("echo",))
    assert caught.value.reason == "lost"
    connection.close()


def test_a_killed_connection_leaves_no_process_on_the_host(own_ssh_host):
    """ssh is gone at once; the agent finds its channel closed and ends."""
    connection, messages = connect(own_ssh_host.host(python=sys.executable)), queue.Queue()
    connection.start_agent(messages.put, shipment=stand_in_shipment())
    messages.get(timeout=10)

    connection.kill()

    assert messages.get(timeout=5) is None
    assert wait_until(lambda: own_ssh_host.processes() == ())


@pytest.mark.slow
def test_a_controller_that_is_killed_leaves_no_process_on_the_host(own_ssh_host, tmp_path):
    """Not even a chance to say goodbye."""
    script = tmp_path / "controller.py"
    script.write_text(
        "import sys, time\n"
        "from pytest_disttest.gateways.opening import open_connection\n"
        "from pytest_disttest.model import Host\n"
        f"connection = open_connection({own_ssh_host.host(python=sys.executable)!r}, sys_path=())\n"
        "print('open', flush=True); time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    controller = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment)
    assert controller.stdout is not None and controller.stdout.readline() == b"open\n"

    controller.kill()
    controller.wait()
    controller.stdout.close()

    assert wait_until(lambda: own_ssh_host.processes() == (), timeout_s=10)


def test_the_rig_leaves_the_machines_own_ssh_alone(ssh_hosts):
    """No file of the user's is named in what the rig wrote."""
    assert str(Path.home() / ".ssh") not in ssh_hosts[0].ssh_config.read_text()
    assert shutil.which("ssh")
