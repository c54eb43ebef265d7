"""Where tests fit and why not elsewhere: said on the screen, kept in the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import starmap
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pytest_disttest.controller import leased
from pytest_disttest.controller.demands import demands_of
from pytest_disttest.controller.hosts import HostLink
from pytest_disttest.controller.leased import Leases
from pytest_disttest.controller.run import Run
from pytest_disttest.errors import BadOption, ProtocolFault, did_you_mean
from pytest_disttest.match.described import described
from pytest_disttest.match.explaining import Explainer
from pytest_disttest.match.explanation import FITS, PENDING, Explanation, Standing
from pytest_disttest.match.profiles import read_profile
from pytest_disttest.match.records import explanation_as_plain
from pytest_disttest.match.reverse import explain_host
from pytest_disttest.model import Capabilities, Case, Demand, Host
from pytest_disttest.options import Settings
from pytest_disttest.reports.explanation import explanation_lines, host_lines
from pytest_disttest.reports.wording import plural
from pytest_disttest.store.hardware import DemandExplained
from pytest_disttest.store.known_hosts import known_hosts

MOST_KEPT: Final = 500
"""Of a run with more distinct demands than this, the journal keeps the explanations of those that fit nowhere only."""
FAMILIES: Final = ("system", "cpu", "memory", "disk", "gpu", "accel", "browser", "python", "pci", "usb")


class Explained(NamedTuple):
    """A demand's explanation and the cases that have it."""

    explanation: Explanation
    cases: Sequence[Case]

    @property
    def has_place(self) -> bool:
        """Whether a host runs these cases in this run, maybe after others have given back its devices."""
        return self.explanation.verdict == FITS or self.is_leased

    @property
    def is_leased(self) -> bool:
        """Whether others hold the devices that these cases need."""
        return leased.CODE in self.explanation.codes


def explain_cases(
    cases: Iterable[Case], hosts: Mapping[str, Standing], leases: Leases = MappingProxyType({})
) -> list[Explained]:
    """Return the explanation of each distinct demand of *cases*, in their order."""
    explainer = Explainer(hosts)
    told = {demand: (explainer.explain(demand), group) for demand, group in demands_of(cases).items()}
    if not any(leases.values()):
        return list(starmap(Explained, told.values()))
    others = leased.Leased(hosts, leases)
    return [Explained(others.told(demand, otherwise), group) for demand, (otherwise, group) in told.items()]


