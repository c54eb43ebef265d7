"""``disttest explain``: where the tests of a past run fit, and why not elsewhere, from the store."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from pytest_disttest.cli.places import bring_in, print_json, repaired, store_of
from pytest_disttest.errors import UsageFault
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
    told = dict.fromkeys(tuple(row.explanation["lines"]) for row in rows)  # tests that ask for the same share it
    for number, lines in enumerate(told):
        if number:
            print()
        sys.stdout.writelines(f"{visible(line)}\n" for line in lines)
    return 0
