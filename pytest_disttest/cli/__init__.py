"""The `disttest` command: what past runs left, which hosts there are, and what they have.

Exit codes are pytest's: 0 fine, 1 the store or a run is at fault, 4 the command line is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from pytest_disttest import __version__, store
from pytest_disttest.cli.places import bring_in, no_store, print_json, repaired, store_of
from pytest_disttest.errors import DisttestError

USAGE_ERROR = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line *argv* (default: the process's own) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a node id that the terminal cannot show is no reason to stop
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except DisttestError as error:
        print(f"disttest: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # `disttest runs | head -1`: the reader has what it wanted
        sys.stdout = None  # or Python complains once more when it flushes at exit
        return 0
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    """A parser whose usage errors end with pytest's code for them, not with argparse's 2."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)  # the parsers of the commands do not inherit this

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE_ERROR, f"{self.prog}: {message}\n  hint: `{self.prog} --help` lists what there is\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="disttest", description="Look at the runs and hosts of pytest --dist-hw.")
    parser.add_argument("--version", action="version", version=f"disttest {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    runs = commands.add_parser("runs", help="list past runs, newest first")
    runs.add_argument("--limit", type=_at_least_one, default=20, metavar="N", help="show N runs (default: 20)")
    _common(runs, _runs)

    show = commands.add_parser("show", help="tell about one run: hosts, outcomes, slowest, failures, flaky tests")
    show.add_argument("run", metavar="RUN", help="a run's id, the beginning of one, or `last`")
    show.add_argument("--failed", action="store_true", help="only the failures, with their tracebacks")
    show.add_argument("--slowest", type=_at_least_one, default=10, metavar="N", help="show N slow tests (default: 10)")
    show.add_argument("--gantt", action="store_true", help="only who was busy when, predicted beside actual")
    show.add_argument("--html", type=Path, metavar="FILE", help="draw that into FILE, as a page")
    show.add_argument("--svg", type=Path, metavar="FILE", help="draw that into FILE, as a picture")
    _common(show, _show)

    ingest = commands.add_parser("ingest", help="bring the journals of ended or killed runs into the history")
    _common(ingest, _ingest)

    explain = commands.add_parser("explain", help="tell where the tests of a run fit, and why not elsewhere")
    explain.add_argument("nodeid", metavar="NODEID", nargs="?", default="", help="a test, or the beginning of several")
    explain.add_argument("run", metavar="RUN", nargs="?", default="last", help="the run (default: the last)")
    explain.add_argument("--all", action="store_true", help="every test that asks for something, also where it fits")
    _common(explain, _explain)

    recovery = commands.add_parser("recovery", help="tell what recovery steps brought so far, and what is tried first")
    _common(recovery, _recovery)

    hosts = commands.add_parser("hosts", help="list the hosts of the inventory, and what they have")
    hosts.add_argument("--probe", action="store_true", help="ask them now; otherwise what the last run or probe saw")
    _of_hosts(hosts, _hosts)

    probe = commands.add_parser("probe", help="tell what a host has")
    probe.add_argument("host", metavar="HOST", nargs="?", default="local", help="a host (default: this machine)")
    probe.add_argument("--browsers", action="store_true", help="open the browsers, too, which takes some seconds")
    probe.add_argument("--fresh", action="store_true", help="look again, whatever is remembered")
    probe.add_argument("--verify", action="store_true", help="let the devices calculate something, and look at it")
    probe.add_argument("--record", metavar="FILE", help="write what was found into FILE, for --hw-simulate")
    _of_hosts(probe, _probe)
    return parser


def _of_hosts(parser: argparse.ArgumentParser, command: object) -> None:
    parser.add_argument("--inventory", metavar="FILE", help="read FILE, not the project's own inventory")
    parser.add_argument("--timeout", type=_seconds, default=60.0, metavar="S", help="seconds to find out (default: 60)")
    _common(parser, command)


def _common(parser: argparse.ArgumentParser, command: object) -> None:
    parser.add_argument("--store", type=Path, metavar="DIR", help="the store (default: the nearest .disttest upwards)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def _at_least_one(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def _runs(arguments: argparse.Namespace) -> int:
    from pytest_disttest.reports import past_runs
    from pytest_disttest.store import history

    directory = store_of(arguments)
    bring_in(directory)
    rows = repaired(directory, lambda: history.newest_runs(directory, limit=arguments.limit))
    if arguments.json:
        print_json([asdict(row) for row in rows])
    elif rows:
        past_runs.write_runs(rows, sys.stdout)
    else:
        print(f"no runs are kept in {directory}; `pytest --dist-hw` makes one")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if arguments.gantt or arguments.html or arguments.svg:
        from pytest_disttest.cli.drawing import draw

        return draw(arguments)
    from pytest_disttest.reports import past_runs
    from pytest_disttest.store import history

    directory = store_of(arguments)
    bring_in(directory)
    report = repaired(directory, lambda: history.report(directory, arguments.run, slowest=arguments.slowest))
    if arguments.json and arguments.failed:
        print_json({"run": asdict(report.run), "failures": [asdict(row) for row in report.failures]})
    elif arguments.json:
        print_json(asdict(report))
    elif arguments.failed:
        past_runs.write_failures(report, sys.stdout)
    else:
        past_runs.write_run(report, sys.stdout)
    return 0


def _ingest(arguments: argparse.Namespace) -> int:
    directory = store_of(arguments)
    if not directory.is_dir():
        raise no_store(directory)
    summary = store.ingest(directory, verify=True)
    if arguments.json:
        print_json(summary._asdict())
    else:
        print(summary)
    return 1 if summary.left else 0


def _hosts(arguments: argparse.Namespace) -> int:
    from pytest_disttest.cli.hosts import list_hosts

    return list_hosts(arguments)


def _probe(arguments: argparse.Namespace) -> int:
    from pytest_disttest.cli.hosts import probe

    return probe(arguments)


def _explain(arguments: argparse.Namespace) -> int:
    from pytest_disttest.cli.explain import explain

    return explain(arguments)


def _recovery(arguments: argparse.Namespace) -> int:
    from pytest_disttest.cli.recovery import tell_recoveries

    return tell_recoveries(arguments)
