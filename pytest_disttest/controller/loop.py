"""The run as it happens: messages in, decisions asked for, orders out."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from itertools import groupby
from queue import Empty
from typing import TYPE_CHECKING, Any

from pytest_disttest import wire
from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.garbage import collect_rarely, set_aside_more
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.hostwork import HostWork
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.patience import Patience
from pytest_disttest.controller.replay import Replayer
from pytest_disttest.controller.run import Run
from pytest_disttest.controller.workerwork import WorkerWork
from pytest_disttest.errors import HostUnusable, NoHostLeft
from pytest_disttest.model import Outcome, Plan
from pytest_disttest.plan import waits_for
from pytest_disttest.schedule import (
    Assign,
    Block,
    CaseEnded,
    Command,
    Copy,
    Event,
    Finish,
    GiveUp,
    Hold,
    Recruit,
    Refuse,
    Scheduler,
    Tick,
    Unplace,
)

if TYPE_CHECKING:
    from pytest_disttest.controller.asking import Asking
    from pytest_disttest.controller.copies import Copies
    from pytest_disttest.controller.deadlines import Deadlines

TICK_S = 0.1
MESSAGES_A_STEP = 100


class Loop:
    """One run, from hosts that open to the last worker's goodbye."""

    def __init__(self, run: Run) -> None:
        self._run = run
        run.decide = self._decide
        self.cases = CaseWork(run, Replayer(run.config, run.collected, run.roster.run_uid))
        self.workers = WorkerWork(run, self.cases, self._tell)
        self._hosts = HostWork(run, self.workers, self._ask_late)
        run.refuse_host = self._hosts.refuse
        self._asking: Asking | None = None
        self._early_events: list[Event] = []
        self._patience = Patience()
        self._before_enlisting: list[Callable[[], None]] = []
        self._of_workers: dict[str, Callable[..., None]] = {
            "subtests": self.cases.subtests,
            "junit": self.cases.junit,
            "end": self.cases.end,
            "fault": self.cases.fault,
            "late": self.cases.late,
            "ready": self.workers.ready,
            "collect": self.workers.collect,
            "collected": self.workers.collected,
            "table": self.workers.table,
            "files": self.workers.files,
            "share": self.workers.share,
            "waiting": self.workers.waiting,
            "refused": self.workers.refused,
            "busy": self.workers.busy,
            "bound": self.workers.bound,
            "spoilt": self.workers.spoilt,
            "need": self.workers.need,
            "warning": self.workers.warning,
            "suite-property": self.workers.suite_property,
            "stopped": self.workers.stopped,
            "exit": self.workers.exit,
            "interrupted": self.workers.interrupted,
            "usage": self.workers.usage,
            "internal": self.workers.internal,
            "finished": self.workers.finished,
        }
        self._of_hosts: dict[str, Callable[..., None]] = {
            "opened": self._hosts.opened,
            "hello": self._hosts.hello,
            "unusable": self._hosts.unusable,
            "lost": self._hosts.lost,
            "lines": self._lines,
            "exit": self._exit,
            "output": self._output,
            "beat": _take_note,
            "probed": self._probed,
            "leases": _take_note,
            "reset": self.cases.was_reset,
        }

    @property
    def asking(self) -> Asking:
        """Who asks hosts what they have; made, and imported, at the first question."""
        if self._asking is None:
            from pytest_disttest.controller.asking import Asking

            self._asking = Asking(self._run, self.until)
        return self._asking

    @cached_property
    def _deadlines(self) -> Deadlines:
        """Who ends tests that take longer than they may; made, and imported, where there is a limit."""
        from pytest_disttest.controller.deadlines import Deadlines

        return Deadlines(
            self._run.settings.timeout_s,
            lambda worker, number: self._send(self._run.roster.named(worker), "signal", number),
        )

    @cached_property
    def _copies(self) -> Copies:
        """Who sees to second attempts; made, and imported, at the first of them."""
        from pytest_disttest.controller.copies import Copies

        return Copies(self._run, self.cases, lambda node, number: self._send(node, "signal", number))

    def _probed(self, link: HostLink, profile: dict[str, Any]) -> None:
        if self.cases.reprobed(link, profile):
            return
        self.asking.probed(link, profile)
        if link.late and self._run.scheduler is not None:
            self.asking.tell(link)
            if link.state == "ready":
                self._hosts.join(link)

    def _ask_late(self, link: HostLink) -> bool:
        """Ask a host that comes while tests run what all others were asked; return whether it is to answer."""
        if self._run.scheduler is None or self._asking is None:
            return False
        return self.asking.ask_late(link)

    def remember_hosts(self) -> None:
        """Keep what hosts told for later runs."""
        if self._asking is not None:
            self._asking.remember()

    # phases

    def open_hosts(self) -> None:
        """Wait until every host is ready or unusable; raises NoHostLeft when none is ready."""
        links = self._run.fleet.links.values()
        for link in links:
            if link.barred:
                self._hosts.tell_barred(link)
            else:
                self._run.screen.host_starting(link.host.name)
        self.until(lambda: self._hosts.are_open(time.monotonic()))
        if not self._run.ready_links:
            raise NoHostLeft("no host of this run is usable", hint="the lines above say why, host by host")
        self._hosts.begin_without_late()

    def start_workers(self) -> None:
        """Make every warm process a worker of this run."""
        collect_rarely(self._run.config)
        roster = self._run.roster
        ready = self._run.ready_links
        roster.announce(ready)
        self._enlist(ready)

    def _enlist(self, ready: Sequence[HostLink]) -> None:
        roster = self._run.roster
        for link in ready:
            with self._losing(link):
                for number in range(link.slots_used):
                    node = roster.enlist(link, f"w{number + 1}")
                    collects = self._run.settings.collect if link.workers > 1 else "full"
                    roster.instruct(link, node, table=number == 0, collects=collects)
        told, self._before_enlisting = self._before_enlisting, []
        for tell in told:
            tell()

    def reopen(self, links: Sequence[HostLink]) -> None:
        """Try once more to open hosts that are away; those that come collect like all others."""
        for link in links:
            self._run.tallies[link.host.name].problem = ""
            self._run.fleet.reopen(link)
        self.until(lambda: not any(link.state == "opening" for link in links))
        come = [link for link in links if link.state == "ready"]
        if come:
            self._run.roster.count += sum(link.workers for link in come)
            self._enlist(come)
            self.collect()

    def collect(self) -> None:
        """Wait until every worker has told what it collected, or has died of it."""
        self.until(lambda: all(self.workers.is_known(node) for node in self._run.roster.alive))

    def await_late(self) -> None:
        """Wait for hosts that were left behind, after all: what they have may be what tests ask for."""
        late = [link for link in self._run.fleet.links.values() if link.late]
        if late:
            self.until(lambda: not any(link.state == "opening" for link in late))
            self.collect()

    def run(self, plan: Plan, scheduler: Scheduler) -> None:
        """Hand out cases until each has its outcome, or the run is called off."""
        self._run.scheduler = scheduler
        self.workers.growth.planned(plan, time.monotonic())
        set_aside_more()
        self._let_workers_be_heard(flag=True)
        for node in self._run.roster.alive:
            self.workers.release(node)
        early, self._early_events = self._early_events, []
        for event in early:
            self._decide(event)
        try:
            self.until(lambda: not (self._run.roster.alive or self._hosts.is_awaiting))
        finally:
            self.cases.give_up_retries()
        self._end_with_what_is_left()

    def _end_with_what_is_left(self) -> None:
        """Every worker has gone home; a case without an outcome now would be lost without a word."""
        run = self._run
        if run.remaining and not (run.stopping or run.session.shouldfail or run.session.shouldstop):
            raise run.session.Interrupted(f"no worker is left that collected the {run.remaining} tests still to run")

    def dismiss(self) -> None:
        """Send all workers home without a test."""
        self._call_off()
        self.until(lambda: not self._run.roster.alive)

    def interrupt(self, grace_s: float) -> None:
        """Stop what runs as Ctrl-C would, and wait up to *grace_s* for what it has to say."""
        self._call_off()
        self._let_workers_be_heard(flag=self._run.live)
        for node in self._run.roster.alive:
            self._send(node, "signal", int(signal.SIGINT))
        deadline = time.monotonic() + grace_s
        while self._run.roster.alive and time.monotonic() < deadline:
            self._step()
        for node in self._run.roster.alive:
            self.cases.close_story(node)

    # the loop itself

    def until(self, over: Callable[[], bool]) -> None:
        """Take what comes until *over* says so; raises what ends the run before its time."""
        with self._patience.kept():
            while not over():
                if self._run.ending is not None:
                    raise self._run.ending
                self._step()
                self._patience.look()
        if self._run.ending is not None:
            raise self._run.ending

    def _step(self) -> None:
        """Take the messages that are there, waiting a tick for the first; then let time pass."""
        inbox = self._run.fleet.inbox
        try:
            self._take(*inbox.get(timeout=TICK_S))
            for _ in range(MESSAGES_A_STEP):
                self._patience.look()
                self._take(*inbox.get_nowait())
        except Empty:
            pass
        now = time.monotonic()
        if self._run.scheduler is not None:
            self._decide(Tick())
        if self._run.settings.deadline_s and self._run.elapsed_s >= self._run.settings.deadline_s:
            from pytest_disttest.controller import due

            due.expire(self._run)
        if self._run.settings.timeout_s:
            self._deadlines.look(self.cases.running, now)
        quarantine = self._run.quarantine
        while quarantine is not None and quarantine.due:
            self._hosts.bar(*quarantine.due.pop(0))
        if self._run.settings.hedge:
            self._copies.look(now)
        if self.workers.wanted:
            self.workers.staff()
        self.workers.growth.look(now)
        self._hosts.watch(now)
        self.cases.look()
        self._run.screen.tick(now, remaining=self._run.remaining)
        session = self._run.session
        if not self._run.stopping and (session.shouldfail or session.shouldstop):
            self._call_off()

    def _take(self, host: str, message: tuple[Any, ...], opening: int) -> None:
        link = self._run.fleet.links[host]
        if link.state in ("away", "gone", "unusable") or opening != link.openings:
            return
        link.heard_at = time.monotonic()
        with self._losing(link):
            self._of_hosts[message[0]](link, *message[1:])

    @contextlib.contextmanager
    def _losing(self, link: HostLink) -> Iterator[None]:
        """A host that cannot be told what follows is lost."""
        try:
            yield
        except HostUnusable as error:
            self._hosts.lost(link, error.message)

    def _lines(self, link: HostLink, slot: str, lines: bytes) -> None:
        node = self._run.roster.find(link.host.name, slot)
        if node is None:  # a fork has taken its place
            return
        for kind, heard in groupby(wire.unpack_lines(lines), _kind):
            if node.is_given_up:
                for message in self._copies.heard(message for message, _ in heard):
                    self._of_workers[message[0]](node, *message[1:])
            elif kind == "plain":
                self.cases.plain(node, (message for message, _ in heard))
            elif kind == "report":
                for message, line in heard:
                    self.cases.report(node, line, *message[1:])
            else:
                for message, _ in heard:
                    self._of_workers[message[0]](node, *message[1:])

    def _exit(self, link: HostLink, slot: str, code: int, words: dict[str, str]) -> None:
        node = self._run.roster.find(link.host.name, slot)
        if node is None:
            self._before_enlisting.append(partial(self._exit, link, slot, code, words))
        else:
            self.workers.died(link, node, code, words)

    def _output(self, link: HostLink, slot: str, stream: str, data: bytes) -> None:
        node = self._run.roster.find(link.host.name, slot)
        if node is None:
            self._before_enlisting.append(partial(self._output, link, slot, stream, data))
        elif text := node.decoders[stream].decode(data):
            self._run.screen.output(node.id, f"std{stream}", text)

    # decisions

    def _decide(self, event: Event) -> None:
        if self._run.scheduler is None:
            self._early_events.append(event)
            return
        now = time.monotonic()
        if self._run.collected.deadlines and isinstance(event, CaseEnded):
            self._run.ended_at[event.case] = now
        for command in self._run.scheduler.handle(event, now):
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        roster = self._run.roster
        match command:
            case Assign(worker, cases, grants):
                self.workers.assign(roster.named(worker), cases, grants)
            case Copy(worker, case, other):
                self._copies.begin(case, roster.named(worker), roster.named(other))
                self.workers.assign(roster.named(worker), (case,))
            case GiveUp(worker, case):
                self._copies.give_up(case, roster.named(worker))
                self.workers.replace_given_up(roster.named(worker))
            case Hold(worker):
                self._tell(roster.named(worker), "hold")
            case Finish(worker):
                self._tell(roster.named(worker), "finish")
            case Block(case, culprit):
                known = self._run.collected.cases
                self.cases.not_run(case, Outcome.BLOCKED, waits_for(known[case], known[culprit]))
            case Refuse(case):
                self.cases.not_run(case, Outcome.ERROR, self._run.refusals.get(case, ""), as_failure=True)
            case Recruit(case):
                self.workers.wanted[case] = None
            case Unplace(case, why):
                reason = why or "every host that could run it is lost"
                self.cases.not_run(case, Outcome.UNPLACED, reason, as_failure=True)

    def _call_off(self) -> None:
        self._run.stopping = True
        if self._run.scheduler is not None:
            self._run.scheduler.stop()
        for node in self._run.roster.alive:
            self._tell(node, "go", 0)
            self._tell(node, "cancel")

    def _let_workers_be_heard(self, *, flag: bool) -> None:
        """What tests write past pytest's capture is meant to be seen; what a session says at its start we say too."""
        for link in self._run.ready_links:
            try:
                link.send("live", flag)
            except HostUnusable as error:
                self._hosts.lost(link, error.message)

    def _tell(self, node: WorkerNode, *message: Any) -> None:
        self._send(node, "tell", wire.pack(list(message)))

    def _send(self, node: WorkerNode, kind: str, what: Any) -> None:
        link = self._run.fleet.links[node.host]
        try:
            link.send(kind, node.slot, what)
        except HostUnusable as error:
            self._hosts.lost(link, error.message)


def _kind(heard: tuple[Sequence[Any], bytes]) -> str:
    """Return "plain" for messages that most tests consist of, which are taken many at once, else the kind itself."""
    kind: str = heard[0][0]
    return "plain" if kind in ("start", "pass") else kind


def _take_note(_link: HostLink, _what: object) -> None:
    """A heartbeat says nothing but that somebody speaks, and that is noted of every message."""
