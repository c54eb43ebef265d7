"""The hosts of a run: opened side by side in the background, heard through one queue."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from pytest_disttest import wire
from pytest_disttest.errors import DisttestError, HostUnusable
from pytest_disttest.gateways.connection import Connection
from pytest_disttest.gateways.opening import open_connection
from pytest_disttest.match import offered
from pytest_disttest.model import Capabilities, Host
from pytest_disttest.worker.crew import interpreter_flags
from pytest_disttest.worker.forkable import is_forkable
from pytest_disttest.worker.zygote import Zygote

if TYPE_CHECKING:
    from pytest_disttest.gateways.sync import SyncSummary

Message = tuple[Any, ...]
Prelude = Callable[["HostLink", str], Mapping[str, Any]]
"""What the worker of a link with this name can be told before it is part of a run."""
HASH_SEED = "PYTHONHASHSEED"
FIRST_WORKERS = 2
REMAINS_S = 5.0
"""How long the end of a run waits for what is left on hosts that were lost."""


@dataclass(slots=True)
class HostLink:
    """One host as the loop knows it. *state*: ``opening``, then ``ready`` and maybe ``gone``, or ``unusable``.

    A host that was lost may be ``away``, which becomes ``opening`` or ``gone``. *losses* counts how often that was so,
    *tries* the tries to open it since, *openings* all. A *late* one was not ready when the others began,
    perhaps could not even be reached.

    *workers* is how many it may have; where it *forks* them, few start, and more when there is work for them. It
    was *asked* for families of facts, some of them *unanswered* yet, and this is what its probes *found*, with the
    *leases* that others had on its devices then. *barred* says why it is quarantined, "" where it is not.
    """

    host: Host
    state: str = "opening"
    connection: Connection | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    synced: SyncSummary | None = None
    heard_at: float = 0.0
    slots_used: int = 0
    replaced: int = 0
    workers: int = 0
    forks: bool = False
    asked: frozenset[str] = frozenset()
    unanswered: tuple[str, ...] = ()
    found: Capabilities | None = None
    leases: tuple[Mapping[str, Any], ...] = ()
    barred: str = ""
    losses: int = 0
    tries: int = 0
    openings: int = 0
    late: bool = False

    @property
    def is_local(self) -> bool:
        """Whether the host is this machine, with the controller's own files."""
        return self.host.transport == "local"

    @property
    def is_away(self) -> bool:
        """Whether it could never be reached, so that another try may help."""
        return self.state == "unusable" and self.connection is None and not self.barred

    @property
    def directory(self) -> str:
        """The root of the suite's files on the host."""
        return self.connection.directory if self.connection is not None else ""

    @property
    def capabilities(self) -> Capabilities:
        """What the host has, as far as it was asked."""
        if not (self.asked or self.host.declared or self.host.simulated):
            return offered(self.facts, self.host)
        from pytest_disttest.match.described import described  # it and the vocabulary take 10 ms

        return described(self.host, self.facts, self.found, self.asked)

    @property
    def first_workers(self) -> int:
        """How many workers start before anybody knows what there is to do."""
        return min(self.workers, FIRST_WORKERS) if self.forks else self.workers

    def count(self, restarts: int) -> int:
        """Return how many workers it has had, not counting those that took another's place."""
        return self.slots_used - self.replaced - restarts

    def next_slot(self) -> str:
        """Return a name for a worker process that the agent has not heard yet."""
        self.slots_used += 1
        return f"w{self.slots_used}"

    def next_worker(self, hash_seed: str = "") -> Message:
        """Return the order to start the worker process of the next slot; it warms up until it is instructed.

        All workers share one hash seed, so that tests parametrised over a set collect alike; "" leaves it as it is.
        """
        flags = interpreter_flags() if self.is_local and not self.host.python else []
        environment = dict(self.host.environment) | ({HASH_SEED: hash_seed} if hash_seed else {})
        return "spawn", self.next_slot(), flags, environment

    def send(self, *message: Any) -> None:
        """Send to the agent; raises HostUnusable when it cannot be reached."""
        if self.connection is None:
            raise HostUnusable(self.host.name, "lost", "is not connected")
        self.connection.send(message)


