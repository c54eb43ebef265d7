"""``--collect-only``: pytest's own collection, and below it what each case asks for; nothing runs.

This machine is asked what it has where the user wants to know where tests fit; other hosts are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pytest_disttest.controller.collection import Collected, automark, is_partial
from pytest_disttest.controller.demands import demands_of, families_of
from pytest_disttest.errors import DisttestError
from pytest_disttest.match import eligibility
from pytest_disttest.match.described import described, families_declared
from pytest_disttest.match.explanation import Standing
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.model import NOTHING, Capabilities, Case
from pytest_disttest.options import Settings
from pytest_disttest.plan import build_plan, render_plan
from pytest_disttest.store import store_directory
from pytest_disttest.worker.census import census, digest
from pytest_disttest.worker.facts import host_facts
from pytest_disttest.worker.inquiries import LEASED
from pytest_disttest.worker.leases import read_leases


class Preview:
    """Shows the requirements of collected cases, and with ``--hw-plan`` the plan."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._deselected: list[pytest.Item] = []
        self._cases: list[Case] = []
        self._plan: list[str] = []
        self._why: list[str] = []

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected.extend(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        collected = Collected(
            automark=automark(self._config), defaults=self._settings.defaults, presets=self._settings.presets
        )
        try:
            collected.add(digest(session.items), census(session.items), census(self._deselected), [])
            self._cases = collected.cases
            if not session.testsfailed:
                self._look(collected)
        except DisttestError as error:
            raise pytest.UsageError(str(error)) from error

    def _look(self, collected: Collected) -> None:
        settings = self._settings
        wants = settings.explain is not None or settings.explain_host
        if not (settings.show_plan or wants):
            return
        offers = self._offers(collected.cases)
        if settings.show_plan:
            self._plan = list(self._planned(collected, offers))
        if wants:
            self._why = self._explained(collected.cases, offers)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        wanting = [case for case in self._cases if wishes(case)]
        if wanting and self._config.get_verbosity() >= -1:
            terminalreporter.section("requirements")
            for case in wanting:
                terminalreporter.write_line(f"{case.nodeid}: {'; '.join(wishes(case))}")
        for title, lines in (("plan", self._plan), ("where tests fit", self._why)):
            if lines:
                terminalreporter.section(title)
                for line in lines:
                    terminalreporter.write_line(line)

    def _planned(self, collected: Collected, offers: Mapping[str, Capabilities]) -> Iterator[str]:
        """Yield the plan. Where other machines take part, which would have to be asked first, it leaves hosts out."""
        cases = collected.cases
        remote = self._remote()
        if remote:
            yield f"what {', '.join(remote)} can run is not known before the run: no host is asked here"
            cases, offers = [replace(case, demand=NOTHING) for case in cases], {}
        eligible, unplaced = eligibility(cases, offers)
        plan = build_plan(
            [*cases, *collected.deselected],
            eligible=eligible,
            unplaced=unplaced,
            ignore_unknown=self._settings.ignore_unknown_dependency,
            partial=is_partial(self._config),
        )
        if not self._settings.plan_file or remote:
            yield from render_plan(plan, cases, offers).splitlines()
        if not remote:
            from pytest_disttest.controller.foreseeing import foretold

            store = store_directory(self._config.rootpath)
            hosts, file = self._settings.hosts, self._settings.plan_file
            yield from foretold(plan, cases, hosts, offers, store=store, plan_file=file)
        elif self._settings.plan_file:
            yield f"the plan is not drawn in {self._settings.plan_file}: that needs the hosts, and so a run"

    def _explained(self, cases: Sequence[Case], offers: Mapping[str, Capabilities]) -> list[str]:
        """Explain the cases; a host that would have to be asked first is what it was when it was last asked."""
        from pytest_disttest.controller import explaining

        remembered = explaining.profiles_seen(store_directory(self._config.rootpath))
        standings = {
            host.name: Standing("ready", "", offers[host.name])
            if host.name in offers
            else Standing("offline", "not asked with --collect-only", explaining.as_remembered(host, remembered))
            for host in self._settings.hosts
        }
        explained = explaining.explain_cases(cases, standings, self._leases(cases))
        return explaining.asked_lines(self._settings, explained, standings)

    def _leases(self, cases: Sequence[Case]) -> dict[str, list[dict[str, Any]]]:
        """Return, for each name of this machine, who holds its devices, if *cases* want any and others keep theirs."""
        if self._settings.steal or not LEASED & families_of(demands_of(cases)):
            return {}
        rows = read_leases()
        return {
            host.name: rows for host in self._settings.hosts if host.transport == "local" and host.simulated is None
        }

    def _remote(self) -> list[str]:
        return [host.name for host in self._settings.hosts if host.transport != "local"]

    def _offers(self, cases: Sequence[Case]) -> dict[str, Capabilities]:
        """Return what this machine and simulated hosts have, asked for what *cases* want to know."""
        local = [host for host in self._settings.hosts if host.transport == "local"]
        families = families_of(demands_of(cases)).union(*map(families_declared, local))
        asks = families and any(host.simulated is None for host in local)
        found = read_profile(probe(families, self._settings.probe_timeout_s)) if asks else None
        return {host.name: described(host, host_facts(), found, families) for host in local}


def probe(families: frozenset[str], limit_s: float) -> dict[str, Any]:
    """Return the profile of this machine, as far as *families* go."""
    from pytest_disttest.worker.probing import probe_host

    return probe_host(sorted(families), limit_s=limit_s)


def wishes(case: Case) -> list[str]:
    """Return what a case asks for, each in words."""
    words = [str(requirement) for requirement in case.requirements]
    if case.depends:
        words.append(f"after {', '.join(map(str, case.depends))}")
    if case.together:
        words.append(f"together with group {case.together}")
    return words
