"""The plugin that replaces pytest's own collection and test loop on the controller."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import warnings
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_disttest import __version__
from pytest_disttest.controller import garbage, gathering, matching, planning
from pytest_disttest.controller.collection import Collected, automark
from pytest_disttest.controller.commit import commit_of
from pytest_disttest.controller.experience import Experience
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.logfile import share_log_file
from pytest_disttest.controller.loop import Loop
from pytest_disttest.controller.opening import Opening
from pytest_disttest.controller.roster import Roster
from pytest_disttest.controller.run import Run, Tally
from pytest_disttest.errors import DisttestError, NoHostLeft, StoreFault
from pytest_disttest.model import Outcome, Plan
from pytest_disttest.options import Settings
from pytest_disttest.reports.screen import HostRow, make_screen
from pytest_disttest.store import ingest, is_ingestion_due, remember_durations, store_directory
from pytest_disttest.store.journal import Journal, run_id
from pytest_disttest.worker.quiet import speaks_live

if TYPE_CHECKING:
    from pytest_disttest.controller.forecast import Ahead
    from pytest_disttest.controller.resuming import Choice, Resuming
    from pytest_disttest.store.stream import Stream

INTERRUPT_GRACE_S = 5.0


class Controller:
    """One distributed run, as a pytest plugin. Its hosts are opening. *choice* is the run that it is to go on with."""

    def __init__(
        self, config: pytest.Config, settings: Settings, opening: Opening, choice: Choice | None = None
    ) -> None:
        self._config = config
        self._settings = settings
        self._opening = opening
        self._fleet = opening.fleet
        self._choice = choice
        self._commit = commit_of(config.rootpath)
        self._resuming: Resuming | None = None
        share_log_file(config)
        self._store = store_directory(config.rootpath)
        self._experience = Experience(self._store, several=len(settings.hosts) > 1)
        self._started_at = time.time()
        self._run: Run | None = None
        self._loop: Loop | None = None
        self._early_warnings: list[tuple[str, str, str, str, int]] = []
        self._abandoned = False
        self._explained: list[str] = []
        self._ahead: Ahead | None = None
        self._verdict = ""
        self._timed: Plan | None = None
        self._tests_took_s = 0.0
        # Before pytest is configured: what is registered first is undone last, after pytest's own search for garbage.
        garbage.set_aside(config)
        garbage.end_quickly(sys.argv[0])

    # pytest's hooks, in the order of a run

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self._run = Run(
            config=self._config,
            session=session,
            settings=self._settings,
            fleet=self._fleet,
            roster=Roster(
                self._config,
                run_uid=self._opening.run_uid,
                sys_path=self._opening.sys_path,
                hash_seed=self._opening.hash_seed,
            ),
            screen=make_screen(self._config),
            journal=self._new_journal(),
            live=speaks_live(self._config),
            collected=Collected(
                automark=automark(self._config), defaults=self._settings.defaults, presets=self._settings.presets
            ),
        )
        self._run.began_at = time.monotonic() - self._elapsed_s
        self._run.quarantine = self._opening.quarantine
        if self._choice is not None:
            self._resume(self._run, self._choice)
        self._loop = Loop(self._run)
        for seen in self._early_warnings:
            self._loop.workers.saw_warning(*seen)

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage, when: str) -> None:
        if when == "runtest":
            return
        category, text = warning_message.category.__name__, str(warning_message.message)
        seen = (when, category, text, warning_message.filename, warning_message.lineno)
        if self._loop is None:
            self._early_warnings.append(seen)
        else:
            self._loop.workers.saw_warning(*seen)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> bool:
        run, loop = self._parts
        try:
            with self._stopping_when_it_ends_early():
                loop.open_hosts()
                loop.start_workers()
                loop.collect()
                matching.know_hosts(run, loop)
        except BaseException:
            gathering.tell_of_collectors(run)  # "found no collectors for x.py::y": x.py does not import, and why
            raise
        gathering.tell_pytest(run)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        run, loop = self._parts
        with self._stopping_when_it_ends_early():
            if session.testsfailed and not self._config.option.continue_on_collection_errors:
                loop.dismiss()
                errors = f"{session.testsfailed} error{'s' if session.testsfailed != 1 else ''}"
                raise session.Interrupted(f"{errors} during collection")
            plan = planning.make_plan(run, self._resuming)
            self._explained = planning.explanations(plan, run)
            if self._resuming is not None:
                self._resuming.tell(loop.cases)
            planning.report_not_runnable(plan, run, loop.cases)
            known = planning.know(run, self._experience)
            if run.collected.deadlines or run.settings.deadline_s:
                from pytest_disttest.controller import due

                self._timed = plan
                due.tell(due.late_beforehand(plan, run, known.expected, known.classes), run)
            self._ahead = planning.look_ahead(plan, run, known)
            began = time.monotonic()
            if session.shouldfail:  # -x, and something that is known from an earlier run has failed
                loop.dismiss()
                raise session.Failed(session.shouldfail)
            try:
                scheduler = planning.make_scheduler(plan, run, known, began=run.began_at)
                del known  # all that earlier runs know of is not needed any more
                loop.run(plan, scheduler)
            finally:
                self._tests_took_s = time.monotonic() - began
            if self._ahead is not None:
                self._judge(self._ahead, run)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, exitstatus: int) -> Generator[None, object, object]:
        self._stop_screen()
        if self._run is not None and self._run.collected.homes:
            gathering.name_as_collected(self._config, self._run.collected.homes.values())
        try:
            return (yield)
        finally:
            if self._loop is not None:
                self._loop.workers.show_last_warnings()
            if self._run is not None:
                self._run.journal.finish(
                    exit_status=int(exitstatus), ended_at=time.time(), is_whole=self._is_whole(self._run)
                )

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self) -> None:
        if self._run is None:
            return
        rows = [host_row(link, self._run.tallies[name], self._elapsed_s) for name, link in self._fleet.links.items()]
        if any(row.tests or row.problem for row in rows):
            self._run.screen.host_table(rows)
        if self._config.get_verbosity() >= 0:
            for line in (*self._explained, *(self._loop.cases.summary() if self._loop is not None else ())):
                self._run.screen.note(line)
            if self._verdict:
                self._run.screen.note(self._verdict)
            if self._timed is not None:
                from pytest_disttest.controller import due

                for line in due.summary(self._run, self._timed):
                    self._run.screen.note(line)
        if self._run.journal.fault:
            self._run.screen.note(f"not every result is stored: {self._run.journal.fault}")

    def pytest_unconfigure(self) -> None:
        self._stop_screen()
        garbage.set_aside_more()
        farewell = threading.Thread(target=self._fleet.close, kwargs={"at_once": self._abandoned})
        farewell.start()
        if self._run is not None:
            self._run.journal.close()
            if self._resuming is not None:
                self._resuming.release()
            if self._loop is not None:
                self._loop.remember_hosts()
            self._remember(self._run)
        farewell.join()

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str | tuple[str, dict[str, bool]]] | None:
        if getattr(report, "hw_crashed", False) and report.failed:
            return "failed", "F", "CRASHED"
        if report.outcome == "rerun":
            return "rerun", "R", ("RERUN", {"yellow": True})
        return ("flaky", "f", ("FLAKY", {"yellow": True})) if getattr(report, "hw_flaky", False) else None

    # steps

    def _is_whole(self, run: Run) -> bool:
        """Whether nothing is left for a run that would go on with this one."""
        return not run.remaining if run.scheduler is not None else self._resuming is None

    def _resume(self, run: Run, choice: Choice) -> None:
        if choice.candidate is None:
            run.screen.note(choice.words)
            return
        from pytest_disttest.controller.resuming import Resuming

        self._resuming = Resuming(run, choice.candidate, self._commit)

    def _judge(self, ahead: Ahead, run: Run) -> None:
        """Compare what the run took with what was expected, and with what its tests needed at least."""
        from pytest_disttest.controller import verdict

        came_to = verdict.judged(run, ahead.work, took_s=self._elapsed_s, tests_s=self._tests_took_s)
        if came_to is not None:
            run.journal.plan(came_to)
            self._verdict = verdict.verdict_line(came_to, 0.0 if run.remaining else ahead.planned_s)

    def _remember(self, run: Run) -> None:
        """Leave to later runs what this one measured, and its journal, or its rows where that is worth the time."""
        if run.quarantine is not None:
            run.quarantine.remember({name: tally.outcomes[Outcome.PASSED] for name, tally in run.tallies.items()})
        remember_durations(self._store, ((run.nodeid(case), seconds) for case, seconds in run.journal.measured))
        lessons = self._experience.lessons
        if lessons is not None and not self._abandoned:
            from pytest_disttest.controller.lessons import pays

            if pays(len(run.journal.measured), self._elapsed_s):
                lessons.learn(run, self._experience.classes(run))
                lessons.keep(self._store)
        if run.recovering is not None:
            run.recovering.remember()
        if not self._abandoned and is_ingestion_due(self._store, lasted_s=self._elapsed_s):
            self._bring_in(run)

    def _bring_in(self, run: Run) -> None:
        """Turn the journal into rows; what cannot be done now stays in the journal for the next time."""
        try:
            messages: Sequence[str] = ingest(self._store).messages
        except StoreFault as fault:
            messages = [str(fault)]
        for message in messages:
            run.screen.note(message)

    @property
    def _parts(self) -> tuple[Run, Loop]:
        assert self._run is not None, "the session has not started"
        assert self._loop is not None, "the session has not started"
        return self._run, self._loop

    @property
    def _elapsed_s(self) -> float:
        return time.time() - self._started_at

    def _new_journal(self) -> Journal:
        return Journal.create(
            self._store,
            run_id(self._started_at, os.urandom(4)),
            started_at=self._started_at,
            rootdir=str(self._config.rootpath),
            args=[str(argument) for argument in self._config.invocation_params.args],
            version=__version__,
            stream=self._stream(),
            git_commit=self._commit,
            resumes=self._choice.candidate.run_id if self._choice is not None and self._choice.candidate else "",
        )

    def _stream(self) -> Stream | None:
        """Return where somebody else hears what happens; UsageError where that cannot be opened."""
        file = self._settings.events_file
        if not file:
            return None
        from pytest_disttest.store.stream import Stream

        try:
            return Stream(file)
        except OSError as error:
            raise pytest.UsageError(f"--hw-events: cannot write {file}: {error.strerror or error}") from error

    @contextlib.contextmanager
    def _stopping_when_it_ends_early(self) -> Iterator[None]:
        """Ctrl-C, ``pytest.exit`` in a worker, an internal error: stop what runs before pytest hears of it."""
        try:
            yield
        except NoHostLeft as error:
            raise pytest.Session.Interrupted(error.message) from error
        except pytest.Session.Interrupted:
            raise
        except DisttestError as error:
            self._stop_now()
            raise pytest.UsageError(str(error)) from error
        except BaseException as error:
            self._stop_now()
            if self._settings.deadline_s:
                from pytest_disttest.controller import due

                if isinstance(error, due.RunExpired):
                    run, loop = self._parts
                    due.report_not_run(run, loop.cases)
            raise

    def _stop_now(self) -> None:
        """Let what runs tear down, then end every worker; a second Ctrl-C ends at once."""
        _, loop = self._parts
        try:
            loop.interrupt(INTERRUPT_GRACE_S)
        except KeyboardInterrupt:
            self._abandoned = True
            self._fleet.close(at_once=True)

    def _stop_screen(self) -> None:
        if self._run is not None:
            self._run.screen.stop()


def host_row(link: HostLink, tally: Tally, elapsed_s: float) -> HostRow:
    """Return what the table at the end says of a host."""
    count = link.count(tally.restarts)
    outcomes = tally.outcomes
    return HostRow(
        host=link.host.name,
        workers=count,
        tests=sum(outcomes.values()),
        passed=outcomes[Outcome.PASSED] + outcomes[Outcome.XPASSED],
        failed=outcomes[Outcome.FAILED] + outcomes[Outcome.ERROR],
        skipped=outcomes[Outcome.SKIPPED] + outcomes[Outcome.XFAILED],
        crashed=outcomes[Outcome.CRASHED],
        busy_s=tally.busy_s,
        busy_percent=100 * tally.busy_s / max(elapsed_s * max(count, 1), 1e-9),
        problem=tally.problem,
    )
