"""Cases as they begin, report and end: one outcome each, told to pytest, the journal and the scheduler."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.collection import Collected
from pytest_disttest.controller.node import Spec, WorkerNode
from pytest_disttest.controller.recovering import Recovering
from pytest_disttest.controller.replay import Replayer
from pytest_disttest.controller.run import Tally
from pytest_disttest.model import Attempt, Outcome, Pass, PhaseTime
from pytest_disttest.options import Settings
from pytest_disttest.schedule import CaseEnded, CaseStarted, Event
from pytest_disttest.worker.census import census, digest
from pytest_disttest.worker.role import stand_in_for_xdist

PLACE = ("test_it.py", 0, "test_a")
AT_B = ["test_it.py", "test_b"]
PASSED = wire.pass_line(1, 100.0, (1.0, 2.0, 3.0), 0)
"""The worker's item 1, which is case 0, has passed."""


class Journal:
    path = Path("no store/runs/ID.ndjson")

    def __init__(self) -> None:
        self.attempts: list[Attempt] = []
        self.notes: list[str] = []
        self.stories: list[object] = []

    def began(self, case: int, host: str, worker: str) -> None:
        """Others listen to that."""

    def note(self, kind: str, text: str, host: str = "", worker: str = "") -> None:
        self.notes.append(text)

    def failure(self, event: object) -> None:
        """What it was taken for."""

    def attempt(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)

    def story(self, event: object) -> None:
        self.stories.append(event)

    def passes(self, host: str, worker: str, passes: Sequence[Pass], *, lines: Sequence[int], more: object) -> None:
        assert len(lines) == len(passes)
        for case, number, started_at, *times in passes:
            kept = Attempt(case, number, host, worker, Outcome.PASSED, started_at, PhaseTime(*times))
            self.attempts.append(kept)


class Screen:
    """Sees everything, shows nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


class Witness:
    """A plugin that notes what pytest's hooks hear of a test."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def pytest_runtest_logstart(self) -> None:
        self.heard.append("start")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.heard.append(f"{report.when} {report.outcome}")

    def pytest_runtest_logfinish(self) -> None:
        self.heard.append("finish")


