"""A run that goes on where an earlier one was cut off: what was known then is told again, and the rest runs.

Theory of operation. The journal of a run and its stories hold all that pytest was told. A run with ``--hw-resume``
collects as always. Then, of each test that is still the same, the reports are replayed through the same hooks, so that
every reporter sees the whole; its attempts are recorded once more, in the journal of this run; and the plan is made
without it. The last thing recorded before the first test runs is that the earlier run has been taken over: until then
it can be resumed, from then on this one can. Whoever reads both counts each attempt once, by that same line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pytest_disttest import wire
from pytest_disttest.controller.fingerprints import is_changed
from pytest_disttest.controller.node import Spec, WorkerNode
from pytest_disttest.controller.replay import Story, mark_flaky
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import BadOption
from pytest_disttest.model import Outcome, Plan
from pytest_disttest.plan import without_ended
from pytest_disttest.reports.wording import plural
from pytest_disttest.store.events import CasesPassed
from pytest_disttest.store.stories import ResultsKept, StoryTold
from pytest_disttest.store.unfinished import (
    Candidate,
    PlainPass,
    Told,
    Tried,
    Unfinished,
    candidates,
    is_open,
    read_unfinished,
)

if TYPE_CHECKING:
    from pytest_disttest.controller.casework import CaseWork

MOST_NAMED = 3
"""Files that are named in a line."""


class Choice(NamedTuple):
    """The run to go on with, None where there is none, and then what is to be said of that."""

    candidate: Candidate | None
    words: str = ""


def choose(store: Path, wanted: str, commit: str) -> Choice:
    """Return the unfinished run whose id begins with *wanted*; for "" the last one of the same *commit*.

    Raises BadOption where the user named a run, and no such one can be resumed. Without a name that is no error: a job
    that is started anew after a power cut has the same command line as the first time, when there is nothing to resume.
    """
    others: list[Candidate] = []
    for candidate in candidates(store):
        if candidate.run_id.startswith(wanted) if wanted else candidate.started.git_commit in ("", commit):
            return Choice(candidate)
        candidate.release()
        others.append(candidate)
    if wanted:
        known = ", ".join(other.run_id for other in others)
        raise BadOption(
            f"no run {wanted!r} can be resumed",
            place="--hw-resume",
            hint=f"{f'these can: {known}; ' if known else ''}a word after the bare option counts as its RUN",
        )
    if not others:
        return Choice(None, "nothing to resume: no run was cut off here; all tests run")
    newest = others[0]
    return Choice(
        None,
        f"run {newest.run_id} was cut off at commit {newest.started.git_commit[:10]}, and this is "
        f"{commit[:10] or 'none'}: all tests run (--hw-resume={newest.run_id} goes on with it nevertheless)",
    )


class Resuming:
    """The results of a run that was cut off, as far as they hold for this one; *commit* is what it stands at."""

    def __init__(self, run: Run, candidate: Candidate, commit: str) -> None:
        self._run = run
        self._commit = commit
        self._candidate: Candidate | None = candidate
        self._left = Unfinished(candidate.run_id, candidate.started)
        self._nodes: dict[tuple[str, str], WorkerNode] = {}
        self._held: dict[int, int] = {}
        self._told_anew: list[int] = []
        self._changed: list[str] = []
        self._to_run = 0

    @property
    def run_id(self) -> str:
        """The run that this one goes on with."""
        return self._left.run_id

    def compare(self, files: Mapping[str, str]) -> None:
        """Read what the run left, and find out which of its results hold: those of tests whose *files* are the same."""
        assert self._candidate is not None, "it was taken over already"
        self._left = left = read_unfinished(self._candidate)
        known = {(case.nodeid, case.occurrence): case.index for case in left.cases.values()}
        for case in self._run.collected.cases:
            before = known.get((case.nodeid, case.occurrence))
            if before in left.not_run:
                self._told_anew.append(before)  # to be told anew what becomes of it costs nothing, and counts once
            if before not in left.tried:
                continue
            if is_changed(case.file, left.files, files):
                self._changed.append(case.file)
            else:
                self._held[before] = case.index

    def still(self, unplaced: Mapping[int, str]) -> dict[int, str]:
        """Return the cases that no host fits, without those that have run."""
        held = set(self._held.values())
        return {case: why for case, why in unplaced.items() if case not in held}

    def narrowed(self, plan: Plan) -> Plan:
        """Return *plan* without what has ended."""
        cases = {case.index: case for case in self._run.collected.cases}
        left = without_ended(plan, dict(self._ended()), cases)
        self._to_run = sum(len(unit.cases) for unit in left.units)
        return left

    def tell(self, cases: CaseWork) -> None:
        """Replay what is known, record it as this run's, and say so. From now on this run can be resumed."""
        self._say()
        for name, host in self._left.hosts.items():
            if name not in self._run.fleet.links:
                self._run.journal.keep(host)
        for before in self._left.tried:
            if before in self._held:
                self._tell_case(cases, self._held[before], self._left.tried[before], self._left.late.get(before, ()))
        self._tell_warnings(cases)
        self._run.journal.keep(ResultsKept(self._left.run_id, (*self._held, *self._told_anew)))
        if self._candidate is not None:
            self._candidate.conclude()
            self._candidate = None

    def release(self) -> None:
        """Leave the earlier run to others, if this one has not taken it over; harmless when repeated."""
        candidate, self._candidate = self._candidate, None
        if candidate is not None:
            candidate.release()

    # what is known

    def _ended(self) -> Iterator[tuple[int, Outcome]]:
        for before, case in self._held.items():
            tried = self._left.tried[before]
            if not is_open(tried):
                yield case, _outcome(tried[-1])

    def _say(self) -> None:
        left, screen = self._left, self._run.screen
        kept = sum(1 for _ in self._ended())
        screen.note(f"{plural(kept, 'result')} kept from run {left.run_id}, {self._to_run} to run")
        if self._changed:
            files = sorted(set(self._changed))
            named = ", ".join(files[:MOST_NAMED]) + (", ..." if len(files) > MOST_NAMED else "")
            screen.note(f"{plural(len(self._changed), 'test')} run again, for their files have changed: {named}")
        gone = len(left.tried) - len(self._held) - len(self._changed)
        if gone:
            screen.note(f"{plural(gone, 'result')} of that run not shown: these tests are not selected now")
        if left.started.git_commit not in ("", self._commit):
            screen.note(f"that run was of commit {left.started.git_commit[:10]}, this is {self._commit[:10] or 'none'}")
        if getattr(self._run.config.option, "cov_source", None):
            screen.note("coverage is of the tests that run now, without that of the results kept")

    # what is told

    def _tell_case(self, cases: CaseWork, case: int, tried: Sequence[Tried], late: Sequence[StoryTold]) -> None:
        """Replay the attempts of a case, the last of them as its result unless another one was to come."""
        for number, each in enumerate(tried):
            if isinstance(each, PlainPass):
                self._tell_pass(cases, case, each, is_flaky=number > 0)
            else:
                self._tell_attempt(cases, case, each, is_flaky=number > 0)
        for story in late:
            self._tell_late(cases, case, tried[-1], story)

    def _tell_pass(self, cases: CaseWork, case: int, tried: PlainPass, *, is_flaky: bool) -> None:
        node = self._node(tried.host, tried.worker)
        _, number, *times = tried.passed
        started_at, setup_s, call_s, teardown_s = times
        passed = case, number, started_at, setup_s, call_s, teardown_s
        line = tried.line if tried.line is not None else self._run.collected.cases[case].location[1]
        more = ((0, tried.more),) if tried.more else ()
        self._run.journal.keep(CasesPassed(node.host, node.id, (passed,), (line,), more))
        cases.replayer.plain_pass(node, passed, line, tried.more, is_flaky=is_flaky)
        cases.recall(node, Story(case, started_at), None, number=number)

    def _tell_attempt(self, cases: CaseWork, case: int, tried: Told, *, is_flaky: bool) -> None:
        attempt = tried.attempt
        node = self._node(attempt.host, attempt.worker)
        self._run.journal.story(tried.story._replace(case=case))
        self._run.journal.keep(attempt._replace(case=case))
        story = self._story(cases, case, tried)
        if is_flaky:
            mark_flaky(story.reports)
        if tried.story.again:
            ended = cases.replayer.rerun(node, story, attempt.number)
        else:
            ended = cases.replayer.story(node, story)
        cases.recall(node, story, ended, number=attempt.number, again=tried.story.again)

    def _story(self, cases: CaseWork, case: int, tried: Told) -> Story:
        """Return the reports of an attempt as they were when they came, under the name that its case has now."""
        story = Story(case, tried.attempt.started_at, failed_subtests=tried.story.failed_subtests)
        story.junit = [(method, name, value) for method, name, value in tried.story.junit]
        for data, is_words, is_renamed in tried.story.reports:
            report = cases.replayer.report(data, is_words)
            if not is_renamed:
                report.nodeid = self._run.nodeid(case)
            story.reports.append(report)
        return story

    def _tell_late(self, cases: CaseWork, case: int, tried: Tried, story: StoryTold) -> None:
        """Replay reports that came after their case had ended: a shared fixture was torn down only then."""
        node = self._node(*_where(tried))
        self._run.journal.story(story._replace(case=case))
        for data, is_words, _ in story.reports:
            cases.replayer.late(node, case, cases.replayer.report(data, is_words))

    def _tell_warnings(self, cases: CaseWork) -> None:
        """Replay what tests warned of whose results are kept."""
        known = {self._run.nodeid(case) for case in self._held.values()}
        for warning in self._left.warnings:
            if warning.nodeid in known:
                self._run.journal.story(warning)
                cases.replayer.warning(dict(warning.told), "runtest", warning.nodeid, warning.location)

    def _node(self, host: str, worker: str) -> WorkerNode:
        """Return who stands for a worker of the earlier run: reporters ask a report who made it."""
        if (host, worker) not in self._nodes:
            spec = Spec(id=worker, popen=True, ssh=None, chdir=None)
            roots = [str(self._run.config.rootpath)]
            node = self._nodes[host, worker] = WorkerNode(self._run.config, spec, host=host, slot="", roots=roots)
            known = self._left.workers.get((host, worker))
            if known is not None:
                self._run.journal.story(known)
                node.learn(wire.restore(dict(known.told)))
        return self._nodes[host, worker]


def _where(tried: Tried) -> tuple[str, str]:
    """Return host and worker of an attempt."""
    return (tried.host, tried.worker) if isinstance(tried, PlainPass) else (tried.attempt.host, tried.attempt.worker)


def _outcome(tried: Tried) -> Outcome:
    return Outcome.PASSED if isinstance(tried, PlainPass) else tried.attempt.outcome
