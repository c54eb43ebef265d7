"""``disttest explain``: where the tests of a past run fit, and why not elsewhere, from the store."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from pytest_disttest.cli.places import bring_in, print_json, repaired, store_of
from pytest_disttest.errors import UsageFault
from pytest_disttest.reports.explanation import lines_of_json
from pytest_disttest.reports.tables import visible
from pytest_disttest.store import history


def explain(arguments: argparse.Namespace) -> int:
    """Print the explanation of the tests that are asked for; without a node id, of those that had no host."""
    nodeid, run = ("", arguments.nodeid or "last") if arguments.all else (arguments.nodeid, arguments.run)
    directory = store_of(arguments)
    bring_in(directory)
    run_id, rows = repaired(
        directory,
        lambda: history.explanations(directory, run, nodeid, everything=arguments.all),
    )
    if nodeid and not rows:
        hint = f"`disttest explain --all {run_id}` lists those that do"
        raise UsageFault(
            f"no test that asks for anything begins with {nodeid!r} in run {run_id}",
            place="NODEID",
            hint=hint,
        )
    if arguments.json:
        print_json({"run": run_id, "tests": [asdict(row) for row in rows]})
        return 0
    if not rows:
        print(f"run {run_id}: every test that asks for anything had a host; --all tells where each fits")
    for number, row in enumerate(rows):
        if number:
            print()
        for line in lines_of_json(row.explanation, row.nodeid):
            sys.stdout.write(f"{visible(line)}\n")
    return 0
