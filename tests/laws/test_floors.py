"""Law 1: imports run downhill. Lazy and type-only imports count."""

from __future__ import annotations

import graphlib

import pytest
from laws.source import Module, modules, parse

FLOORS = {
    1: ("", "model", "errors", "needs", "recovery"),
    2: (
        "registry",
        "wire",
        "markers",
        "options",
        "hookspecs",
        "inventory",
        "plan",
        "predict",
        "match",
        "safely",
        "store",
    ),
    3: ("schedule", "worker", "browser", "ci", "reports"),
    4: ("gateways", "testing"),
    5: ("aio", "controller", "cli"),
    6: ("plugin",),
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}

# Rooms on one floor do not know each other, but for these.
NEIGHBOURS = {
    ("browser", "worker"): "its probe gives what all probes give; the worker finds it by name, in the table of probes",
    ("inventory", "options"): "the inventory's settings and the command line's make one Settings",
    ("inventory", "match"): "a simulated host is described as a recorded one is: by a profile",
}


def uphill(module: Module) -> list[str]:
    """Return a line for each import of *module* that does not run downhill."""
    return [
        f"{module.path}:{own.line} (floor {FLOOR_OF.get(module.room)}) imports {own.name} (floor {FLOOR_OF.get(room)})"
        for own in module.own_imports
        if not _may_import(module.room, room := own.name.partition(".")[0])
    ]


def _may_import(room: str, other: str) -> bool:
    if room == other or (room, other) in NEIGHBOURS:
        return True
    if room not in FLOOR_OF or other not in FLOOR_OF:
        return True  # test_every_room_stands_on_a_floor tells
    return FLOOR_OF[other] < FLOOR_OF[room] or (other in FLOORS[1] and room != "")


def test_every_room_stands_on_a_floor():
    """A new room is put on a floor before it is used."""
    assert [] == sorted({module.room for module in modules()} - set(FLOOR_OF))


def test_imports_run_downhill():
    """A file imports only from floors below, from its own room, or the nouns and errors."""
    assert [] == [line for module in modules() for line in uphill(module)]


def test_no_circle_exists():
    """No chain of imports leads back to where it began, in or between rooms."""
    graph = {module.name: {own.name for own in module.own_imports} - {module.name} for module in modules()}

    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, whose message shows the circle


@pytest.mark.parametrize(
    "text",
    [
        "import pytest_disttest.plugin",
        "from pytest_disttest import plugin",
        "from pytest_disttest.plugin import pytest_configure",
        "from .. import plugin",
        "from ..plugin import pytest_configure",
        "def f():\n    from pytest_disttest import plugin",
        "if TYPE_CHECKING:\n    from pytest_disttest.plugin import Thing",
        "importlib.import_module('pytest_disttest.plugin')",
    ],
)
def test_the_law_sees_every_way_to_import(text: str):
    """However it is written, an import of a higher floor is seen."""
    line = 2 if "\n" in text else 1

    assert [f"plan/x.py:{line} (floor 2) imports plugin (floor 6)"] == uphill(parse(text, "plan/x.py"))
