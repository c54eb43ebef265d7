"""The far side of a forked agent: an execnet gateway over two inherited pipes, in this process as it is."""

from __future__ import annotations

import os
import socket
from typing import Any, cast

from execnet.gateway_base import IO, Popen2IO, WorkerGateway, get_execmodel

from pytest_disttest.worker import bootstrap
from pytest_disttest.worker.crew import Forking
from pytest_disttest.worker.nursery import Nursery


class ForkedGateway(WorkerGateway):
    """execnet's gateway, which also knows how this agent starts workers."""

    def __init__(self, io: Popen2IO, starter: Forking) -> None:
        super().__init__(io=cast(IO, io), id="forked-agent", _startcount=2)
        self._starter = starter

    def become_agent(self, channel: Any) -> None:
        """Run the agent in the thread of this task, which is the main one."""
        bootstrap.main(channel, starter=self._starter)


def serve(orders: int, answers: int, line: int) -> None:
    """Serve the controller over the pipes *orders* and *answers*; workers are forked over *line*."""
    sink, source = os.fdopen(answers, "wb"), os.fdopen(orders, "rb")
    nursery = Nursery(socket.socket(fileno=line))
    ForkedGateway(Popen2IO(sink, source, get_execmodel("thread")), Forking(nursery)).serve()
