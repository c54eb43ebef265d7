"""The test loop of a worker: items as they are handed out, each with its true ``nextitem``."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import CallInfo

from pytest_disttest import wire
from pytest_disttest.worker import recorder
from pytest_disttest.worker.ahead import Ahead, Held
from pytest_disttest.worker.forkable import runtimes
from pytest_disttest.worker.link import Link
from pytest_disttest.worker.roll import Roll

if TYPE_CHECKING:
    from pytest_disttest.worker.granting import Borrower

LOOK_AFTER_S = 0.005
"""How long a worker runs tests before it looks again whether it was told something."""
NEXTITEM_HOOKS = ("pytest_runtest_protocol", "pytest_runtest_teardown")


class Runner:
    """Runs items in the order they are handed out, with the true ``nextitem``."""

    def __init__(self, session: pytest.Session, roll: Roll, link: Link, record: recorder.Recorder) -> None:
        self._session = session
        self._roll = roll
        self._link = link
        self._recorder = record
        self._queue: deque[int] = deque()
        self._asked = False
        self._ask_at = 0
        self._on_hold = False
        self._finished = False
        self._last: pytest.Item | None = None
        self._last_index = -1
        self._looked_at = 0.0
        self._grants: dict[int, Any] = {}
        self._refused: set[int] = set()
        self._borrower: Borrower | None = None
        self._run_next: Callable[[int], None] = self._run_one
        self._at_start = runtimes()
        # plugins that look at nextitem themselves may ask "is it None?", which no stand-in can answer
        self._eager = _foreign_nextitem_hooks(session.config)

    def run(self) -> None:
        """Ask for work and do it until there is none, or until the session is told to stop."""
        self._ask()
        while self._next_known(block=True):
            self._run_next(self._queue.popleft())
            if self._session.shouldfail or self._session.shouldstop:
                self._say_stopped()
                break
            self._take_orders()
        self._settle(None)

    def _run_one(self, index: int) -> None:
        item = self._roll.item(index)
        if item is None:
            return
        self._settle(item)
        self._recorder.start(index, item)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=self._nextitem(item))
        self._recorder.end()
        self._last, self._last_index = item, index
        if self._recorder.has_failed:
            self._look_for_damage(index)

    def _run_one_lent(self, index: int) -> None:
        """The same where tests have grants; in a function of its own, so that nobody else pays for the question."""
        item = self._roll.item(index) if index in self._grants else None
        if item is None:
            self._run_one(index)
            return
        self._settle(item)
        if not self._borrow(index, item):
            return
        self._recorder.start(index, item)
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=self._nextitem(item))
        finally:  # before the controller hears of the end, and lends the same to another worker
            self._lender.give_back()
        self._recorder.end()
        self._last, self._last_index = item, index
        self._look_for_damage(index)

    @property
    def _lender(self) -> Borrower:
        """What tests borrow from; most runs grant nothing, and do not even import it."""
        if self._borrower is None:
            from pytest_disttest.worker.granting import Borrower

            self._borrower = Borrower(self._link, self._at_start)
        return self._borrower

    def _borrow(self, index: int, item: pytest.Item) -> bool:
        """Let *item* have what it was granted; tell the controller where that cannot be, and return false then."""
        refusal = self._lender.borrow(self._grants.pop(index), item)
        if refusal is None:
            return True
        self._link.send_now(refusal.kind, index, refusal.words)
        if refusal.kind == "bound":
            self._leave()
        else:
            self._refused.add(index)
        return False

    def _look_for_damage(self, index: int) -> None:
        """End here if no later test could use its device in this process any more, for what the last one did."""
        from pytest_disttest.worker import cuda

        why = cuda.spoilt()
        if why and (self._queue or self._refused or not self._finished):
            self._link.send_now("spoilt", index, why)
            self._leave()

    def _leave(self) -> None:
        """Run nothing more: a fresh process is to take this one's place."""
        self._queue.clear()
        self._refused.clear()  # the controller gives it to others with the rest, and will not answer
        self._finished = True

    def _nextitem(self, item: pytest.Item) -> Any:
        if len(self._queue) <= self._ask_at:
            self._ask()
        if self._queue:
            return self._following(item)
        return self._resolve(item) if self._eager else Ahead(lambda: self._resolve(item))

    def _following(self, item: pytest.Item) -> Any:
        """The next of the queue, which is opened now only for those who may do more than ask what it shares."""
        following = self._roll.item(self._queue[0]) if self._eager else self._roll.ahead(self._queue[0])
        return Held(item) if following is None else following

    def _resolve(self, item: pytest.Item) -> Any:
        if self._next_known(block=True, may_hold=True):
            return self._following(item)
        return None if self._finished and not self._refused else Held(item)

    def _ask(self) -> None:
        if not self._asked and not self._finished:
            self._asked = True
            self._link.send_now("need")

    def _next_known(self, *, block: bool, may_hold: bool = False) -> bool:
        """Whether an item waits in the queue; *may_hold* returns when the controller cannot say yet."""
        if block and not self._queue and not may_hold:
            self._ask()
            self._link.outbox.push()
        while not self._queue and (self._refused or not self._finished):
            if may_hold and (self._on_hold or self._refused):
                return False
            self._obey(self._link.receive())
        return bool(self._queue)

    def _take_orders(self) -> None:
        """Look between two tests whether the controller has called the run off; a look costs as much as a tiny test."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_AFTER_S:
            return
        self._looked_at = now
        while (command := self._link.poll()) is not None:
            self._obey(command)

    def _obey(self, command: list[Any]) -> None:
        if command[0] == "run":
            self._asked = self._on_hold = False
            self._queue.extend(command[1])
            # ask again while the last quarter runs: the answer is there before the queue is empty
            self._ask_at = max(len(command[1]) // 4, 1 if self._eager else 0)
        elif command[0] == "again":
            # no answer to what was asked: whoever was told to hold is not told twice
            self._refused.difference_update(command[1])
            self._queue.extend(command[1])
        elif command[0] == "elsewhere":
            self._refused.difference_update(command[1])
        elif command[0] == "learn":
            self._roll.learn(command[1], command[2])
        elif command[0] == "grant":
            self._grants[command[1]] = command[2]
            self._run_next = self._run_one_lent
        elif command[0] == "terms":
            self._lender.agree(command[1])
        elif command[0] == "hold":
            self._on_hold = True
        elif command[0] == "cancel":
            self._queue.clear()
            self._refused.clear()
            self._finished = True
        elif command[0] == "finish":
            self._finished = True

    def _settle(self, item: pytest.Item | None) -> None:
        """Tear down what earlier items left standing and *item* does not need (None: everything)."""
        state = self._session._setupstate
        if not state.stack or self._last is None:
            return
        chain = item.listchain() if item is not None else []
        if item is not None and list(state.stack) == chain[: len(state.stack)]:
            return
        last = self._last
        call = CallInfo.from_call(
            lambda: state.teardown_exact(item), when="teardown", reraise=(pytest.exit.Exception, KeyboardInterrupt)
        )
        if call.excinfo is not None:
            report = last.ihook.pytest_runtest_makereport(item=last, call=call)
            self._recorder.late(self._last_index, report)

    def _say_stopped(self) -> None:
        kind = "fail" if self._session.shouldfail else "stop"
        reason = self._session.shouldfail or self._session.shouldstop
        self._link.send_now("stopped", kind, wire.plain(str(reason)))


def _foreign_nextitem_hooks(config: pytest.Config) -> bool:
    """Whether a plugin outside pytest takes part in a hook that is handed the next item."""
    for name in NEXTITEM_HOOKS:
        for implementation in getattr(config.pluginmanager.hook, name).get_hookimpls():
            module = getattr(implementation.function, "__module__", "")
            foreign = not module.startswith(("_pytest.", "pytest_disttest.", "pytest_timeout"))
            if foreign and "nextitem" in implementation.argnames:
                return True
    return False
