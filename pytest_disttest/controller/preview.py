"""``--collect-only``: pytest's own collection, and below it what each case asks for; no host is asked, nothing runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from pytest_disttest.controller.collection import Collected, automark, is_partial
from pytest_disttest.errors import DisttestError
from pytest_disttest.match import eligibility, offered
from pytest_disttest.model import NOTHING, Case
from pytest_disttest.options import Settings
from pytest_disttest.plan import build_plan, render_plan
from pytest_disttest.worker.census import census, digest
from pytest_disttest.worker.facts import host_facts


class Preview:
    """Shows the requirements of collected cases, and with ``--hw-plan`` the plan."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._deselected: list[pytest.Item] = []
        self._cases: list[Case] = []
        self._plan: list[str] = []

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected.extend(items)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        collected = Collected(automark=automark(self._config))
        try:
            collected.add(digest(session.items), census(session.items), census(self._deselected), [])
            self._cases = collected.cases
            if self._settings.show_plan and not session.testsfailed:
                self._plan = list(self._planned(collected))
        except DisttestError as error:
            raise pytest.UsageError(str(error)) from error

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        wanting = [case for case in self._cases if wishes(case)]
        if wanting and self._config.get_verbosity() >= -1:
            terminalreporter.section("requirements")
            for case in wanting:
                terminalreporter.write_line(f"{case.nodeid}: {'; '.join(wishes(case))}")
        if self._plan:
            terminalreporter.section("plan")
            for line in self._plan:
                terminalreporter.write_line(line)

    def _planned(self, collected: Collected) -> Iterator[str]:
        """Yield the plan. Where other machines take part, which would have to be asked first, it leaves hosts out."""
        hosts, cases = self._settings.hosts, collected.cases
        remote = [host.name for host in hosts if host.transport != "local"]
        offers = {} if remote else {host.name: offered(host_facts(), host) for host in hosts}
        if remote:
            yield f"what {', '.join(remote)} can run is not known before the run: no host is asked here"
            cases = [replace(case, demand=NOTHING) for case in cases]
        eligible, unplaced = eligibility(cases, offers)
        plan = build_plan(
            [*cases, *collected.deselected],
            eligible=eligible,
            unplaced=unplaced,
            ignore_unknown=self._settings.ignore_unknown_dependency,
            partial=is_partial(self._config),
        )
        yield from render_plan(plan, cases, offers).splitlines()


def wishes(case: Case) -> list[str]:
    """Return what a case asks for, each in words."""
    words = [str(requirement) for requirement in case.requirements]
    if case.depends:
        words.append(f"after {', '.join(map(str, case.depends))}")
    if case.together:
        words.append(f"together with group {case.together}")
    return words
