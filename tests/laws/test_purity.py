"""Law 3: pure rooms take time, randomness and environment as arguments, and touch neither disk nor network."""

from __future__ import annotations

import ast

from laws.source import Module, dotted, modules, parse

PURE = ("markers", "match", "model", "needs", "options", "plan", "predict", "recovery", "schedule", "wire")
WORLDLY = {
    "asyncio", "datetime", "glob", "io", "os", "random", "secrets", "select", "selectors", "shutil", "signal", "socket",
    "subprocess", "sys", "tempfile", "threading", "time", "uuid",
}  # fmt: skip
WORLDLY_CALLS = {"input", "open", "print", "Path.cwd", "Path.home"}
WORLDLY_METHODS = {"exists", "is_dir", "is_file", "read_bytes", "read_text", "write_bytes", "write_text"}
# Rooms without a say in pytest's matters, so that they can be tested with plain values.
WITHOUT_PYTEST = ("match", "model", "needs", "plan", "predict", "recovery", "schedule", "wire")


def worldly(module: Module) -> list[str]:
    """Return a line for each place where *module* reaches for the world."""
    imports = [f"{module.path}:{i.line} imports {i.name}" for i in module.foreign_imports if i.top in WORLDLY]
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    return imports + [f"{module.path}:{call.lineno} calls {ast.unparse(call.func)}" for call in calls if _reaches(call)]


def _reaches(call: ast.Call) -> bool:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return dotted(call.func) in WORLDLY_CALLS or method in WORLDLY_METHODS


def test_pure_rooms_do_not_touch_the_world():
    """No clock, no dice, no environment, no files in the rooms that decide."""
    assert [] == [line for module in modules() if module.room in PURE for line in worldly(module)]


def test_rooms_that_decide_do_not_know_pytest():
    """What plans, matches and schedules is a function of plain values."""
    assert [] == [
        f"{module.path}:{foreign.line}"
        for module in modules()
        if module.room in WITHOUT_PYTEST
        for foreign in module.foreign_imports
        if foreign.top in ("pytest", "_pytest", "pluggy")
    ]


def test_the_law_sees_the_world():
    """Imports and calls are both seen, wherever they stand."""
    text = "def f(path):\n    import time\n    open(path)\n    return path.read_text()\n"

    assert ["plan/x.py:2 imports time", "plan/x.py:3 calls open", "plan/x.py:4 calls path.read_text"] == worldly(
        parse(text, "plan/x.py")
    )
