"""The reference page of the probes is complete, and what it shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rigs.recorded import laid_out

from pytest_disttest.worker.probes.dropin import read
from pytest_disttest.worker.probes.table import GROUP, ROWS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "probes.md").read_text("utf-8")


def test_every_probe_has_its_line_and_no_other():
    """Name, families, limit and whether its answer is kept are the table's."""
    lines = re.findall(r"^\| `([^`]+)` \| ([^|]*) \| [^|]* \| (\d+) s \|([^|]*)\|$", PAGE, re.MULTILINE)
    told = [
        (name, tuple(families.split(", ")), float(limit), kept.strip() == "yes")
        for name, families, limit, kept in lines
    ]

    assert told == [(row.name, row.families or ("always",), row.limit_s, row.kept) for row in ROWS]


def test_the_facts_shown_are_read():
    """The example of a drop-in file has no bad line."""
    (text,) = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
    remarks: list[str] = []

    assert 5 == len(read(text, "bench.conf", remarks))
    assert [] == remarks


def test_the_probe_shown_works(tmp_path: Path):
    """It finds a board, or says that there is none."""
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(text, "probes.md", "exec"), names)
    there = names["probe"](laid_out("/sys/class/rackboard/b0/serial = 4711\n", tmp_path / "a"))

    assert ["4711"] == [device["id"] for device in there.devices]
    assert "absent" == names["probe"](laid_out("", tmp_path / "b")).status
    assert f'[project.entry-points."{GROUP}"]' in PAGE
