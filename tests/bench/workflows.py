"""Workflows of scientific computing as suites with dependencies, and what SAGA's HEFT makes of them.

Needs wfcommons and anrg-saga, which nothing else here does: see the head of ``scheduling.py``.
"""

from __future__ import annotations

import random

from bench.worlds import World

from pytest_disttest.model import Plan, Unit
from pytest_disttest.testing import FakeHost

RECIPES = ("Blast", "Bwa", "Epigenomics", "Genome", "Montage", "Seismology")
SPEEDS = (1.0, 1.0, 0.7, 0.7, 1.4, 1.4, 2.0, 0.5)


def workflow(recipe: str, seed: int, *, tasks: int = 130) -> World:
    """Return a workflow of about so many tasks on eight hosts whose speeds differ; exactly predicted."""
    import numpy
    from wfcommons import WorkflowGenerator
    from wfcommons.wfchef import recipes

    random.seed(seed)
    numpy.random.seed(seed)
    made = WorkflowGenerator(getattr(recipes, f"{recipe}Recipe").from_num_tasks(tasks)).build_workflow()
    numbers = {name: number for number, name in enumerate(made.nodes)}
    own = {number: max(0.01, float(made.tasks[name].runtime)) for name, number in numbers.items()}
    prerequisites = {
        numbers[name]: tuple(sorted(numbers[before] for before in made.predecessors(name)))
        for name in made.nodes
        if made.in_degree(name)
    }
    names = [f"h{n}" for n in range(len(SPEEDS))]
    real = {name: {c: s / speed for c, s in own.items()} for name, speed in zip(names, SPEEDS, strict=True)}
    plan = Plan(tuple(Unit(f"u{c}", (c,)) for c in own), prerequisites=prerequisites)
    return World(plan, [FakeHost(name) for name in names], {name: name for name in names}, real, real)


def saga_heft_s(world: World) -> float:
    """Return the makespan of SAGA's HEFT on the same tasks and machines, with nothing to transfer."""
    from saga import Network, TaskGraph
    from saga.schedulers import HeftScheduler

    speeds = dict(zip(world.real, SPEEDS, strict=True))
    tasks = [(str(case), world.real[next(iter(speeds))][case] * SPEEDS[0]) for case in world.cases]
    edges = [(str(a), str(c), 0.0) for c, needed in world.plan.prerequisites.items() for a in needed]
    pairs = [(one, other, 1.0) for one in speeds for other in speeds if one < other]
    made = HeftScheduler().schedule(Network.create(list(speeds.items()), pairs), TaskGraph.create(tasks, edges))
    return float(made.makespan)
