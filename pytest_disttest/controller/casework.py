"""Cases as they begin, report and end: each outcome is kept, shown and told to the scheduler once."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pytest_disttest import wire
from pytest_disttest.controller import obituary
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.replay import Replayer, Story, Told, mark_flaky, outcome_of, told
from pytest_disttest.controller.run import Run
from pytest_disttest.model import Attempt, Outcome, Pass
from pytest_disttest.schedule import CaseEnded, CaseStarted
from pytest_disttest.store.stories import LATE, StoryHeard, StoryTold

if TYPE_CHECKING:
    from pytest_disttest.controller.diagnosing import Death
    from pytest_disttest.controller.hosts import HostLink
    from pytest_disttest.controller.retrying import Retrying

BAD = (Outcome.FAILED, Outcome.ERROR, Outcome.CRASHED)


class CaseWork:
    """Takes what workers tell of cases; they name them by their own item numbers."""

    def __init__(self, run: Run, replayer: Replayer) -> None:
        self._run = run
        self.replayer = replayer
        self._stories: dict[str, Story] = {}
        self._attempts: dict[int, int] = defaultdict(int)
        self._retrying: Retrying | None = None

    @property
    def retrying(self) -> Retrying:
        """Who decides about attempts that failed; made, and imported, at the first of them."""
        if self._retrying is None:
            from pytest_disttest.controller.retrying import Retrying

            self._retrying = Retrying(self._run)
        return self._retrying

    def summary(self) -> list[str]:
        """Return what is to be said of failures at the end of the run."""
        return self._retrying.summary() if self._retrying is not None else []

    def start(self, node: WorkerNode, item: int) -> None:
        """A case has begun."""
        case = node.case(item)
        self._stories[node.id] = Story(case, time.time())
        self._run.screen.started(node.id, node.host, self._run.nodeid(case), time.monotonic())
        self._run.journal.began(case, node.host, node.id)
        self._run.decide(CaseStarted(node.id, case))

    def plain(self, node: WorkerNode, messages: Iterable[Sequence[Any]]) -> None:
        """Take ``start`` and ``pass`` messages that follow each other, in one go.

        A case that starts and passes in them was never seen to run, and what is kept, shown and told of the passes is
        so once for all of them.
        """
        passes: list[Pass] = []
        lines: list[int | None] = []
        mores: list[tuple[int, Any]] = []
        begun: Sequence[Any] | None = None
        try:
            for message in messages:
                if message[0] == "start":
                    begun = message
                    continue
                begun = None
                _, item, start, setup_s, call_s, teardown_s, line, *more = message
                case = node.case(item)
                passed = case, self._attempts[case] + 1, start, setup_s, call_s, teardown_s
                if self._retrying is not None:
                    is_flaky = self._retrying.is_open(case)
                    self.replayer.plain_pass(node, passed, line, more, is_flaky=is_flaky)
                    self._retrying.passed(case, node.host, node.id)
                else:
                    self.replayer.plain_pass(node, passed, line, more)
                self._attempts[case] += 1
                if more:
                    mores.append((len(passes), more))
                passes.append(passed)
                lines.append(line)
        finally:
            if passes:
                self._run.journal.passes(node.host, node.id, passes, lines=lines, more=mores)
                self._conclude_passes(node, passes)
        if begun is not None:
            self.start(node, *begun[1:])

    def _conclude_passes(self, node: WorkerNode, passes: Sequence[Pass]) -> None:
        run = self._run
        self._stories.pop(node.id, None)
        durations = [setup_s + call_s + teardown_s for *_, setup_s, call_s, teardown_s in passes]
        tally = run.tallies[node.host]
        tally.outcomes[Outcome.PASSED] += len(passes)
        tally.busy_s += (duration_s := sum(durations))
        last = run.nodeid(passes[-1][0])
        run.screen.passed(node.id, node.host, last, count=len(passes), duration_s=duration_s, now=time.monotonic())
        if run.has_choices:
            for case, number, *_ in passes:
                self._keep_choice(case, number, node)
        for passed, duration_s in zip(passes, durations, strict=True):
            run.decide(CaseEnded(node.id, passed[0], Outcome.PASSED, duration_s))

    def report(self, node: WorkerNode, line: bytes, item: int, data: Any, is_words: bool, is_renamed: bool) -> None:
        """One report of the running case, which came as *line*; *is_renamed* by a plugin on the host."""
        report = self.replayer.report(data, is_words)
        if not is_renamed:
            self._name_as_here(node, item, report)
        story = self._stories.get(node.id)
        if story is None or item < 0:
            self.replayer.late(node, item, report)
        else:
            story.reports.append(report)
            story.lines.append(line)

    def _name_as_here(self, node: WorkerNode, item: int, report: Any) -> None:
        """A host may know the case by another id: one that holds a path or a random value."""
        if item >= 0 and report.nodeid != (nodeid := self._run.nodeid(node.case(item))):
            report.nodeid = nodeid

    def subtests(self, node: WorkerNode, _item: int, count: int) -> None:
        """So many subtests of the running case have failed."""
        story = self._stories.get(node.id)
        if story is not None:
            story.failed_subtests = count

    def junit(self, node: WorkerNode, _item: int, method: str, name: str, value: str) -> None:
        """A fixture of the running case wrote into the JUnit report."""
        story = self._stories.get(node.id)
        if story is not None:
            story.junit.append((method, wire.restore(name), wire.restore(value)))

    @property
    def running(self) -> Mapping[str, Story]:
        """What runs now, by worker, as far as it has been told."""
        return self._stories

    def fault(self, node: WorkerNode, _item: int, facts: dict[str, Any]) -> None:
        """What there is to say of the exception that a phase of the running case ended with."""
        story = self._stories.get(node.id)
        if story is not None:
            story.faults.append(facts)

    def end(self, node: WorkerNode, _item: int) -> None:
        """The running case is through."""
        story = self._stories.pop(node.id, None)
        if story is not None and story.reports:
            if not self._comes_again(node, story):
                self._conclude(node, story, self.replayer.story(node, story))
        elif story is not None:  # a plugin swallowed the test: nobody hears of it, but others may wait for it
            self._run.decide(CaseEnded(node.id, story.case, Outcome.SKIPPED, 0.0))

    def _comes_again(self, node: WorkerNode, story: Story, death: Death | None = None) -> bool:
        """Whether an attempt failed and is made again; then it has been shown, kept and told as such."""
        if not any(report.failed for report in story.reports):
            if self._retrying is not None:
                if self._retrying.is_open(story.case):
                    mark_flaky(story.reports)
                self._retrying.passed(story.case, node.host, node.id)
            return False
        again = self.retrying.again(node, story, told(story.reports, story.started_at), death)
        if again is None:
            return False
        ended = self.replayer.rerun(node, story, self._attempts[story.case] + 1)
        self._keep(story.case, ended, node, story, again=True)
        self._run.tallies[node.host].busy_s += ended.duration_s
        self._run.screen.finished(node.id, self._run.nodeid(story.case), "rerun", ended.duration_s, time.monotonic())
        self._run.decide(again)
        return True

    def recall(self, node: WorkerNode, story: Story, ended: Told | None, *, number: int, again: bool = False) -> None:
        """An attempt of a run that was cut off has been replayed; *ended* is None for a plain pass.

        With *again* another one was to come, and comes now.
        """
        outcome = ended.outcome if ended is not None else Outcome.PASSED
        self._attempts[story.case] = number
        if outcome in BAD or self._retrying is not None:
            self.retrying.recall(node, story, ended, again=again)
        if not again:
            self._run.screen.finished("", self._run.nodeid(story.case), outcome.value, 0.0, time.monotonic())

    def look(self) -> None:
        """Let time pass."""
        if self._retrying is not None:
            self._retrying.look(time.time())

    def reprobed(self, link: HostLink, profile: dict[str, Any]) -> bool:
        """Take what a host found that looked at devices again; false where it answers another question."""
        return self._retrying is not None and self._retrying.reprobed(link, profile)

    def was_reset(self, link: HostLink, told: dict[str, Any]) -> None:
        """Take what became of the reset of a device."""
        self.retrying.was_reset(link, told)

    def give_up_retries(self) -> None:
        """No more attempts will be made: those that failed last are how their tests ended."""
        for case in self._retrying.open_cases if self._retrying is not None else ():
            self._settle_for_last(case)

    def _settle_for_last(self, case: int) -> bool:
        """Let the last attempt of a case stand, if another one was to come and does not; it has been kept already."""
        last = self._retrying.last(case) if self._retrying is not None else None
        if last is None:
            return False
        node, story = last
        ended = self.replayer.story(node, story)
        self._run.tallies[node.host].outcomes[ended.outcome] += 1
        nodeid = self._run.nodeid(case)
        self._run.screen.finished(node.id, nodeid, ended.outcome.value, 0.0, time.monotonic())
        self._run.screen.failure(node.id, nodeid, ended.message)
        return True

    def late(self, node: WorkerNode, item: int, data: Any) -> None:
        """A report on a case that ended before."""
        self._run.journal.story(StoryTold(node.case(item), LATE, again=False, reports=[(data, False, False)]))
        self.replayer.late(node, node.case(item), self.replayer.report(data))

    def close_story(self, node: WorkerNode) -> None:
        """The running case ends before its time: show what is known, and conclude where a phase gave a verdict."""
        story = self._stories.get(node.id)
        if story is not None and any(outcome_of(report) is not None for report in story.reports):
            self.end(node, story.case)
        elif story is not None and story.reports:
            self.replayer.story(node, self._stories.pop(node.id))

    def crashed(self, node: WorkerNode, cause: str, words: dict[str, str], code: int | None = None) -> None:
        """The worker died, with exit *code*: of the case that it ran, if it ran one."""
        story = self._stories.get(node.id)
        if story is None:
            return
        nodeid = self._run.nodeid(story.case)
        report = obituary.crash_report(
            nodeid,
            next((r.location for r in story.reports), self.replayer.location_of(story.case)),
            keywords=self._run.collected.keywords_of(story.case),
            worker=node.id,
            host=node.host,
            cause=cause,
            words=words,
            limit_s=story.limit_s,
        )
        obituary.tell_of_phases(report, story.reports)
        story.keep(obituary.outlasts_crash)
        report.node = node  # type: ignore[attr-defined]
        if not story.limit_s:
            self.retrying.crashed(story.case)
        sched = obituary.CrashScheduling(self._run.config, nodeid)
        self._run.config.hook.pytest_handlecrashitem(crashitem=nodeid, report=report, sched=sched)
        self.replayer.tell_own(story, report)
        self.replayer.tell_own(story, obituary.after_crash(report))
        if sched.again:
            self._reopen(node)
            return
        from pytest_disttest.controller.diagnosing import Death

        del self._stories[node.id]
        if not self._comes_again(node, story, Death(code, words)):
            self._conclude(node, story, self.replayer.story(node, story))

    def _reopen(self, node: WorkerNode) -> None:
        """Show what is known of the running case, and leave it open: the scheduler gives it to another worker."""
        story = self._stories.pop(node.id)
        self._keep(story.case, self.replayer.story(node, story), node, story, again=True)

    def forget(self, node: WorkerNode, *, suspects: int = 0) -> None:
        """The running case has no outcome from here, for its host takes part no more.

        Where the host is lost, it or another of so many *suspects* may be why; and if the host was not the first that
        was lost under this case, it is the end of the case.
        """
        story = self._stories.pop(node.id, None)
        if story is None or not suspects or not self.retrying.lost(story.case, node.host, suspects=suspects):
            return
        nodeid = self._run.nodeid(story.case)
        report = obituary.crash_report(
            nodeid,
            self.replayer.location_of(story.case),
            keywords=self._run.collected.keywords_of(story.case),
            worker=node.id,
            host=node.host,
            cause="the host was lost, and so was another one under this test"
            + (", though nothing else ran there" if suspects == 1 else ""),
            words={},
        )
        story = Story(story.case, story.started_at)
        for each in (report, obituary.after_crash(report)):
            self.replayer.tell_own(story, each)
        self._conclude(node, story, self.replayer.story(node, story))

    def not_run(self, case: int, outcome: Outcome, reason: str, *, as_failure: bool = False) -> None:
        """Report a case that no worker will run; one that failed and was to be run again has failed."""
        if self._settle_for_last(case):
            return
        if as_failure:
            self.retrying.stands(case, "", reason)
        told = self.replayer.not_run(case, reason, outcome="failed" if as_failure else "skipped")
        kept = told.outcome if as_failure else outcome
        self._keep(case, Told(kept, time.time(), told.times, reason, ""))
        self._run.screen.finished("", self._run.nodeid(case), told.outcome.value, 0.0, time.monotonic())

    def _conclude(self, node: WorkerNode, story: Story, told: Told) -> None:
        case = story.case
        self._keep(case, told, node, story)
        tally = self._run.tallies[node.host]
        tally.outcomes[told.outcome] += 1
        tally.busy_s += told.duration_s
        nodeid = self._run.nodeid(case)
        self._run.screen.finished(node.id, nodeid, told.outcome.value, told.duration_s, time.monotonic())
        if told.outcome in BAD:
            self._run.screen.failure(node.id, nodeid, told.message)
        self._run.decide(CaseEnded(node.id, case, told.outcome, told.duration_s))

    def _keep(
        self, case: int, told: Told, node: WorkerNode | None = None, story: Story | None = None, *, again: bool = False
    ) -> None:
        """Record an attempt; *again* tells that another one is to come."""
        self._attempts[case] += 1
        if story is not None:
            number = self._attempts[case]
            self._run.journal.story(StoryHeard(case, number, again, story.lines, story.junit, story.failed_subtests))
        if node is not None and self._run.has_choices:
            self._keep_choice(case, self._attempts[case], node)
        self._run.journal.attempt(
            Attempt(
                case=case,
                number=self._attempts[case],
                host=node.host if node is not None else "",
                worker=node.id if node is not None else "",
                outcome=told.outcome,
                started_at=told.started_at,
                times=told.times,
                message=told.message,
                longrepr=told.longrepr,
            )
        )

    def _keep_choice(self, case: int, number: int, node: WorkerNode) -> None:
        """Record what an attempt had of its host, and why it ran there."""
        from pytest_disttest.controller import choosing

        for event in choosing.events_of(self._run, case, number, node):
            self._run.journal.hardware(event)
