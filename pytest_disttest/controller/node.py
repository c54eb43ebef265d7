"""A worker as the controller, and every plugin that knows pytest-xdist, sees it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.errors import UsageFault


@dataclass(frozen=True, slots=True)
class Spec:
    """What plugins read of an execnet spec."""

    id: str
    popen: bool
    ssh: str | None
    chdir: str | None
    python: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return "popen" if self.popen else f"ssh={self.ssh}"

    @property
    def _spec(self) -> str:
        return str(self)


class Gateway:
    """What plugins read of an execnet gateway: its id, its spec, and ``_rinfo()``."""

    def __init__(self, spec: Spec) -> None:
        self.id = spec.id
        self.spec = spec
        self.remote: dict[str, Any] = {}

    def _rinfo(self, update: bool = False) -> SimpleNamespace:
        return SimpleNamespace(
            platform=self.remote.get("sysplatform", ""),
            version_info=tuple(self.remote.get("version_info", ())),
            executable=self.remote.get("executable", ""),
            cwd=self.remote.get("cwd", ""),
        )

    def __repr__(self) -> str:
        return f"<Gateway {self.id} {self.spec}>"


class WorkerNode:
    """One worker session; reports carry it as ``report.node``.

    *slot* is the name by which the agent of *host* knows the process. *cases* maps the worker's own
    item numbers to the run's case indexes, once its collection is known; -1 for an item that is no case of the run.
    One that *is_given_up* has nothing to say of cases any more.
    *shares* tells that it collected some files only, *waits* that it has not collected and may become
    a fork. As with xdist, *workerinfo* and
    *workeroutput* are not there before the worker has told them: plugins ask with ``hasattr``.
    """

    workerinfo: dict[str, Any]
    workeroutput: dict[str, Any]

    def __init__(self, config: pytest.Config, spec: Spec, *, host: str, slot: str, roots: Sequence[str]) -> None:
        self.config = config
        self.gateway = Gateway(spec)
        self.nodemanager = SimpleNamespace(roots=list(roots), testrunuid="", specs=[spec])
        self.workerinput: dict[str, Any] = {}
        self.host = host
        self.slot = slot
        self.cases: list[int] | None = None
        self.items: dict[int, int] = {}
        self.digest = ""
        # a character may arrive in two pieces
        self.decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in ("out", "err")}
        self.asked_for_table = self.sends_table = False
        self.pid = 0
        self.is_down = False
        self.is_given_up = False
        self.has_collected = False
        self.shares = False
        self.waits = False

    @property
    def id(self) -> str:
        """The worker's id: ``gw0``, ``gw1``, ..."""
        return self.gateway.id

    def case(self, item: int) -> int:
        """Return the run's index of the worker's own *item* number."""
        assert self.cases is not None, f"{self.id} speaks of cases before it was told to go"
        return self.cases[item]

    def learn(self, facts: dict[str, Any]) -> None:
        """Take what the worker says of its interpreter and its process."""
        self.pid = facts.pop("pid")
        self.workerinfo = {**facts, "id": self.id, "spec": self.gateway.spec}
        self.gateway.remote = facts

    def __repr__(self) -> str:
        return f"<WorkerNode {self.id}>"


def checked_input(node: WorkerNode) -> Any:
    """Return the node's input for the wire; raises UsageFault naming the key that cannot travel."""
    for key, value in node.workerinput.items():
        if not wire.carries(value):
            raise UsageFault(
                f"{value!r} cannot be sent to a worker",
                place=f"workerinput[{key!r}]",
                hint="a pytest_configure_node hook put it there; only builtin values travel",
            )
    return wire.plain(node.workerinput)
