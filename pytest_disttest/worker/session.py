"""A worker's pytest session: collects, runs what it is handed, and tells what happened.

The worker plays the role that plugins know from pytest-xdist: ``config.workerinput`` is set before
``pytest_configure``, ``config.workeroutput`` goes back at the end, and the environment names the worker.
"""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.worker import census, neighbours, recorder
from pytest_disttest.worker.breeding import Breeding, Patience, take_descriptors, take_name
from pytest_disttest.worker.claims import Claims
from pytest_disttest.worker.junit import relay_junit
from pytest_disttest.worker.link import Link
from pytest_disttest.worker.outbox import end_without_memory
from pytest_disttest.worker.roll import LATE, Roll, all_items, second_hand, whole
from pytest_disttest.worker.runner import Runner
from pytest_disttest.worker.shard import Shard, why_whole
from pytest_disttest.worker.shortening import cut

LATE_WAYS = ("late", "late-sharded")


class WorkerSession:
    """The plugin that drives one worker.

    *collects* says how: ``full``, ``auto`` (a share of the files where nothing needs the whole list; modules of the
    others are imported, no more), ``sharded`` (a share in any case, the others are not touched), ``late`` and
    ``late-sharded`` (as these two, but no share before a file is needed). *claims* is the host's counter of files.
    """

    def __init__(
        self,
        link: Link,
        config: pytest.Config,
        *,
        sends_table: bool,
        collects: str,
        claims: Claims,
        breeding: Breeding,
    ) -> None:
        self._link = link
        self._config = config
        self._sends_table = sends_table
        self._collects = collects
        self._claims = claims
        self._breeding = breeding
        self._patience: Patience | None = None
        self._shard: Shard | None = None
        self._items: list[pytest.Item] = []
        self._digest = ""
        self._recorder = recorder.Recorder(link, config)
        self._deselected: list[pytest.Item] = []
        self._session: pytest.Session | None = None
        self._began_at = self._collected_at = 0.0

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._session = session
        relay_junit(self._config, tell_suite=partial(self._link.send, "suite-property"), tell_case=self._recorder.junit)
        self._link.outbox.name_capture_files(*_capture_files(self._config))
        self._link.send_now("ready", _who_am_i())
        if self._config.option.hw_timeout or self._config.getini("hw_timeout"):
            from pytest_disttest.worker import stacks

            stacks.listen()
        if self._may_be_replaced():
            self._patience = Patience(self._link)
            self._config.pluginmanager.register(self._patience, "disttest-patience")

    def _may_be_replaced(self) -> bool:
        """Where all have to collect everything, the first one does, and the others may become forks of it."""
        is_one_of_the_others = self._collects == "auto" and not self._sends_table
        return is_one_of_the_others and self._breeding.is_possible and bool(why_whole(self._config))

    @property
    def _has_begun(self) -> bool:
        """Whether the session got as far as collection."""
        return self._began_at > 0

    @property
    def _has_retired(self) -> bool:
        return self._patience is not None and self._patience.has_retired

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        if not self._config.stash.get(LATE, False):
            self._deselected.extend(items)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed and not self._config.stash.get(LATE, False):
            place = self._shard.at if self._shard is not None else 0
            data = recorder.collect_report(self._config, report)
            self._link.send("collect", data, recorder.is_words(report), place)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        if self._may_share():
            claims = None if self._collects in LATE_WAYS else self._claims
            imports = self._collects in ("auto", "late")
            self._shard = Shard(session, claims, partial(self._link.send_now, "files"), imports=imports)
            self._config.pluginmanager.register(self._shard, "disttest-shard")
        self._began_at = time.monotonic()
        with self._telling_of_the_end():
            with unhurried_gc():
                result = yield
            self._tell_of_collection()  # not earlier: pytest says "finish" of a collection that ends in an error, too
        return result

    def _may_share(self) -> bool:
        if self._collects == "full":
            return False
        return self._collects in ("sharded", *LATE_WAYS) or not why_whole(self._config)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """A conftest file that the walk has met may want the whole list: then it gets it."""
        shard = self._shard
        if shard is not None and not config.stash.get(LATE, False):
            if self._collects == "auto" and why_whole(config):
                items[:] = whole(shard, items)
                self._close_share()
            elif self._collects not in LATE_WAYS and shard.files and not (shard.owned or self._breeding.is_possible):
                # others were faster. To wait for them is no use: what they give away has to be collected here, too
                items.extend(second_hand(session, shard, self._number % len(shard.files)))
        return (yield)

    @property
    def _number(self) -> int:
        worker = str(self._config.workerinput["workerid"])  # type: ignore[attr-defined]
        return int(worker.removeprefix("gw"))

    def _close_share(self) -> None:
        """From here on, a worker that has collected everything."""
        self._config.pluginmanager.unregister(self._shard)
        self._shard = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._items = list(session.items)
        self._collected_at = time.monotonic()
        if self._shard is not None:
            session.items = all_items(session, self._shard, self._items)

    def _tell_of_collection(self) -> None:
        if self._shard is None:
            self._tell_of_all()
        else:
            self._tell_of_share(self._shard)
        self._link.outbox.push()

    def _tell_of_all(self, *, is_fork: bool = False) -> None:
        """Tell how many there are. A fork keeps its parent's digest: a look at each item copies its memory."""
        assert self._session is not None
        objection = self._breeding.objection(self._session, self._link)
        if not is_fork:
            self._digest = census.digest(self._items)
        self._link.send("collected", len(self._items), self._digest, len(self._deselected), objection)
        if self._sends_table:
            self._send_table()

    def _tell_of_share(self, shard: Shard) -> None:
        assert self._session is not None
        objection = self._breeding.objection(self._session, self._link)
        owned = sorted(shard.owned)
        holds_all = len(owned) == len(shard.files) and not objection
        self._digest = census.digest(self._items) if holds_all else ""
        facts = {
            "files": len(shard.files),
            "digest": shard.digest(),
            "owned": owned,
            "whole": self._digest,
            "objection": objection,
            "seconds": self._collected_at - self._began_at,
        }
        table, deselected, lines = self._tables()
        places = [shard.place_of(item) for item in self._items]
        self._link.send("share", facts, places, table, [shard.place_of(i) for i in self._deselected], deselected, lines)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        with self._telling_of_the_end():
            if self._has_retired or not self._await_start():
                return True
            refuse = partial(self._link.send_now, "refused")
            roll = Roll(session, self._items, self._shard, refuse)
            try:
                Runner(session, roll, self._link, self._recorder).run()
            except MemoryError:
                end_without_memory()
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._recorder.report(report)

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        """A phase of a test has failed: what the report does not say of it goes with it."""
        if isinstance(report, pytest.TestReport) and self._recorder.index >= 0:
            self._tell_of_fault(node, call, report)

    def _tell_of_fault(self, item: pytest.Item, call: Any, report: pytest.TestReport) -> None:
        from pytest_disttest.worker import rerunning

        told = rerunning.fault(item, call.excinfo, str(report.when))
        self._link.send("fault", self._recorder.index, told)
        if told["reruns"]:
            rerunning.forgive(item.session)
            self._recorder.afterwards = partial(rerunning.make_fresh, item)

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        self._link.send("warning", recorder.warning(warning_message), when, nodeid, wire.plain(location))

    def pytest_internalerror(self, excrepr: object) -> None:
        self._link.send_now("internal", cut(wire.plain(str(excrepr))), self._has_begun)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> Generator[None, object, object]:
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output["exitstatus"] = int(exitstatus)
        output["shouldfail"] = session.shouldfail
        output["shouldstop"] = session.shouldstop
        try:
            return (yield)
        finally:
            neighbours.settle_output(self._config)
            self._link.outbox.take_leave()  # first: the agent may be sent home as soon as the rest is heard
            if not self._has_retired:
                self._link.send_now("finished", wire.plain(output))

    @contextlib.contextmanager
    def _telling_of_the_end(self) -> Iterator[None]:
        """What ends plain pytest ends the whole run, so the controller must hear of it."""
        try:
            yield
        except pytest.UsageError as error:
            self._link.send_now("usage", [wire.plain(str(argument)) for argument in error.args], self._has_begun)
            raise
        except pytest.exit.Exception as error:
            self._recorder.spill()
            self._link.send_now("exit", cut(wire.plain(str(error.msg))), error.returncode)
            raise
        except KeyboardInterrupt as error:
            self._recorder.spill()
            self._link.send_now("interrupted", cut(repr(error)))
            raise

    def _await_start(self) -> bool:
        """The controller may first want more; it says ``go`` once it knows this worker's cases.

        Returns False when a fork of another worker takes this one's place.
        """
        while (command := self._link.receive())[0] != "go":
            if command[0] == "table":
                self._send_table()
            elif command[0] == "adopt":
                self._adopt(command[1])
            elif command[0] == "whole":
                self._collect_rest()
            elif command[0] == "breed":
                self._breed()
            elif command[0] == "retire":
                self._patience = self._patience or Patience(self._link)
                self._patience.has_retired = True
                return False
            self._link.outbox.push()
        assert self._session is not None
        self._session.testscollected = max(command[1], self._session.testscollected)  # not its own share only
        return True

    def _breed(self) -> None:
        """Become the parent of all workers of this host. One of them goes on here, as this worker or as a new one."""
        assert self._session is not None
        if self._shard is not None:  # it holds every file: its share was the whole
            self._session.items = self._items
            self._close_share()
        born = self._breeding.breed(self._link)
        if born is None:
            self._link.send_now("ready", _who_am_i())
            return
        self._sends_table = False  # its parent has told the very same
        take_descriptors(born, self._link, self._config)
        self._link.outbox.name_capture_files(*_capture_files(self._config))
        take_name(wire.restore(self._link.receive()[1]), self._config)
        self._link.send("ready", _who_am_i())
        self._tell_of_all(is_fork=True)

    def _adopt(self, places: list[int]) -> None:
        """Collect files whose owner died before it could tell of them."""
        assert self._session is not None
        assert self._shard is not None
        for place in places:
            items = self._shard.open(place)
            self._config.hook.pytest_collection_modifyitems(session=self._session, config=self._config, items=items)
            self._items.extend(items)
        self._tell_of_share(self._shard)

    def _collect_rest(self) -> None:
        """The workers of this host do not see the same files: each has to collect for itself."""
        assert self._session is not None
        if self._shard is not None:
            self._items = list(self._session.items)
            self._session.items = self._items
            self._close_share()
        self._tell_of_all()

    def _send_table(self) -> None:
        self._link.send("table", *self._tables())

    def _tables(self) -> tuple[Any, Any, Any]:
        assert self._session is not None
        lines = self._config.hook.pytest_report_collectionfinish(
            config=self._config, start_path=self._config.rootpath, items=self._items
        )
        return census.census(self._items), census.census(self._deselected), wire.plain([_lines(line) for line in lines])


