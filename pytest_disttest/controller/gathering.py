"""The end of collection: pytest on the controller is told what plain collection would have told it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from pytest_disttest.controller.run import Run


class Deselected:
    """Stands for an item that a worker deselected: plugins count them."""

    def __init__(self, number: int) -> None:
        self.name = self.nodeid = f"deselected {number}"


def tell_pytest(run: Run) -> None:
    """Replay failed and skipped collectors, the counts of cases, and what is kept for ``--nf``."""
    partial_failures = tell_of_collectors(run)
    cases = run.collected.cases
    run.session.testscollected = len(cases)
    _, deselected = next(iter(run.counts.values()), (0, 0))
    if deselected:
        run.config.hook.pytest_deselected(items=[Deselected(number) for number in range(deselected)])
    remember_nodeids(run.config, [case.nodeid for case in cases])
    workers, errors = len(run.roster.alive), run.session.testsfailed
    run.screen.collected(cases=len(cases) + deselected, deselected=deselected, errors=errors, workers=workers)
    for line in run.collected.status_lines:
        run.screen.note(line)
    for nodeid, failed_on in sorted(partial_failures.items()):
        run.screen.note(f"{nodeid} cannot be collected on {', '.join(failed_on)}; other hosts can")


def tell_of_collectors(run: Run) -> dict[str, list[str]]:
    """Replay failed and skipped collectors; return those that failed on some hosts only, with the hosts' names."""
    reports, partial_failures = errors_of_all(run.collect_reports, list(run.counts))
    for report in reports:
        run.config.hook.pytest_collectreport(report=report)
    return partial_failures


def errors_of_all(
    reports: Iterable[tuple[str, str, Any, int]], hosts: Sequence[str]
) -> tuple[list[Any], dict[str, list[str]]]:
    """Tell collection failures that every host has from those of some hosts only.

    *reports* are (host, worker, report, place in the walk), of collectors that failed or were skipped. Returns those
    to show, in the order of the walk, each as often as one host told it (two collectors may share a node id), and for
    each node id that failed on some hosts only, the names of those hosts.
    """
    failed_on: dict[str, set[str]] = defaultdict(set)
    of_one_host: dict[tuple[str, str], list[tuple[int, Any]]] = {}
    for (outcome, nodeid, host), group in _by_host(reports).items():
        if outcome == "failed":
            failed_on[nodeid].add(host)
        if len(group) > len(of_one_host.get((outcome, nodeid), ())):
            of_one_host[outcome, nodeid] = group
    partial = {nodeid: sorted(on) for nodeid, on in failed_on.items() if len(on) < len(hosts)}
    shown = [group for (how, nodeid), group in of_one_host.items() if how != "failed" or nodeid not in partial]
    in_order = sorted((pair for group in shown for pair in group), key=lambda pair: pair[0])
    return [report for _, report in in_order], partial


def _by_host(reports: Iterable[tuple[str, str, Any, int]]) -> dict[tuple[str, str, str], list[tuple[int, Any]]]:
    """What each host told of a collector: at each place of the walk, as often as one of its workers did."""
    told: dict[tuple[str, str, str, int], dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for host, worker, report, place in reports:
        told[report.outcome, report.nodeid, host, place][worker].append(report)
    by_host: dict[tuple[str, str, str], list[tuple[int, Any]]] = defaultdict(list)
    for (outcome, nodeid, host, place), by_worker in told.items():
        by_host[outcome, nodeid, host] += [(place, report) for report in max(by_worker.values(), key=len)]
    return by_host


def remember_nodeids(config: pytest.Config, nodeids: Iterable[str]) -> None:
    """``--nf`` compares with the ids of earlier runs, which only a collecting process would remember."""
    plugin = config.pluginmanager.get_plugin("nfplugin")
    known = getattr(plugin, "cached_nodeids", None)
    if known is not None:
        parse = _id_parser()
        known.update(parse(nodeid) for nodeid in nodeids)


def name_as_collected(config: pytest.Config, hosts: Iterable[str]) -> None:
    """``--lf`` looks for ids that collection gives: of a test that ran on each host it shall know the plain one."""
    plugin = config.pluginmanager.get_plugin("lfplugin")
    known: dict[Any, bool] = getattr(plugin, "lastfailed", {})
    endings, parse = tuple({f"[@{host}]" for host in hosts}), _id_parser()
    for nodeid in [nodeid for nodeid in known if str(nodeid).endswith(endings)]:
        known[parse(str(nodeid).rpartition("[@")[0])] = known.pop(nodeid)


def _id_parser() -> Any:
    try:
        from _pytest.nodeid import NodeId
    except ImportError:
        return str
    return NodeId.parse
