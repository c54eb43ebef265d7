"""The examples of the page about calls that may fail, run as they stand there."""

from __future__ import annotations

import inspect
import re

import pytest

from pytest_disttest import hookspecs, safely

from .test_docs_are_true import CHECKOUT, blocks

PAGE = CHECKOUT / "docs/how-to/calls-that-may-fail.md"


@pytest.mark.parametrize("words", [(), ("--dist-hw", "--hw-workers=1")])
def test_its_suites_pass(suite, words):
    """With and without distribution; and the hook that is shown hears of a device."""
    calls, registers, hook = blocks(PAGE, "python")
    lost = "def test_lost(): raise RuntimeError('GPU is lost')"
    shown = suite({"test_calls.py": calls, "test_registers.py": registers, "test_lost.py": lost, "conftest.py": hook})
    ran = shown.run("-rA", *words)

    assert {"test_board": "passed", "test_register": "passed", "test_lost": "failed"} == ran.words, ran
    heard = shown.directory / "lost-devices.txt"
    told = heard.read_text() if heard.exists() else ""
    assert ("local: GPU is lost in test_lost.py::test_lost\n" if words else "") == told


def test_it_names_every_option_and_hook():
    """And nothing that does not exist."""
    text = PAGE.read_text("utf-8")
    told = {
        name for row in re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }

    assert told == set(safely.Options.__annotations__) - {"dice"}
    pages = [page.read_text("utf-8") for page in CHECKOUT.glob("docs/**/*.md")]
    for name, hook in inspect.getmembers(hookspecs, inspect.isfunction):
        if name.startswith("pytest_disttest_"):
            arguments = ", ".join(inspect.signature(hook).parameters)
            assert any(f"{name}({arguments})" in page or name == "pytest_disttest_plan" for page in pages), name
