"""An agent that hangs is ended through a second connection, with its workers, and nobody else is."""

from __future__ import annotations

import os
import queue
import signal
import sys
import time

import pytest
from rigs.processes import is_running, wait_until
from rigs.stand_in import stand_in_shipment

from pytest_disttest.gateways.opening import open_connection
from pytest_disttest.gateways.remains import end_remains


@pytest.fixture
def stopped(own_ssh_host):
    """Return the connection to an agent on the test's own host that has stopped, and the host."""
    connection, messages = open_connection(own_ssh_host.host(python=sys.executable), sys_path=()), queue.Queue()
    connection.start_agent(messages.put, shipment=stand_in_shipment())
    agent = messages.get(timeout=10)[1]["pid"]
    assert agent == connection.hello.pid
    os.kill(agent, signal.SIGSTOP)
    yield connection, own_ssh_host
    connection.kill()
    if is_running(agent):
        os.kill(agent, signal.SIGKILL)


def test_an_agent_that_is_stopped_is_ended(stopped):
    """Its channel's end does not reach it; a process of the host's own does."""
    connection, host = stopped
    pid, started = connection.hello.pid, connection.hello.started
    connection.kill()
    time.sleep(0.2)
    assert is_running(pid)

    assert 1 == end_remains(connection.host, pid, started, limit_s=20)

    assert not is_running(pid)
    assert wait_until(lambda: host.processes() == ())


def test_a_process_that_has_the_number_by_now_is_left_alone(stopped):
    """It began at another time."""
    connection, _ = stopped
    pid, started = connection.hello.pid, connection.hello.started

    assert 0 == end_remains(connection.host, pid, str(int(started) + 1), limit_s=20)
    assert 0 == end_remains(connection.host, pid, "", limit_s=20)
    assert is_running(pid)


def test_a_host_that_does_not_answer_costs_no_more_than_the_limit(stopped):
    """Then its agent is cut off too, and sees that by itself."""
    connection, host = stopped
    began = time.monotonic()
    with host.frozen():
        assert 0 == end_remains(connection.host, connection.hello.pid, connection.hello.started, limit_s=0.5)

    assert time.monotonic() - began < 4