class Rig:
    """A run of the two tests ``test_a`` and ``test_b``, on worker gw0."""

    def __init__(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.witness = Witness()
        config.pluginmanager.register(self.witness)
        collected = Collected()
        collected.add(digest(items), census(items), census([]), [])
        self.config, self.journal, self.events = config, Journal(), list[Event]()
        run: Any = SimpleNamespace(
            config=config, collected=collected, screen=Screen(), journal=self.journal, tallies=defaultdict(Tally),
            nodeid=lambda case: collected.cases[case].nodeid, decide=self.events.append, has_choices=False,
            settings=Settings(crash_reruns=0), roster=SimpleNamespace(nodes=[]), fleet=SimpleNamespace(links={}),
            ready_links=[], scheduler=None, stopping=False, may_replace=True,
            hw_class=lambda host: "", recovering=None,
        )  # fmt: skip
        run.recoveries = Recovering(run.journal, run.hw_class)
        self.run = run
        self.cases = CaseWork(run, Replayer(config, collected, "uid"))
        self.node = WorkerNode(config, Spec("gw0", True, None, None), host="local", slot="w1", roots=[])
        self.node.cases = [1, 0]  # this worker collected in another order

    def report(self, when: str, outcome: str = "passed", longrepr: str | None = None) -> None:
        """Send a report of the worker's item 1, which is case 0."""
        report = pytest.TestReport("test_it.py::test_a", PLACE, {}, outcome, longrepr, when)  # type: ignore[arg-type]
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        ((message, line),) = wire.unpack_lines(wire.pack(["report", 1, wire.plain(data), False, False]))
        self.cases.report(self.node, line, *message[1:])

    def told(self, *lines: bytes) -> None:
        """Take such lines of the worker as trivial tests consist of."""
        self.cases.plain(self.node, (message for message, _ in wire.unpack_lines(b"".join(lines))))

    @property
    def outcomes(self) -> list[tuple[int, int, Outcome]]:
        """Case, number of the attempt and outcome, as the journal has them."""
        return [(attempt.case, attempt.number, attempt.outcome) for attempt in self.journal.attempts]

    @property
    def endings(self) -> list[tuple[int, Outcome]]:
        """What the scheduler was told."""
        return [(event.case, event.outcome) for event in self.events if isinstance(event, CaseEnded)]


@pytest.fixture
def rig(pytester: pytest.Pytester, no_autoload: None) -> Iterator[Rig]:
    """A run under a real config."""
    pytester.makepyfile(test_it="def test_a(): pass\ndef test_b(): pass")
    items, _ = pytester.inline_genitems()
    config = pytester.parseconfigure("-p", "no:terminal", "-p", "pytest_disttest.plugin")
    stand_in_for_xdist(config.pluginmanager)
    made = Rig(config, items)
    made.cases.start(made.node, 1)
    yield made
    config._ensure_unconfigure()


def test_a_silent_pass_is_replayed_in_full(rig: Rig):
    """Reporter plugins see three reports, between start and finish, as in a plain run."""
    rig.told(PASSED)

    assert ["start", "setup passed", "call passed", "teardown passed", "finish"] == rig.witness.heard
    assert [(0, 1, Outcome.PASSED)] == rig.outcomes
    assert [CaseStarted("gw0", 0), CaseEnded("gw0", 0, Outcome.PASSED, 6.0)] == rig.events


def test_what_plugins_added_to_a_report_is_there_again(rig: Rig):
    """On the report that had it, before any hook sees it."""
    seen = []

    class Reader:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            seen.append({name: vars(report)[name] for name in ("extras", "rank") if name in vars(report)})

    rig.config.pluginmanager.register(Reader())
    rig.told(wire.pack(["pass", 0, 1.0, 0.0, 0.0, 0.0, 7, *AT_B, [{}, {"extras": [], "rank": 3}, {}]]), PASSED)

    assert [{}, {"extras": [], "rank": 3}, {}, {}, {}, {}] == seen


def test_passes_that_come_together_are_replayed_one_by_one_and_kept_at_once(rig: Rig):
    """Each test between its own start and finish; the scheduler hears of each end, and of the last start."""
    rig.told(PASSED, wire.start_line(0), wire.pass_line(0, 106.0, (0.0, 0.5, 0.0), 1), wire.start_line(1))

    whole = ["start", "setup passed", "call passed", "teardown passed", "finish"]
    assert whole * 2 == rig.witness.heard
    assert [
        Attempt(0, 1, "local", "gw0", Outcome.PASSED, 100.0, PhaseTime(1.0, 2.0, 3.0)),
        Attempt(1, 1, "local", "gw0", Outcome.PASSED, 106.0, PhaseTime(0.0, 0.5, 0.0)),
    ] == rig.journal.attempts
    assert [
        CaseStarted("gw0", 0),
        CaseEnded("gw0", 0, Outcome.PASSED, 6.0),
        CaseEnded("gw0", 1, Outcome.PASSED, 0.5),
        CaseStarted("gw0", 0),
    ] == rig.events


def test_a_case_that_began_last_is_open(rig: Rig):
    """It is the one that a worker's death is blamed on."""
    rig.told(PASSED, wire.start_line(0))
    rig.cases.crashed(rig.node, "exit code 3", {})

    assert [(0, 1, Outcome.PASSED), (1, 1, Outcome.CRASHED)] == rig.outcomes


def test_what_was_replayed_before_a_plugin_broke_is_kept(rig: Rig):
    """An error in a hook ends the run; the tests that were reported by then have their results."""

    class Broken:
        def pytest_runtest_logstart(self, nodeid: str) -> None:
            assert "test_a" in nodeid

    rig.config.pluginmanager.register(Broken())
    with pytest.raises(AssertionError):
        rig.told(PASSED, wire.pass_line(0, 106.0, (0.0, 0.0, 0.0), 1))

    assert ([(0, 1, Outcome.PASSED)], [(0, Outcome.PASSED)]) == (rig.outcomes, rig.endings)


def test_a_place_that_no_node_id_tells_is_the_workers(rig: Rig):
    """A method that is inherited from another file stands there."""
    places = []

    class Reader:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            places.append(report.location)

    rig.config.pluginmanager.register(Reader())
    rig.told(PASSED, wire.pack(["pass", 0, 1.0, 0.0, 0.0, 0.0, 7, "base.py", "Base.test_b"]))

    assert [PLACE] * 3 + [("base.py", 7, "Base.test_b")] * 3 == places


def test_reports_are_replayed_when_the_case_has_ended(rig: Rig):
    """Not before: tests of several workers would be shuffled into each other."""
    rig.report("setup")
    rig.report("call", "failed", "boom")
    assert [] == rig.witness.heard

    rig.report("teardown")
    rig.cases.end(rig.node, 1)

    assert ["start", "setup passed", "call failed", "teardown passed", "finish"] == rig.witness.heard
    assert ([(0, 1, Outcome.FAILED)], [(0, Outcome.FAILED)]) == (rig.outcomes, rig.endings)


def test_a_case_cut_off_before_its_verdict_has_no_outcome(rig: Rig):
    """Ctrl-C during a test: what ran is shown, and nobody claims that it passed."""
    rig.report("setup")
    rig.cases.close_story(rig.node)
    rig.cases.close_story(rig.node)

    assert ["start", "setup passed", "finish"] == rig.witness.heard
    assert ([], []) == (rig.outcomes, rig.endings)


def test_a_case_cut_off_after_its_verdict_keeps_it(rig: Rig):
    """``pytest.exit`` in a teardown: the call had passed or failed."""
    rig.report("setup")
    rig.report("call", "failed", "boom")
    rig.cases.close_story(rig.node)

    assert [(0, 1, Outcome.FAILED)] == rig.outcomes


def test_a_crash_is_one_failed_report(rig: Rig):
    """After what the worker had told; the attempt is kept as crashed, once."""
    rig.report("setup")
    rig.cases.crashed(rig.node, "killed by SIGSEGV", {"out": "", "err": "Fatal Python error"})
    rig.cases.crashed(rig.node, "killed by SIGSEGV", {})

    assert ["start", "setup passed", "call failed", "teardown passed", "finish"] == rig.witness.heard
    assert ([(0, 1, Outcome.CRASHED)], [(0, Outcome.CRASHED)]) == (rig.outcomes, rig.endings)
    assert "SIGSEGV" in rig.journal.attempts[0].message


@pytest.mark.parametrize("outcome", ["passed", "failed", "skipped"])
def test_a_crash_after_the_call_is_the_only_result(rig: Rig, outcome: str):
    """A test that closes all descriptors fails, and its worker ends in the teardown: that is one attempt, not two."""
    rig.report("setup")
    rig.report("call", outcome, None if outcome == "passed" else "boom")
    rig.cases.crashed(rig.node, "exit code 3", {})

    assert ["start", "setup passed", "call failed", "teardown passed", "finish"] == rig.witness.heard
    assert ([(0, 1, Outcome.CRASHED)], [(0, Outcome.CRASHED)]) == (rig.outcomes, rig.endings)
    assert (outcome != "passed") == ("boom" in rig.journal.attempts[0].longrepr)


def test_a_worker_that_ran_nothing_blames_no_test(rig: Rig):
    """It died between two tests."""
    rig.told(PASSED)
    rig.cases.crashed(rig.node, "exit code 3", {})

    assert [(0, 1, Outcome.PASSED)] == rig.outcomes


def test_a_test_without_a_report_does_not_hold_up_those_that_wait_for_it(rig: Rig):
    """A plugin may swallow a test; nobody sees it, as in a plain run, but the scheduler must know that it is over."""
    rig.cases.end(rig.node, 1)

    assert ([], [], [(0, Outcome.SKIPPED)]) == (rig.witness.heard, rig.outcomes, rig.endings)


def test_the_second_attempt_is_numbered(rig: Rig):
    """A case that was lost with its host has no attempt from there; one that crashed and runs again has two."""
    rig.cases.forget(rig.node)
    for _ in range(2):
        rig.told(wire.start_line(1), PASSED)

    assert [(0, 1, Outcome.PASSED), (0, 2, Outcome.PASSED)] == rig.outcomes


@pytest.mark.parametrize(("as_failure", "how"), [(False, "skipped"), (True, "failed")])
def test_a_case_that_nobody_runs_is_reported_with_its_reason(rig: Rig, as_failure: bool, how: str):
    """Skipped, or failed in its setup where the user wants that."""
    rig.cases.not_run(1, Outcome.BLOCKED, "test_b depends on test_a", as_failure=as_failure)

    assert ["start", f"setup {how}", "teardown passed", "finish"] == rig.witness.heard
    assert [(1, 1, Outcome.ERROR if as_failure else Outcome.BLOCKED)] == rig.outcomes
    assert "test_b depends on test_a" == rig.journal.attempts[0].message


def test_a_late_report_is_replayed_at_once(rig: Rig):
    """A shared fixture of an ended test was torn down only now."""
    report = pytest.TestReport("test_it.py::test_a", PLACE, {}, "failed", "left", "teardown")
    data = rig.config.hook.pytest_report_to_serializable(config=rig.config, report=report)
    rig.cases.late(rig.node, 1, wire.plain(data))

    assert ["teardown failed"] == rig.witness.heard
