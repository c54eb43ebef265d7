"""The reference page of the markers is complete, and what it shows is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_disttest import needs
from pytest_disttest.markers import MARKER_LINES, MARKS_OF_INTEREST, demand_of, dependency_of

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "markers.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_marker_has_its_section():
    """Each under a heading, and each that workers send is registered."""
    names = [line.partition("(")[0] for line in MARKER_LINES]
    headings = "\n".join(re.findall(r"^## .*$", PAGE, re.MULTILINE))

    assert [name for name in names if f"`{name}(" not in headings] == []
    assert set(names) >= MARKS_OF_INTEREST


def test_every_key_and_operator_is_listed():
    """The tables of the page are those of the code, neither more nor less."""
    rows = re.findall(r"^\| `([a-z.]+)` \|(.*?)\|", PAGE, re.MULTILINE)
    short = {word for _, cell in rows for word in re.findall(r"`(\w+)`", cell)}
    operators = "\n".join(re.findall(r"^\| (`[=><!~in].*?) \|", PAGE, re.MULTILINE))

    assert {key for key, _ in rows} == set(needs.KEYS)
    assert short == set(needs.ALIASES)
    assert all(f"`{sign}" in operators for sign in ("=", "!=", "in", "not in", ">", ">=", "<", "<=", "~", "!~"))


def test_the_signatures_on_the_page_are_those_that_pytest_shows():
    """`pytest --markers` and the page agree."""
    signatures = [line[: line.index("): ") + 1] for line in MARKER_LINES]

    assert [signature for signature in signatures if f"`{signature}`" not in PAGE] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_read(example, pytestconfig):
    """The marks of its functions and classes are registered by our lines, and accepted."""
    for line in MARKER_LINES:
        pytestconfig.addinivalue_line("markers", line)
    namespace: dict[str, object] = {}
    exec(compile(example, "markers.md", "exec"), namespace)  # our own page
    tests = [thing for name, thing in namespace.items() if name.lower().startswith("test")]

    assert tests != []
    for test in tests:
        marks = [(mark.name, mark.args, mark.kwargs) for mark in test.pytestmark]
        demand_of(marks, "page")
        dependency_of(marks, nodeid="f.py::t", name="t", file="f.py", cls="", package="", automark=False)
