"""Workers that start, tell what they collected, take leave, or die."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_disttest import wire
from pytest_disttest.controller import obituary
from pytest_disttest.controller.casework import CaseWork
from pytest_disttest.controller.forks import Forks
from pytest_disttest.controller.growth import Growth
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.junit import SuiteProperties
from pytest_disttest.controller.lending import Lending
from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.places import place_of, places_on
from pytest_disttest.controller.run import Run
from pytest_disttest.controller.shared import SharedFacts
from pytest_disttest.controller.sharing import Sharing, bring_home
from pytest_disttest.errors import HostUnusable
from pytest_disttest.model import Grant
from pytest_disttest.schedule import (
    CasesRefused,
    DevicesBusy,
    HostLost,
    NobodyComes,
    WorkerLost,
    WorkerReady,
    WorkWanted,
)
from pytest_disttest.store.stories import WarningTold, WorkerTold

MOST_FAILED_STARTS = 2
STRANGER = "came late, and collects other tests than the hosts that began"


class WorkerFault(Exception):
    """A worker's session broke: pytest's internal error, told by the worker."""


class WorkerWork:
    """Takes what workers say of themselves. *tell* sends a worker a message."""

    def __init__(self, run: Run, cases: CaseWork, tell: Callable[..., None]) -> None:
        self._run = run
        self._cases = cases
        self._tell = tell
        self._suite_properties = SuiteProperties(run.config)
        self._warnings = SharedFacts()
        self._last_warnings: list[tuple[str, dict[str, Any], str, Any]] = []
        self._restarts_left = run.settings.max_worker_restarts
        run.may_replace = self._restarts_left != 0
        self.wanted: dict[int, None] = {}
        self._failed_starts: dict[str, int] = {}
        self._forks = Forks(run, tell)
        self._sharing = Sharing(run, self._forks, tell)
        self.lending = Lending(run, tell)
        self.growth = Growth(run, self._forks.start, self._sharing.way_of_latecomers)

    # what a session tells of its beginning

    def ready(self, node: WorkerNode, facts: dict[str, Any]) -> None:
        """The session has started; once more when a fork goes on in the place of the process that began it."""
        is_new = not hasattr(node, "workerinfo")
        node.learn(wire.restore(facts))
        if is_new:
            self._run.journal.story(WorkerTold(node.host, node.id, facts))
            self._run.config.hook.pytest_testnodeready(node=node)

    def collect(self, node: WorkerNode, data: Any, is_words: bool, place: int) -> None:
        """A collector failed or was skipped, after *place* files of the walk."""
        self._run.collect_reports.append((node.host, node.id, self._cases.replayer.report(data, is_words), place))

    def waiting(self, node: WorkerNode) -> None:
        """The worker would have to collect everything, and may become a fork of one that has."""
        self._forks.waiting(node)

    def collected(self, node: WorkerNode, count: int, digest: str, deselected: int, objection: str) -> None:
        """Collection is over; the table follows from the first worker of a host, from others on request."""
        node.digest = digest
        node.has_collected, node.shares = True, False
        self._run.counts.setdefault(node.host, (count, deselected))
        if self._is_stranger(node):
            self._run.refuse_host(node.host, HostUnusable(node.host, "collection", STRANGER))
            return
        self._sharing.whole(node)
        self._forks.collected(node, objection)
        self._ask_for_unknown_tables(node.host)
        self._release_late(node)

    def _is_stranger(self, node: WorkerNode) -> bool:
        """Whether a host that came late has other tests than those that are planned."""
        link = self._run.fleet.links[node.host]
        return link.late and self._run.scheduler is not None and not self.is_known(node)

    def table(self, node: WorkerNode, table: Any, deselected: Any, lines: Any) -> None:
        """The table of cases, from a worker whose collection is not known yet."""
        for part in (table, deselected):
            bring_home(self._run, node.host, part["rows"])
        self._run.collected.add(node.digest, table, deselected, lines)
        self._ask_for_unknown_tables(node.host)
        self._release_late(node)

    def share(self, node: WorkerNode, facts: dict[str, Any], *tables: Any) -> None:
        """A worker has collected the files that it claimed, and those that it was asked to adopt."""
        node.has_collected = node.shares = True
        self._sharing.add(node, facts, *tables)
        self._release_late(node)

    def files(self, node: WorkerNode, count: int) -> None:
        """A worker has met *count* files of the suite so far."""
        self.growth.files_seen(node, count)

    def refused(self, node: WorkerNode, numbers: list[int], why: str) -> None:
        """A worker cannot collect cases that another one did."""
        assert node.cases is not None
        cases = [node.cases[number] for number in numbers]
        self._run.refusals |= dict.fromkeys(cases, f"worker {node.id} could not collect it: {why}")
        self._run.decide(CasesRefused(node.id, tuple(cases)))

    def assign(self, node: WorkerNode, cases: Sequence[int], grants: Sequence[Grant] = ()) -> None:
        """Hand cases to a worker, which learns first of those that it has not collected, and what they may use."""
        for case in cases:
            if case not in node.items:
                self._sharing.teach(node, case)
        if grants:
            self.lending.grant(node, zip(cases, grants, strict=True))
        self._tell(node, "run", [node.items[case] for case in cases])

    def busy(self, node: WorkerNode, item: int, why: str) -> None:
        """A worker could not have what a case was granted: another run holds it. It waits, or goes where it can."""
        case = node.case(item)
        grant = self._run.grants.get(case)
        if self._run.stopping or grant is None:
            return
        self._run.decide(DevicesBusy(node.id, case))
        scheduler = self._run.scheduler
        is_here = scheduler is not None and case in scheduler.given(node.id) and self._run.grants[case] is grant
        self.lending.denied(case, node, why, waits=is_here)
        if is_here:
            self.lending.grant(node, [(case, grant)])
        self._tell(node, "again" if is_here else "elsewhere", [item])

    def bound(self, node: WorkerNode, item: int, why: str) -> None:
        """A worker cannot show other devices than it did: it ends, its case goes back, and a fresh one comes.

        It parts with ``finished``, as any other: what its plugins have to bring home comes with that.
        """
        self._run.grants.pop(node.case(item), None)
        self._succeed(node, why)

    def spoilt(self, node: WorkerNode, item: int, why: str) -> None:
        """A test has left a device's runtime broken in its process: the worker ends as if it were bound."""
        nodeid = self._run.nodeid(node.case(item))
        self._run.journal.note("worker-spoilt", f"{nodeid}: {why}", host=node.host, worker=node.id)
        self._succeed(node, f"{nodeid} has left CUDA unusable in its process ({why})")

    def _succeed(self, node: WorkerNode, why: str) -> None:
        """Let a fresh worker go on in the place of one that has said that it ends."""
        self._run.decide(WorkerLost(node.id))
        if not self._run.stopping and self._run.remaining:
            self._run.tallies[node.host].restarts += 1
            self.enlist_late(self._run.fleet.links[node.host])
            self._run.screen.note(f"worker {node.id} is replaced: {why}")

    def is_known(self, node: WorkerNode) -> bool:
        """Whether the worker's own item numbers can be understood."""
        return node.has_collected and node.digest in self._run.collected.maps

    def release(self, node: WorkerNode) -> None:
        """Let a worker whose cases are known begin."""
        if node.cases is not None or not self.is_known(node):
            return
        all_cases = self._run.collected.cases_on(node.host, node.digest)
        node.cases = self._sharing.cases_of(node) if node.shares else list(all_cases)
        node.items = {case: number for number, case in enumerate(node.cases) if case >= 0}
        ids = [self._run.nodeid(case) for case in all_cases]
        self._run.config.hook.pytest_xdist_node_collection_finished(node=node, ids=ids)
        holds = frozenset(node.items) if node.shares else None
        self._run.decide(WorkerReady(node.id, place_of(self._run, node), holds))
        self._tell(node, "go", len(ids))

    def need(self, node: WorkerNode) -> None:
        """The worker can take more."""
        self._run.decide(WorkWanted(node.id))

    def _release_late(self, node: WorkerNode) -> None:
        if self._run.scheduler is not None and not self._run.stopping:
            self.release(node)

    def _ask_for_unknown_tables(self, host: str) -> None:
        """Once the first table of a host is here, whoever collected otherwise must send its own."""
        members = self._run.roster.on(host)
        first_is_in = any(self.is_known(node) for node in members)
        for node in members:
            if first_is_in and node.has_collected and not (node.shares or self.is_known(node) or node.asked_for_table):
                node.asked_for_table = True
                self._tell(node, "table")

    # what a session tells of its end

    def finished(self, node: WorkerNode, output: Any) -> None:
        """The session is over, and this is what its plugins left."""
        node.workeroutput = wire.restore(output)
        self.part(node, None)

    def part(self, node: WorkerNode, error: str | None) -> None:
        """A worker takes part no more; harmless when repeated."""
        if not node.is_down:
            node.is_down = True
            self._run.config.hook.pytest_testnodedown(node=node, error=error)

    def vanished(self, nodes: Sequence[WorkerNode], why: str) -> None:
        """The host of all *nodes* takes part no more: what they had not ended, running cases too, goes to others."""
        suspects = sum(node.id in self._cases.running for node in nodes)
        for node in nodes:
            self.part(node, why)
            is_suspect = self._run.fleet.links[node.host].state == "gone" and not self._has_copy(node)
            self._cases.forget(node, suspects=suspects if is_suspect else 0)
            self._run.decide(WorkerLost(node.id))

    def died(self, link: HostLink, node: WorkerNode, code: int, words: dict[str, str]) -> None:
        """A process has ended. One that took leave is expected to; any other has crashed."""
        if node.is_given_up:
            self.part(node, None)
        if node.is_down:
            return
        cause = words.get("why") or obituary.cause_of_death(code)
        self.part(node, f"crashed: {cause}")
        self._run.journal.note("worker-died", cause, host=node.host, worker=node.id)
        if self._run.stopping or self._run.ending is not None:
            self._cases.close_story(node)
            self._run.decide(WorkerLost(node.id))
            return
        if self._has_copy(node):
            self._cases.forget(node)  # the other attempt is what counts
        else:
            self._cases.crashed(node, cause, words, code)
        self._run.decide(WorkerLost(node.id))
        if self._run.scheduler is None or self._run.remaining:
            self._replace(link, node, cause, words)

    def _has_copy(self, node: WorkerNode) -> bool:
        """Whether another worker runs the case that *node* does."""
        story, scheduler = self._cases.running.get(node.id), self._run.scheduler
        return story is not None and scheduler is not None and scheduler.is_copied(story.case, node.id)

    def replace_given_up(self, node: WorkerNode) -> None:
        """Start another worker where one was given up, if it was the last one there and tests are left."""
        link = self._run.fleet.links[node.host]
        others = [other for other in self._run.roster.on(node.host) if not other.is_given_up]
        if self._run.remaining and not others and link.state == "ready" and not self._run.stopping:
            link.replaced += 1
            self.enlist_late(link)

    def _replace(self, link: HostLink, node: WorkerNode, cause: str, words: dict[str, str]) -> None:
        """Start a worker in the place of one that died, unless that is hopeless."""
        refusal = self._refusal(node, cause, words)
        if refusal:
            self._run.tallies[node.host].problem = refusal
            self._run.screen.note(f"worker {node.id} died ({cause}) and is not replaced: {refusal}")
            self._sharing.combine_when_complete(node.host)
            if not self._run.roster.on(node.host):
                for place in places_on(self._run, node.host):
                    self._run.decide(HostLost(place))
            self._run.end_if_nobody_is_left()
            return
        if self._restarts_left is not None:
            self._restarts_left -= 1
            self._run.may_replace = self._restarts_left > 0
        self._run.tallies[node.host].restarts += 1
        fresh = self.enlist_late(link)
        if self._run.scheduler is not None:
            self._cases.retrying.replaced(node, fresh)
        self._run.screen.note(f"worker {node.id} died ({cause}); {fresh.id} takes its place")

    def staff(self) -> None:
        """Start workers for the cases in *wanted*, which none of those who are there is to run again."""
        wanted, self.wanted = self.wanted, {}
        for case in wanted if not self._run.stopping else ():
            links = self._cases.retrying.hosts_for(case)
            hosts = {link.host.name for link in links}
            if any(node.cases is None and node.host in hosts for node in self._run.roster.alive):
                continue  # one is on its way
            if not links:
                self._run.decide(NobodyComes(case))
                continue
            links[0].replaced += 1
            self.enlist_late(links[0])

    def enlist_late(self, link: HostLink) -> WorkerNode:
        """Start a worker while others run already."""
        name = link.host.name
        fresh = self._run.roster.enlist(link, self._forks.start(link))
        is_planned = self._run.scheduler is not None
        collects = "full" if link.late else self._sharing.way_of_latecomers(name)
        has_table = name in self._run.counts or (link.late and is_planned)
        self._run.roster.instruct(link, fresh, table=not has_table, collects=collects)
        return fresh

    def _refusal(self, node: WorkerNode, cause: str, words: dict[str, str]) -> str:
        if not node.has_collected:
            self._failed_starts[node.host] = self._failed_starts.get(node.host, 0) + 1
            if self._failed_starts[node.host] > MOST_FAILED_STARTS:
                last = words.get("err", "").strip().splitlines()[-1:] or [cause]
                return f"workers of {node.host} die before they have collected: {last[0]}"
        if self._restarts_left is not None and self._restarts_left <= 0:
            return "--hw-max-worker-restart allows no more"
        return ""

    # what ends the whole run

    def stopped(self, _node: WorkerNode, kind: str, reason: str) -> None:
        """The worker's pytest session was told to stop: by ``-x``, or by a plugin."""
        session = self._run.session
        if kind == "fail" and not session.shouldfail:
            session.shouldfail = reason
        elif kind == "stop" and not session.shouldstop:
            session.shouldstop = reason

    def exit(self, node: WorkerNode, reason: str, returncode: int | None) -> None:
        """A test or hook called ``pytest.exit``."""
        self._cases.close_story(node)
        self._run.end_early(pytest.exit.Exception(reason, returncode))

    def interrupted(self, node: WorkerNode, _text: str) -> None:
        """A test or hook raised KeyboardInterrupt."""
        self._cases.close_story(node)
        self._run.end_early(KeyboardInterrupt())

    def usage(self, node: WorkerNode, arguments: list[str], has_begun: bool = False) -> None:
        """The command line makes no sense to the worker's pytest; elsewhere, a plugin may be missing."""
        where = () if node.gateway.spec.popen else (f"on host {node.host}, where a plugin may be missing:",)
        self._give_up(node, pytest.UsageError(*where, *arguments), " ".join(arguments), has_begun=has_begun)

    def internal(self, node: WorkerNode, text: str, has_begun: bool = False) -> None:
        """pytest itself, or a plugin, broke in the worker."""
        fault = WorkerFault(f"in worker {node.id} on host {node.host}:\n{text}")
        self._give_up(node, fault, text.strip().rpartition("\n")[2], has_begun=has_begun)

    def _give_up(self, node: WorkerNode, error: Exception, why: str, *, has_begun: bool) -> None:
        """End the run; but a host whose pytest fails before it begins to collect may merely lack what others have."""
        others = [link for link in self._run.ready_links if link.host.name != node.host]
        if has_begun or node.has_collected or not others:
            self._run.end_early(error)
            return
        message = f"pytest cannot begin there ({why})"
        hint = "install there what the suite needs, or leave the host out"
        self._run.refuse_host(node.host, HostUnusable(node.host, "session", message, hint=hint))

    # what belongs to no test

    def suite_property(self, node: WorkerNode, name: Any, value: Any) -> None:
        """A property of the suite for the JUnit report; every worker's session fixture records it."""
        self._suite_properties.add(node.id, wire.restore(name), wire.restore(value))

    def warning(self, node: WorkerNode, data: dict[str, Any], when: str, nodeid: str, location: Any) -> None:
        """A warning was recorded; one outside of tests is shown once, however many workers saw it."""
        if when == "config" and self._run.scheduler is not None:
            self._last_warnings.append((node.id, data, nodeid, location))
        elif when == "runtest" or self._is_new(node.id, when, data):
            if when == "runtest":
                self._run.journal.story(WarningTold(nodeid, data, location))
            self._cases.replayer.warning(data, when, nodeid, location)

    def show_last_warnings(self) -> None:
        """Show those of the sessions' ends; to be called after the controller's own end, which warns of the same."""
        for worker, data, nodeid, location in self._last_warnings:
            if self._is_new(worker, "config", data):
                self._cases.replayer.warning(data, "config", nodeid, location)
        self._last_warnings = []

    def saw_warning(self, when: str, category: str, text: str, filename: str, lineno: int) -> None:
        """The controller recorded this one itself."""
        self._warnings.is_new("", _warning_key(when, category, text, filename, lineno))

    def _is_new(self, worker: str, when: str, data: dict[str, Any]) -> bool:
        key = _warning_key(when, data["category"], data["text"], data["filename"], data["lineno"])
        return self._warnings.is_new(worker, key)


def _warning_key(when: str, category: str, text: str, filename: str, lineno: int) -> tuple[str, ...]:
    """What makes a warning the same in all processes: the directory differs from host to host."""
    return when, category, text, filename.rsplit("/", 1)[-1], str(lineno)
