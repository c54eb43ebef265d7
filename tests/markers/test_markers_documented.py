"""The reference page of the markers is complete, and what it shows is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_disttest import needs
from pytest_disttest.markers import MARKER_LINES, MARKS_OF_INTEREST, demand_of, dependency_of
from pytest_disttest.needs.units import UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "markers.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_marker_has_its_section():
    """Each under a heading, and each that workers send is registered."""
    names = [line.partition("(")[0] for line in MARKER_LINES]
    headings = "\n".join(re.findall(r"^## .*$", PAGE, re.MULTILINE))

    assert [name for name in names if f"`{name}(" not in headings] == []
    assert set(names) >= MARKS_OF_INTEREST


def test_every_key_is_listed_with_its_kind():
    """The table of the page is that of the code, neither more nor less."""
    rows = re.findall(r"^\| `([a-z.-]+)` \|(.*?)\| (\w+)( \*)? \|", PAGE, re.MULTILINE)
    short = {word for _, cell, _, _ in rows for word in re.findall(r"`([\w.]+)`", cell)}

    assert {(key, kind, bool(star)) for key, _, kind, star in rows} == {
        (key.name, key.kind, key.consumed) for key in needs.KEYS.values()
    }
    assert short == set(needs.ALIASES)
    assert all(f"`{word}`" in PAGE for key in needs.KEYS.values() for word in key.known if key.name != "os")


def test_every_open_family_is_listed():
    """With the kind of what it holds."""
    rows = re.findall(r"^\| `([a-z.]+)\.NAME` \| (\w+)( \*)? \|", PAGE, re.MULTILINE)

    assert {(family, kind, bool(star)) for family, kind, star in rows} == {
        (family, key.kind, key.consumed) for family, key in needs.OPEN_FAMILIES.items()
    }


def test_every_operator_kind_and_unit_is_listed():
    """What the code reads, the page explains."""
    signs = " ".join(re.findall(r"^\| (`[=><!~ie].*?) \|", PAGE, re.MULTILINE))
    kinds = set(re.findall(r"^\| (\w+) \|[^|]*\|$", PAGE, re.MULTILINE))

    assert [sign for usable in needs.OPERATORS.values() for sign in usable if f"`{sign}" not in signs] == []
    assert set(needs.OPERATORS) <= kinds
    assert [unit for unit in UNITS if unit not in PAGE and unit != "KB"] == []
    assert [kind for kind in needs.WORKLOADS if f'`"{kind}"`' not in PAGE] == []


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
