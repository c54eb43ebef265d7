"""``disttest recovery``: what recovery steps brought so far, and in which order they are tried now."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_disttest.cli.places import bring_in, print_json, repaired, store_of
from pytest_disttest.recovery.classes import FailureClass
from pytest_disttest.recovery.record import Record
from pytest_disttest.recovery.steps import Step
from pytest_disttest.reports.tables import print_table
from pytest_disttest.store import history

COLUMNS = ("FAILURE", "HOSTS", "STEP", "TRIES", "SUCCEEDED", "MEDIAN", "NOW")
RIGHT = ("TRIES", "SUCCEEDED", "MEDIAN")


class Line(NamedTuple):
    """What is known of a step on a class of hosts. *now* tells when it is taken: see `_words`.

    *by_record* tells that another order would hold without the record.
    """

    failure_class: str
    hw_class: str
    step: str
    tries: int
    successes: int
    rate: float
    mean_s: float
    median_s: float
    now: str
    by_record: bool


def tell_recoveries(arguments: argparse.Namespace) -> int:
    """Print a row for each step that was tried, by class of failure and of hosts."""
    directory = store_of(arguments)
    bring_in(directory)
    record = Record(repaired(directory, lambda: history.recoveries(directory)))
    lines = list(_lines(record))
    if arguments.json:
        print_json([line._asdict() for line in lines])
    elif lines:
        print_table(COLUMNS, [_cells(line) for line in lines], sys.stdout, right=RIGHT)
    else:
        print(f"no run in {directory} had to recover from anything")
    return 0


def _lines(record: Record) -> Iterator[Line]:
    """Yield what is known, by failure and hosts, steps in the order in which they are tried now."""
    for failure, hw_class in sorted({(failure, hw_class) for _, failure, hw_class in record.cells}):
        advised, fixed = record.order(failure, hw_class), Record().order(failure)
        known = [step for step in Step if (step, failure, hw_class) in record.cells]
        order = [step for step in advised if step in known]
        for step in [*order, *(step for step in known if step not in order)]:
            entry = record.cells[step, failure, hw_class]
            yield Line(
                failure.value,
                hw_class,
                step.value,
                entry.tries,
                entry.successes,
                round(entry.successes / entry.tries, 4),
                round(entry.mean_s, 3),
                round(entry.median_s, 3),
                _words(step, failure, order),
                advised != fixed,
            )


def _words(step: Step, failure: FailureClass, order: Sequence[Step]) -> str:
    """Return when a step is taken: its number among those that were tried, or in a word why it has none.

    After the loss of a host everything is done at once, and what helped too seldom is not done.
    """
    if step not in order:
        return "not taken"
    if step is Step.QUARANTINE:
        return "last resort"
    return "at once" if failure is FailureClass.HOST_LOST else str(order.index(step) + 1)


def _cells(line: Line) -> tuple[str, ...]:
    is_number = line.now.isdecimal()
    return (
        line.failure_class,
        line.hw_class,
        line.step,
        str(line.tries),
        f"{line.rate:.0%}",
        f"{line.median_s:.1f} s",
        f"{line.now}{' (by the record)' if is_number and line.by_record else ''}",
    )
