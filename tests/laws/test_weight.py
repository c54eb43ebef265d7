"""Law 4: who does not ask for ``--dist-hw`` does not pay for it, and who does pays for what it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
HEAVY = ("duckdb", "execnet", "httpx", "jinja2", "networkx", "psutil", "pynvml", "rich", "selenium")

# pytest itself may come with a heavy package some day: only what our plugin adds is counted.
SCRIPT = """
import json, sys
import pytest
code = pytest.main(sys.argv[1:])
print(json.dumps([int(code), sorted(sys.modules)]))
"""


def modules_after(*arguments: str, cwd: Path, script: str = SCRIPT) -> tuple[int, list[str]]:
    """Return pytest's exit code and the modules it had imported, in a process without other plugins."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", script, "-p", "pytest_disttest.plugin", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    code, names = json.loads(done.stdout.splitlines()[-1])
    return code, names


@pytest.mark.parametrize("arguments", [("--version", "--version"), ("--help",), ("--collect-only",), ("-q",)])
def test_a_plain_run_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path):
    """The plugin is loaded in every pytest run of its environment: there it costs next to nothing."""
    tmp_path.joinpath("test_one.py").write_text("def test_one():\n    pass\n")

    code, names = modules_after(*arguments, cwd=tmp_path)

    assert 0 == code
    assert "pytest_disttest.plugin" in names
    assert [] == [name for name in names if name.partition(".")[0] in HEAVY]
    assert [] == [name for name in names if name.startswith(("pytest_disttest.controller", "pytest_disttest.store"))]


def test_a_small_distributed_run_imports_only_what_it_needs(tmp_path: Path):
    """No graph without dependencies, no live view without a terminal, no database for its end, no inventory to read."""
    tmp_path.joinpath("test_two.py").write_text("def test_one():\n    pass\ndef test_two():\n    pass\n")
    tmp_path.joinpath("pyproject.toml").write_text("[project]\nname = 'x'\n")
    plain, others = modules_after("-q", cwd=tmp_path)
    for _ in range(2):  # the second run knows durations
        code, names = modules_after("-q", "--dist-hw", "--hw-workers=1", cwd=tmp_path)

    unneeded = {*HEAVY, "asyncio", "concurrent", "multiprocessing", "pathspec", "statistics", "xml"} - {"execnet"}
    assert plain == code == 0
    assert [] == [name for name in sorted(set(names) - set(others)) if name.partition(".")[0] in unneeded]
    assert [] == [
        name
        for name in (
            "pytest_disttest.store.database",
            "pytest_disttest.plan.graph",
            "pytest_disttest.inventory.described",
            "pytest_disttest.recovery",
            "pytest_disttest.controller.retrying",
            "pytest_disttest.controller.deadlines",
        )
        if name in names
    ]


def test_a_run_inside_another_program_leaves_its_garbage_collection_as_it_was(tmp_path: Path):
    """What was frozen for the time of the run is free again afterwards."""
    tmp_path.joinpath("test_one.py").write_text("def test_one():\n    pass\n")
    tmp_path.joinpath("conftest.py").write_text(
        "import gc\n"
        "def pytest_sessionfinish(session):\n"
        "    if not hasattr(session.config, 'workerinput'):\n"
        "        assert gc.get_freeze_count()\n"
    )
    asked = SCRIPT.replace("print(", "import gc; assert not gc.get_freeze_count(); print(")

    code, _ = modules_after("-q", "--dist-hw", "--hw-workers=1", cwd=tmp_path, script=asked)

    assert code == 0
