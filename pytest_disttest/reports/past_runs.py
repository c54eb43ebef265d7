"""Past runs and the inventory as text, for the `disttest` command."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from pytest_disttest.reports.tables import print_table, visible
from pytest_disttest.reports.wording import clock, first_line, plural

if TYPE_CHECKING:
    from pytest_disttest.model import Host
    from pytest_disttest.store.history import FailureRow, RunReport, RunRow

# The order in which a reader wants to know them; pytest's summary line has the same.
OUTCOMES = ("failed", "error", "crashed", "passed", "skipped", "blocked", "unplaced", "cancelled", "xfailed", "xpassed")


def write_runs(runs: Sequence[RunRow], out: TextIO) -> None:
    """Write one row per run, as given."""
    columns = ("run", "started (UTC)", "took", "state", "exit", "tests", "outcomes", "commit")
    rows = [
        (
            run.run_id,
            moment(run.started_at),
            _took(run),
            run.state,
            _exit(run),
            run.cases,
            outcomes(run.outcomes),
            run.git_commit[:10],
        )
        for run in runs
    ]
    print_table(columns, rows, out, right=("took", "exit", "tests"))


def write_run(report: RunReport, out: TextIO) -> None:
    """Write all that is known about one run: header, hosts, slowest, failed, not run and flaky tests, notes."""
    _write_header(report.run, out)
    _write_hosts(report, out)
    if report.slowest:
        rows = [(duration(row.duration_s), row.outcome, row.host, row.nodeid) for row in report.slowest]
        _section("slowest", out)
        print_table(("took", "outcome", "host", "test"), rows, out, right=("took",))
    if report.failures:
        _section(plural(len(report.failures), "failure"), out)
        for failure in report.failures:
            _write_failure(failure, out)
    if report.not_run:
        _section("not run", out)
        not_run = [(_name(row.nodeid, row.occurrence), row.outcome, first_line(row.message)) for row in report.not_run]
        print_table(("test", "outcome", "reason"), not_run, out)
    if report.flaky:
        _section("flaky: passed after a failed attempt", out)
        flaky = [(_name(row.nodeid, row.occurrence), row.attempts, row.host, row.message) for row in report.flaky]
        print_table(("test", "attempts", "failed on", "first failure"), flaky, out, right=("attempts",))
    if report.changes:
        _section("hosts that had changed", out)
        changed = [(row.host, row.device, row.fact, row.before, row.after) for row in report.changes]
        print_table(("host", "device", "fact", "before", "after"), changed, out)
    if report.notes:
        _section("notes", out)
        notes = [(moment(row.at), row.kind, row.host, row.worker, row.text) for row in report.notes]
        print_table(("at (UTC)", "kind", "host", "worker", "text"), notes, out)


def write_failures(report: RunReport, out: TextIO) -> None:
    """Write what did not end well in a run, each with its traceback."""
    _line(f"run {report.run.run_id}: {plural(len(report.failures), 'failure')}", out)
    for failure in report.failures:
        out.write("\n")
        _write_failure(failure, out)
        for line in _beyond_the_message(failure):
            _line(f"    {line}", out)


def _beyond_the_message(failure: FailureRow) -> list[str]:
    """Return the lines of the traceback; a crash has none, its words begin with the message that is shown already."""
    lines = failure.longrepr.splitlines()
    return lines[1:] if lines[:1] == [first_line(failure.message)] else lines


def write_inventory(hosts: Sequence[Host], out: TextIO) -> None:
    """Write one row per host of the inventory."""
    rows = [
        (
            host.name,
            host.transport,
            _address(host),
            host.workers or "auto",
            ", ".join(host.tags),
            "yes" if host.enabled else "no",
            host.line,
        )
        for host in hosts
    ]
    columns = ("name", "transport", "address", "workers", "tags", "enabled", "described in")
    print_table(columns, rows, out, right=("workers",))


def outcomes(counts: Mapping[str, int]) -> str:
    """Return ``2 failed, 10 passed``, the worst first."""
    known = [name for name in OUTCOMES if name in counts]
    return ", ".join(f"{counts[name]} {name}" for name in (*known, *sorted(set(counts) - set(known))))


def duration(seconds: float) -> str:
    """Return ``0.12 s`` below a minute, ``12:05`` from there on."""
    return f"{seconds:.2f} s" if seconds < 60 else clock(seconds)


def moment(at: float | None) -> str:
    """Return POSIX seconds as date and time in UTC, "" for an unknown moment."""
    return "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _write_header(run: RunRow, out: TextIO) -> None:
    ending = "interrupted before its end" if run.exit_status is None else f"exit status {run.exit_status}"
    if run.state == "resumed":
        ending += "; resumed by a later run, which has the results that it kept"
    _line(f"run {run.run_id}: {ending}", out)
    _line(f"  started   {moment(run.started_at)} UTC, took {_took(run) or 'unknown'}", out)
    _line(f"  command   {shlex.join(('pytest', *run.args))}", out)
    commit = f", commit {run.git_commit}" if run.git_commit else ""
    _line(f"  in        {run.rootdir}{commit}, pytest-disttest {run.version}", out)
    _line(f"  outcomes  {outcomes(run.outcomes) or 'none'}; {_tests(run)}", out)
    if run.unreadable_lines:
        _line(f"  damage    {plural(run.unreadable_lines, 'line')} of its journal could not be read", out)


def _tests(run: RunRow) -> str:
    return f"{plural(run.cases, 'test')}, {plural(run.attempts, 'attempt')}"


def _write_hosts(report: RunReport, out: TextIO) -> None:
    if not report.hosts:
        return
    rows = [
        (
            host.name,
            host.address or host.transport,
            host.workers,
            host.attempts,
            duration(host.busy_s),
            f"{host.state}: {host.reason}" if host.reason else host.state,
            host.python,
            host.platform,
        )
        for host in report.hosts
    ]
    _section("hosts", out)
    columns = ("host", "address", "workers", "attempts", "busy", "state", "python", "platform")
    print_table(columns, rows, out, right=("workers", "attempts", "busy"))


def _write_failure(failure: FailureRow, out: TextIO) -> None:
    place = " ".join(filter(None, (failure.host and f"on {failure.host}", failure.worker and f"({failure.worker})")))
    tried = f"after {failure.attempts} attempts" if failure.attempts > 1 else ""
    head = " ".join(filter(None, (failure.outcome, place, tried)))
    _line(f"{_name(failure.nodeid, failure.occurrence)}: {head}", out)
    if said := first_line(failure.message):
        _line(f"  {said}", out)


def _name(nodeid: str, occurrence: int) -> str:
    return f"{nodeid} (#{occurrence + 1} of this id)" if occurrence else nodeid


def _took(run: RunRow) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return duration(max(0.0, run.ended_at - run.started_at))


def _exit(run: RunRow) -> str:
    return "" if run.exit_status is None else str(run.exit_status)


def _address(host: Host) -> str:
    return f"{host.address}:{host.port}" if host.port else host.address


def _section(title: str, out: TextIO) -> None:
    out.write(f"\n{title}\n")


def _line(text: str, out: TextIO) -> None:
    out.write(f"{visible(text)}\n")
