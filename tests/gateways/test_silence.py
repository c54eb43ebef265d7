"""Hosts that fall silent: the network tells nobody, so ssh's own keepalive must."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from rigs.processes import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.netns, pytest.mark.hw(exclusive="host")]

CONTROLLER = """
import contextlib, json, queue, sys, time
from pytest_disttest.errors import HostUnusable
from pytest_disttest.gateways.opening import open_connection
from pytest_disttest.model import Host
from rigs.stand_in import stand_in_shipment

connection = open_connection(Host(**json.loads(sys.argv[1])), sys_path=(), start_timeout_s=20)
messages = queue.Queue()
connection.start_agent(messages.put, shipment=stand_in_shipment())
messages.get(timeout=10)
print("started", flush=True)
sys.stdin.readline()
begun = time.monotonic()
with contextlib.suppress(HostUnusable):  # it may be known already
    connection.send(("echo", "are you there"))
end = messages.get(timeout=60)
waited_s = time.monotonic() - begun
try:
    connection.send(("echo",))
except HostUnusable as fault:
    print(json.dumps([end, waited_s, fault.reason, str(fault)]), flush=True)
else:
    print(json.dumps([end, waited_s, "", ""]), flush=True)
    connection.close()
"""


@pytest.fixture
def controller(silent_hosts):
    """Return a process in the hosts' network that talks to the first host, its agent running."""
    host = silent_hosts.hosts[0]
    words = {"name": host.name, "transport": "ssh", "address": host.name, "ssh_config": str(host.ssh_config)}
    words |= {"python": sys.executable, "directory": str(host.directory / "files")}
    with subprocess.Popen(
        silent_hosts.inside([sys.executable, "-c", CONTROLLER, json.dumps(words)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    ) as process:
        try:
            assert process.stdout.readline() == "started\n"
            yield process
        finally:
            process.kill()


def test_a_cut_link_is_noticed_within_seconds(silent_hosts, controller):
    """TCP alone would wait a quarter of an hour."""
    silent_hosts.link_down(silent_hosts.hosts[0])

    output, _ = controller.communicate("go\n", timeout=60)
    end, waited_s, reason, text = json.loads(output)

    assert (end, reason) == (None, "lost")
    assert 5 < waited_s < 30
    assert "not responding" in text


def test_a_link_that_comes_back_in_time_costs_nothing(silent_hosts, controller):
    """A short outage is none."""
    silent_hosts.link_down(silent_hosts.hosts[0])
    controller.stdin.write("go\n")
    controller.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        controller.wait(3)
    silent_hosts.link_up(silent_hosts.hosts[0])

    output, _ = controller.communicate(timeout=30)

    assert json.loads(output)[0] == ["echo", "are you there"]


def test_a_host_that_loses_power_is_noticed(silent_hosts, controller):
    """All its processes end; the kernel here still says goodbye for it."""
    silent_hosts.crash(silent_hosts.hosts[0])

    output, _ = controller.communicate("go\n", timeout=60)

    assert json.loads(output)[2] == "lost"
    assert wait_until(lambda: not silent_hosts.hosts[0].processes())
