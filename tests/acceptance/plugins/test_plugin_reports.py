"""Plugins that report: pytest-html makes one report of what all workers did."""

from __future__ import annotations

import html
import json
import re

import pytest
from rigs.suites import Suite, require

FILES = {
    "conftest.py": """
        import os, pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item, call):
            report = yield
            if report.when == "call":
                from pytest_html import extras
                report.extras = [extras.text(f"extra of {item.name}"), extras.json({"worker": "w"})]
            return report

        def pytest_configure(config):
            from pytest_metadata.plugin import metadata_key
            worker = getattr(config, "workerinput", {}).get("workerid", "controller")
            config.stash[metadata_key][f"Place {worker}"] = "here"
        """,
    "test_a.py": """
        import pytest, sys
        @pytest.mark.parametrize("x", range(6))
        def test_passes(x, extras):
            print(f"printed by {x}")
        def test_fails(): assert "left" == "right"
        @pytest.mark.skip(reason="not today")
        def test_skipped(): pass
        @pytest.mark.xfail
        def test_expected(): assert 0
        @pytest.fixture
        def broken(): raise ValueError("broken fixture")
        def test_broken(broken): pass
        """,
}


@pytest.fixture
def suite(tmp_path):
    """A suite with every outcome, whose tests add extras."""
    require("pytest_html", "pytest_metadata")
    return Suite(
        tmp_path / "suite", FILES, plugins=["pytest_metadata.plugin", "pytest_html.plugin", "pytest_html.fixtures"]
    )


def reported(suite, run, *args):
    """Return what the report holds: (result, extras, log) of each test by its id, and the environment."""
    path = suite.directory / "report.html"
    ran = run(f"--html={path}", "--self-contained-html", *args)
    assert path.exists(), ran
    blob = re.search(r'data-jsonblob="([^"]*)"', path.read_text())
    assert blob is not None
    data = json.loads(html.unescape(blob[1]))
    tests = {
        nodeid: [(row["result"], [extra["name"] for extra in row["extras"]], "printed" in row["log"]) for row in rows]
        for nodeid, rows in data["tests"].items()
    }
    return tests, data["environment"]


def test_a_report_has_every_test_once(suite):
    """With result, extras and captured output, as plain pytest writes it."""
    plain, _ = reported(suite, suite.plain)
    ours, environment = reported(suite, suite.distributed)

    assert ours == plain
    assert len(ours) == 10
    assert {"Place controller", "Place gw0", "Place gw1"} <= set(environment), "metadata come back from workers"


def test_a_crashed_worker_is_in_the_report(suite):
    """Its output could not bring metadata, and nothing breaks of that."""
    suite.write("test_b.py", "import os\ndef test_crash(): os._exit(2)\n")

    tests, _ = reported(suite, suite.distributed)

    *before, last = [result for result, _, _ in tests["test_b.py::test_crash"]]
    assert (set(before), last) == ({"Rerun"}, "Failed")
    assert len(tests) == 11
