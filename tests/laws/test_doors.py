"""Laws 2, 5, 6 and 7: one door per foreign package, light workers, no graph and no connection goes out."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

import pytest
from laws.source import Module, modules

DOORS = {
    "amdsmi": "worker",
    "archspec": "worker",
    "duckdb": "store",
    "execnet": "gateways",
    "networkx": "plan",
    "pathspec": "gateways",
    "pynvml": "worker",
    "pyopencl": "worker",
    "rich": "reports",
    "selenium": "browser",
    "wgpu": "worker",
}

# Goes to hosts, which need nothing but Python and pytest (pluggy comes with it).
SHIPPED = (
    "", "browser", "errors", "hookspecs", "markers", "match", "model", "needs", "options", "recovery", "safely", "wire",
    "worker",
)  # fmt: skip
THERE = {*sys.stdlib_module_names, "pytest", "_pytest", "pluggy"}
# A probe asks for the library that knows its devices; that there is none is an answer, and the host needs none.
ASKED_FOR = {
    "browser.asking": {"selenium"},
    "browser.opening": {"selenium"},
    "worker.probes.amd": {"amdsmi"},
    "worker.probes.cpu": {"archspec"},
    "worker.probes.nvml": {"pynvml"},
    "worker.probes.opencl": {"pyopencl"},
    "worker.probes.vulkan": {"wgpu"},
}

# What must not be returned by what a room offers.
KEPT_IN = {"plan": ("nx.", "Graph"), "store": ("duckdb.", "Connection", "DuckDB")}


@pytest.mark.parametrize("package", DOORS)
def test_a_foreign_package_has_one_door(package: str):
    """Only one room knows that the package exists."""
    assert [] == [
        f"{module.path}:{foreign.line}"
        for module in modules()
        for foreign in module.foreign_imports
        if foreign.top == package and module.room != DOORS[package]
    ]


def test_what_is_shipped_needs_only_python_and_pytest():
    """A host without our dependencies can run a worker; so workers never touch the store either."""
    shipped = [module for module in modules() if module.room in SHIPPED]

    assert [] == [
        f"{module.path}:{foreign.line} imports {foreign.name}"
        for module in shipped
        for foreign in module.foreign_imports
        if foreign.top not in THERE | ASKED_FOR.get(module.name, set())
    ]
    assert [] == [
        f"{module.path}:{own.line} imports {own.name}"
        for module in shipped
        for own in module.own_imports
        if own.name.partition(".")[0] not in SHIPPED
    ]


def test_a_probe_asks_for_a_library_only_when_it_runs():
    """None of them is imported with its module, so that a host without it can load what it was sent."""
    asking = [module for module in modules() if module.name in ASKED_FOR]

    assert set(ASKED_FOR) == {module.name for module in asking}
    for module in asking:
        at_once = [node for node in module.tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {alias.name.partition(".")[0] for node in at_once for alias in node.names}
        assert set() == names & ASKED_FOR[module.name]


@pytest.mark.parametrize("room", KEPT_IN)
def test_what_a_room_offers_returns_no_foreign_object(room: str):
    """The functions that a room's front offers return plain values, and nobody reaches behind the front for more."""
    offered = [(name, returns) for name, returns in _returns(room) if any(word in returns for word in KEPT_IN[room])]

    assert [] == offered


def test_nobody_reaches_for_the_graph():
    """Only the plan's own files import the file that knows networkx."""
    assert [] == [
        f"{module.path}:{own.line}"
        for module in modules()
        for own in module.own_imports
        if own.name == "plan.graph" and module.room != "plan"
    ]


def _returns(room: str) -> Iterator[tuple[str, str]]:
    """Yield name and return annotation of each function that the room's ``__init__`` offers."""
    inside = [module for module in modules() if module.room == room]
    offered = {alias.name for module in inside if module.name == room for alias in _aliases(module)}
    for module in inside:
        for node in module.tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in offered and node.returns:
                yield node.name, ast.unparse(node.returns)


def _aliases(module: Module) -> Iterator[ast.alias]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            yield from node.names
