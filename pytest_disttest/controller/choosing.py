"""Why a case ran on its host, and what it had there: as events of the journal."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_disttest.controller.node import WorkerNode
from pytest_disttest.controller.run import Run
from pytest_disttest.schedule.choice import Choice, Vector, score
from pytest_disttest.store.hardware import Chosen, Given, rows_of_grant


def events_of(run: Run, case: int, number: int, node: WorkerNode) -> Iterator[Given | Chosen]:
    """Yield what is to be kept of an attempt that ended: what it was given, and why it ran there."""
    grant = run.grants.pop(case, None)
    if grant is not None:
        yield Given(case, number, node.host, node.id, rows_of_grant(grant))
    choice = run.scheduler.choices.get(case) if run.scheduler is not None else None
    if choice is not None and choice.worker == node.id:
        yield Chosen(case, number, rows_of_choice(choice))


def rows_of_choice(choice: Choice) -> tuple[tuple[str, bool, float, float, float, float, float, float], ...]:
    """Return a row for the host that was chosen, and one for each that could have been."""

    def row(host: str, vector: Vector, *, chosen: bool) -> tuple[str, bool, float, float, float, float, float, float]:
        return host.partition("#")[0], chosen, *vector, score(vector, choice.weights)

    others = (row(host, vector, chosen=False) for host, vector in choice.alternatives)
    return row(choice.host, choice.vector, chosen=True), *others