@contextlib.contextmanager
def unhurried_gc() -> Iterator[None]:
    """Let no garbage collection run while items are made: all of them stay, and each pass would look at all of them.

    Measured: a fifth of the time of collecting 10,000 test functions.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _capture_files(config: pytest.Config) -> tuple[int, int]:
    """Return the descriptors of the files that hold captured output and error, -1 where there is none."""
    manager = config.pluginmanager.getplugin("capturemanager")
    capture = getattr(manager, "_global_capturing", None)
    return _descriptor(getattr(capture, "out", None)), _descriptor(getattr(capture, "err", None))


def _descriptor(stream: Any) -> int:
    try:
        return int(stream.tmpfile.fileno())
    except (AttributeError, OSError, ValueError):
        return -1


def _lines(answer: object) -> list[str]:
    if isinstance(answer, str):
        return [answer]
    return [str(line) for line in answer] if isinstance(answer, (list, tuple)) else []


def _who_am_i() -> dict[str, Any]:
    import os
    import sys

    from pytest_disttest.worker.facts import platform_name

    return {
        "version": sys.version,
        "version_info": wire.plain(tuple(sys.version_info)),
        "sysplatform": sys.platform,
        "platform": platform_name(),
        "executable": sys.executable,
        "cwd": os.getcwd(),
        "pid": os.getpid(),
        "pytest": pytest.__version__,
    }
