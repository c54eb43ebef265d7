"""What suites from PyPI showed that no suite of ours had."""

from __future__ import annotations

import pytest
from acceptance.same.harness import Twice

PASSING = {"test_fine.py": "def test_one(): ...\n"}


@pytest.mark.parametrize(
    ("files", "args"),
    [
        pytest.param(
            {"test_broken.py": "import no_such_module\ndef test_one(): ...\n"},
            ["test_broken.py::test_one", "test_fine.py"],
            id="one test of a module",
        ),
        pytest.param(
            {
                "src/package/__init__.py": "",
                "src/package/conftest.py": "raise ImportError('install hypothesis first')\n",
                "src/package/tests/__init__.py": "",
                "src/package/tests/test_one.py": "def test_one(): ...\n",
                "pytest.ini": "[pytest]\npythonpath = src\n",
            },
            ["--pyargs", "package.tests.test_one"],
            id="conftest of a package",
        ),
    ],
)
def test_what_does_not_import_is_told_beside_the_argument_that_finds_nothing(
    files: dict[str, str], args: list[str], twice: Twice
):
    """sympy: exit code 4 and "found no collectors" come with the traceback that says why."""
    twice.write({**PASSING, **files})

    pair = twice.run(*args)

    pair.assert_same()
    assert 4 == pair.ours.code


SLOW_TO_FAIL = """
import time
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_collection():
    try:
        return (yield)
    except pytest.UsageError:
        time.sleep(1)
        raise
"""


def test_an_argument_that_finds_nothing_ends_the_run_however_late_that_is_told(twice: Twice):
    """pytest calls "collection is finished" before it raises; nobody takes that for a collection that went well."""
    twice.write(
        {
            "conftest.py": SLOW_TO_FAIL,
            "package/__init__.py": "",
            "package/conftest.py": "raise ImportError('install hypothesis first')\n",
            "package/test_one.py": "def test_one(): ...\n",
        }
    )

    pair = twice.run("--pyargs", "package.test_one")

    pair.assert_same()
    assert 4 == pair.ours.code


def test_the_size_of_the_terminal_does_not_leak_into_the_environment(twice: Twice):
    """tornado, click and rich wrap their help by COLUMNS; readline hands it to every child of pytest."""
    twice.write({"test_size.py": "import os\ndef test_size(): assert {'COLUMNS', 'LINES'}.isdisjoint(os.environ)\n"})

    pair = twice.run()

    pair.assert_same()
