"""Workers of one host that collected differently are given only what they have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pytest_disttest.controller.collection import Collected
from pytest_disttest.controller.places import place_of, places_on, told_apart
from pytest_disttest.model import Plan, Unit

PLAN = Plan(units=(Unit("a", (0, 1)), Unit("b", (2,))), eligible={2: frozenset({"lab"})})


def run_of(*nodes: tuple[str, str], planned: int = 3, **maps: list[int]) -> Any:
    """Return a run with workers of (host, digest); *maps* gives each digest's cases."""
    workers = [SimpleNamespace(host=host, digest=digest) for host, digest in nodes]
    return SimpleNamespace(
        planned=planned,
        collected=Collected(maps=maps),
        roster=SimpleNamespace(nodes=workers, alive=workers),
        ready_links=[SimpleNamespace(host=SimpleNamespace(name=name)) for name in dict.fromkeys(h for h, _ in nodes)],
    )


def test_the_plan_stays_where_all_collected_every_case():
    """Also where the order or the ids differ: the maps know which case is which."""
    run = run_of(("lab", "one"), ("lab", "two"), one=[0, 1, 2], two=[2, 1, 0])

    assert PLAN is told_apart(PLAN, run)
    assert ["lab"] == places_on(run, "lab")


def test_a_worker_that_lacks_cases_has_a_place_of_its_own():
    """It fits what it collected and what its host may run; nothing fits it by default."""
    run = run_of(("lab", "full"), ("lab", "less"), ("desk", "less"), full=[0, 1, 2], less=[0, 2])

    assert {
        0: {"lab", "desk", "lab#less", "desk#less"},
        1: {"lab", "desk"},
        2: {"lab", "lab#less"},
    } == told_apart(PLAN, run).eligible
    assert ["lab", "lab#less"] == places_on(run, "lab")


def test_cases_that_came_after_the_plan_make_no_difference():
    """A replacement that collected one more stands on its host like the others."""
    run = run_of(("lab", "more"), more=[0, 1, 2, 3])

    assert "lab" == place_of(run, run.roster.nodes[0])
