"""The page for programs: its example works, and its table is complete."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

from pytest_disttest import aio

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/programs.md").read_text("utf-8")


def test_the_example_works(tmp_path):
    """As it stands on the page, in a directory with a project."""
    tests = tmp_path / "project/tests"
    tests.mkdir(parents=True)
    (tests / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    (tests / "test_two.py").write_text("def test_good(): pass\ndef test_bad(): assert 1 == 2\n")
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_PLUGINS": "pytest_disttest.plugin",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )

    assert (1, "") == (done.returncode, done.stderr), done
    assert [
        "local is ready with 2 workers",
        "test_two.py::test_bad on local: assert 1 == 2",
        "exit status 1: 1 passed, 1 failed",
    ] == done.stdout.splitlines()


def test_every_event_stands_in_the_table_with_its_fields():
    """And nothing else does."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE)
    kinds = [getattr(aio, name) for name in aio.__all__ if name != "Telling"]
    events = {
        kind.__name__: [field.name for field in dataclasses.fields(kind)]
        for kind in kinds
        if dataclasses.is_dataclass(kind)
    }

    assert events == {name: re.findall(r"`(\w+)`", fields) for name, fields in rows}
