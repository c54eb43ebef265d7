"""``disttest show --gantt``, ``--html`` and ``--svg``: a past run over time, predicted beside actual."""

from __future__ import annotations

import argparse
import sys

from pytest_disttest.cli.places import bring_in, print_json, repaired, store_of
from pytest_disttest.errors import UsageFault


def draw(arguments: argparse.Namespace) -> int:
    """Print or draw the run as asked, and return the exit code; UsageFault for a file that cannot be written."""
    from pytest_disttest.reports.drawing import write
    from pytest_disttest.reports.picture import picture_of_run
    from pytest_disttest.reports.timelines import write_timeline
    from pytest_disttest.store.timeline import timeline

    directory = store_of(arguments)
    bring_in(directory)
    told = repaired(directory, lambda: timeline(directory, arguments.run))
    picture = picture_of_run(f"Run {told.run.run_id}", told)
    for option, path, suffix in (("--html", arguments.html, ".html"), ("--svg", arguments.svg, ".svg")):
        if path is None:
            continue
        try:
            write(picture, path, suffix)
        except OSError as error:
            raise UsageFault(f"cannot write {path}: {error.strerror or error}", place=option) from error
        if not arguments.json:
            print(f"run {told.run.run_id} is drawn in {path}")
    if arguments.json:
        print_json([block._asdict() for block in picture.blocks])
    elif arguments.gantt:
        write_timeline(picture, sys.stdout)
    return 0