class Fleet:
    """Opens every host in a thread of its own; what they say arrives in ``inbox`` as (host name, message, opening).

    The last tells which of its ``openings`` a message is of: one that is opened again has nothing to do with what
    an earlier connection still says.

    Beside the agents' messages the inbox gets ``("opened", connection, summary)``, ``("unusable", error)``
    and ``("lost",)``.

    With a *zygote*, hosts that can be forks of it are. *hash_seed* is for the workers that are asked for early. Where
    there is one such host and nothing else, the first workers also hear the *prelude*: their names are certain.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        *,
        root: Path,
        sys_path: Sequence[str],
        ignore: Sequence[str],
        zygote: Zygote | None = None,
        hash_seed: str = "",
        prelude: Prelude | None = None,
    ) -> None:
        self.links = {host.name: HostLink(host) for host in hosts}
        self.inbox: SimpleQueue[tuple[str, Message, int]] = SimpleQueue()
        self._root = root
        self._sys_path = list(sys_path)
        self._ignore = list(ignore)
        self._zygote = zygote
        self._hash_seed = hash_seed
        self._prelude = prelude
        self._threads: list[threading.Thread] = []
        self._undertakers: list[threading.Thread] = []
        self._closed = threading.Event()

    def open(self) -> None:
        """Start opening all hosts; returns at once."""
        for link in self.links.values():
            if link.barred:
                link.state = "unusable"
            else:
                self._start_opening(link)

    def reopen(self, link: HostLink) -> None:
        """Start opening a host once more that could not be reached, or was lost."""
        link.state = "opening"
        self._start_opening(link)

    def _start_opening(self, link: HostLink) -> None:
        link.openings += 1
        thread = threading.Thread(
            target=self._open_one, args=(link, link.openings), name=f"disttest-open-{link.host.name}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def abandon(self, link: HostLink) -> None:
        """Part from a host that is lost, and let what may be left of its agent be ended in the background."""
        if link.connection is not None:
            link.connection.kill()
            name = f"disttest-end-{link.host.name}"
            thread = threading.Thread(target=_end_remains, args=(link.connection,), name=name, daemon=True)
            self._undertakers.append(thread)
            thread.start()

    def close(self, *, at_once: bool = False) -> None:
        """Say goodbye to every agent, side by side; *at_once* does not wait for anything."""
        self._closed.set()
        closers = [threading.Thread(target=self._close_one, args=(link, at_once)) for link in self.links.values()]
        for thread in closers:
            thread.start()
        for thread in closers:
            thread.join(10.0)
        latest = time.monotonic() + (0.0 if at_once else REMAINS_S)
        for thread in self._undertakers:
            thread.join(max(0.0, latest - time.monotonic()))
        if self._zygote is not None:
            self._zygote.close()

    def _open_one(self, link: HostLink, opening: int) -> None:
        name = link.host.name
        zygote = self._zygote if link.tries < 2 else None  # it may be what was lost
        try:
            connection = open_connection(link.host, sys_path=self._sys_path, zygote=zygote)
            link.connection = connection
            summary = None if link.is_local else self._sync(connection)
            if link.is_local:
                connection.directory = str(self._root)
            if self._closed.is_set():
                connection.kill()
                return
            # workers whose number is known warm up before anybody here has time to ask for them
            link.workers, link.forks = link.host.workers, zygote is not None and is_forkable(link.host)
            first = 0 if link.losses or link.late else link.first_workers
            orders = [order for number in range(first) for order in self._beginning(link, number)]
            self.inbox.put((name, ("opened", connection, summary), opening))
            connection.start_agent(self._deliverer(name, opening), orders=orders)
        except DisttestError as error:
            self.inbox.put((name, ("unusable", error), opening))
        except Exception as error:
            fault = HostUnusable(name, "internal", f"{type(error).__name__}: {error}", hint=traceback.format_exc())
            self.inbox.put((name, ("unusable", fault), opening))

    def _beginning(self, link: HostLink, number: int) -> Iterator[Message]:
        """Yield the order to start one of the first workers, and what it can be told already."""
        start = link.next_worker(self._hash_seed)
        yield start
        if link.forks and self._prelude is not None and len(self.links) == 1:
            yield "tell", start[1], wire.pack(["prepare", wire.plain(self._prelude(link, f"gw{number}"))])

    def _deliverer(self, name: str, opening: int) -> Callable[[Message | None], None]:
        def deliver(message: Message | None) -> None:
            self.inbox.put((name, message if message is not None else ("lost",), opening))

        return deliver

    def _sync(self, connection: Connection) -> SyncSummary:
        from pytest_disttest.gateways.sync import sync_tree

        cache = [f".pytest_cache/v/cache/{name}" for name in ("lastfailed", "nodeids", "stepwise")]
        include = [name for name in cache if (self._root / name).is_file()]
        return sync_tree(
            connection, self._root, ignore=self._ignore, include=include, controller_id=f"{os.uname().nodename}"
        )

    def _close_one(self, link: HostLink, at_once: bool) -> None:
        if link.connection is None:
            return
        if at_once:
            link.connection.kill()
        elif not link.connection.close():
            _end_remains(link.connection, limit_s=REMAINS_S)


def _end_remains(connection: Connection, *, limit_s: float = 20.0) -> None:
    """End what is left of an agent on another machine; one on this machine has been killed."""
    if not connection.shares_files:
        from pytest_disttest.gateways.remains import end_remains

        end_remains(connection.host, connection.hello.pid, connection.hello.started, limit_s=limit_s)