def leases_of(run: Run) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Return by host what others held of its devices when it was asked; nothing where leases are broken anyway."""
    return {} if run.settings.steal else {link.host.name: link.leases for link in run.ready_links}


def is_awaited(run: Run, demands: Iterable[Demand]) -> bool:
    """Whether a demand fits no host now, and might fit one that is away."""
    explainer = Explainer(standings(run))
    return any(explainer.explain(demand).verdict == PENDING for demand in demands)


def standings(run: Run) -> dict[str, Standing]:
    """Return where each host stands: those of the run, and those of the inventory that it does not use."""
    remembered = profiles_seen(run.journal.path.parents[1])
    found = {link.host.name: _standing(run, link, remembered) for link in run.fleet.links.values()}
    for host in run.settings.others:
        reason = "not in this run" if host.enabled else "disabled in the inventory"
        found.setdefault(host.name, Standing("disabled", reason, as_remembered(host, remembered)))
    return found


def profiles_seen(store: Path) -> dict[str, Mapping[str, object]]:
    """Return what each host said when it was last asked, by name."""
    return {name: seen.profile for name, seen in known_hosts(store).items()}


def _standing(run: Run, link: HostLink, remembered: Mapping[str, Mapping[str, object]]) -> Standing:
    if link.facts and (link.state == "ready" or link.capabilities.drained):
        return Standing("ready", "", link.capabilities)
    if link.barred:
        known = link.capabilities if link.facts else as_remembered(link.host, remembered)
        return Standing("quarantined", link.barred, known)
    reason = run.tallies[link.host.name].problem or link.state
    return Standing("offline", reason, as_remembered(link.host, remembered))


def as_remembered(host: Host, remembered: Mapping[str, Mapping[str, object]]) -> Capabilities | None:
    """Return what a host had when it was last asked, None for one that never was."""
    if host.simulated is not None:
        return described(host, {}, None)
    if host.name not in remembered:
        return None
    try:
        return described(host, {}, read_profile(remembered[host.name]), FAMILIES)
    except ProtocolFault:
        return None


# what is said and kept


def keep(run: Run, explained: Sequence[Explained]) -> None:
    """Put explanations into the journal."""
    for each in explained:
        if each.has_place and len(explained) > MOST_KEPT:
            continue
        told = each.explanation
        cases = tuple(case.index for case in each.cases)
        run.journal.hardware(
            DemandExplained(demand_words(told.demand), told.verdict, told.summary, told.hosts, cases, _to_keep(each))
        )


def _to_keep(each: Explained) -> dict[str, object]:
    """Return an explanation as it is stored: plain values, and the lines that tell of it."""
    lines = explanation_lines(each.explanation, [case.nodeid for case in each.cases])
    return {**explanation_as_plain(each.explanation), "lines": lines}


def show_asked(run: Run, explained: Sequence[Explained], hosts: Mapping[str, Standing]) -> None:
    """Say what ``--hw-explain`` and ``--hw-explain-host`` want to know of *explained* and *hosts*."""
    for line in asked_lines(run.settings, explained, hosts):
        run.screen.note(line)


def asked_lines(settings: Settings, explained: Sequence[Explained], hosts: Mapping[str, Standing]) -> list[str]:
    """Return the lines that explain the tests, and the host, that the user asked about.

    Raises BadOption where a node id is meant and no test that asks for anything begins so.
    """
    lines: list[str] = []
    nodeid = settings.explain
    if nodeid is not None:
        meant = [each for each in explained if any(case.nodeid.startswith(nodeid) for case in each.cases)]
        if nodeid and not meant:
            known = [case.nodeid for each in explained for case in each.cases]
            hint = did_you_mean(nodeid, known) or "a test that asks for nothing runs anywhere"
            raise BadOption(f"no test that asks for anything begins with {nodeid!r}", place="--hw-explain", hint=hint)
        if not meant:
            lines.append("no test asks for anything: each runs on any host")
        for each in meant:
            cases = [case for case in each.cases if case.nodeid.startswith(nodeid)]
            lines += explanation_lines(each.explanation, [case.nodeid for case in cases])
    if settings.explain_host:
        tests = {each.explanation.demand: [case.nodeid for case in each.cases] for each in explained}
        lines += host_lines(explain_host(settings.explain_host, tests, hosts))
    return lines


def unmatched_lines(explained: Sequence[Explained]) -> list[str]:
    """Return the whole explanation of each demand that has no host, for a run that ends before it begins."""
    without = [each for each in explained if not each.has_place]
    count = sum(len(each.cases) for each in without)
    lines = [f"{plural(count, 'test')} cannot run on any host of this run"]
    for each in without:
        lines += explanation_lines(each.explanation, [case.nodeid for case in each.cases])
    return lines


def leased_lines(explained: Sequence[Explained]) -> list[str]:
    """Return a line for each demand whose devices others hold: who does, and for what."""
    return [
        f"{_title(each.cases)}: its devices are in use, on host {host}: {reason}"
        for each in explained
        if each.is_leased
        for host, reason in each.explanation.later
    ]


def summary_lines(explained: Sequence[Explained]) -> list[str]:
    """Return a line for each demand that has no host, for the end of the run."""
    return [
        f"{_title(each.cases)}: {each.explanation.verdict.upper()} {each.explanation.summary}"
        for each in explained
        if not each.has_place
    ]


def demand_words(demand: Demand) -> str:
    """Return a demand in the words of the marker: alternatives apart by ``or``."""
    from pytest_disttest.needs import shown

    told = [", ".join(map(shown, alternative)) or "anything" for alternative in demand.alternatives]
    return " or ".join(told)


def _title(cases: Sequence[Case]) -> str:
    more = f" and {plural(len(cases) - 1, 'other test')}" if len(cases) > 1 else ""
    return f"{cases[0].nodeid}{more}"
