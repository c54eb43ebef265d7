"""The `disttest` command: what past runs left, and which hosts there are.

Exit codes are pytest's: 0 fine, 1 the store or a run is at fault, 4 the command line is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pytest_disttest import __version__, store
from pytest_disttest.errors import DisttestError, StoreFault

if TYPE_CHECKING:
    from pytest_disttest.model import Host

Answer = TypeVar("Answer")

USAGE_ERROR = 4
PROJECT_FILES = ("disttest.toml", "pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", ".git")


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
    _common(show, _show)

    ingest = commands.add_parser("ingest", help="bring the journals of ended or killed runs into the history")
    _common(ingest, _ingest)

    hosts = commands.add_parser("hosts", help="list the hosts of the inventory")
    hosts.add_argument("--inventory", metavar="FILE", help="read FILE, not the project's own inventory")
    hosts.add_argument("--json", action="store_true", help="print JSON")
    hosts.set_defaults(command=_hosts)
    return parser


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


def _runs(arguments: argparse.Namespace) -> int:
    from pytest_disttest.reports import past_runs
    from pytest_disttest.store import history

    directory = _store(arguments)
    _bring_in(directory)
    rows = _repaired(directory, lambda: history.newest_runs(directory, limit=arguments.limit))
    if arguments.json:
        _print_json([asdict(row) for row in rows])
    elif rows:
        past_runs.write_runs(rows, sys.stdout)
    else:
        print(f"no runs are kept in {directory}; `pytest --dist-hw` makes one")
    return 0


def _show(arguments: argparse.Namespace) -> int:
    from pytest_disttest.reports import past_runs
    from pytest_disttest.store import history

    directory = _store(arguments)
    _bring_in(directory)
    report = _repaired(directory, lambda: history.report(directory, arguments.run, slowest=arguments.slowest))
    if arguments.json and arguments.failed:
        _print_json({"run": asdict(report.run), "failures": [asdict(row) for row in report.failures]})
    elif arguments.json:
        _print_json(asdict(report))
    elif arguments.failed:
        past_runs.write_failures(report, sys.stdout)
    else:
        past_runs.write_run(report, sys.stdout)
    return 0


def _ingest(arguments: argparse.Namespace) -> int:
    directory = _store(arguments)
    if not directory.is_dir():
        raise _no_store(directory)
    summary = store.ingest(directory, verify=True)
    if arguments.json:
        _print_json(summary._asdict())
    else:
        print(summary)
    return 1 if summary.left else 0


def _hosts(arguments: argparse.Namespace) -> int:
    from pytest_disttest.inventory import load_inventory
    from pytest_disttest.reports import past_runs

    here = Path.cwd()
    hosts = tuple(load_inventory(_project(here), arguments.inventory, invocation_dir=here).hosts.values())
    if arguments.json:
        _print_json([_without_secrets(host) for host in hosts])
    elif hosts:
        past_runs.write_inventory(hosts, sys.stdout)
    else:
        print("no hosts are described; without any, `pytest --dist-hw` uses this machine")
    return 0


def _without_secrets(host: Host) -> dict[str, object]:
    """Return *host* as plain values; of its environment only the names, for values may be secrets."""
    return {**asdict(host), "environment": [name for name, _ in host.environment]}


def _bring_in(directory: Path) -> None:
    """Ingest what waits, so that a killed run is shown, too; where that fails the history is shown as it is."""
    if not directory.is_dir():
        raise _no_store(directory)
    try:
        summary = store.ingest(directory, deadline_s=2.0)
    except StoreFault as fault:
        print(f"disttest: {fault.message}; showing what was ingested before", file=sys.stderr)
        return
    for message in summary.messages:
        print(f"disttest: {message}", file=sys.stderr)


def _repaired(directory: Path, ask: Callable[[], Answer]) -> Answer:
    """Return the answer of the history, made anew from the journals if it turns out to be damaged."""
    from pytest_disttest.store.database import HistoryCorrupt

    try:
        return ask()
    except HistoryCorrupt:
        for message in store.ingest(directory, verify=True).messages:
            print(f"disttest: {message}", file=sys.stderr)
        return ask()


def _no_store(directory: Path) -> StoreFault:
    return StoreFault(
        f"there is no store at {directory}", hint="run `pytest --dist-hw` first, or name one: --store DIR"
    )


def _store(arguments: argparse.Namespace) -> Path:
    """Return the store that the user named, else the nearest one upwards, else where the project's would be."""
    if arguments.store is not None:
        return Path(arguments.store)
    here = Path.cwd()
    found = (place for place in (here, *here.parents) if store.store_directory(place).is_dir())
    return store.store_directory(next(found, _project(here)))


def _project(here: Path) -> Path:
    """Return the nearest directory upwards that looks like a project's root, else *here*."""
    found = (place for place in (here, *here.parents) if any((place / name).exists() for name in PROJECT_FILES))
    return next(found, here)


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))  # ASCII only: any terminal and any reader can take it
