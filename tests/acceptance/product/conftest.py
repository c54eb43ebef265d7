"""What a newcomer has: pytest with its plugins found by themselves, a suite, a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rigs.suites import Suite

# Plugins that may be installed beside us, found by pytest before -p can name them: they only cost time here.
OTHERS = ("asyncio", "django", "html", "html_fixtures", "hypothesispytest", "metadata", "randomly", "rerunfailures",
          "timeout", "pytest_cov", "pytest_mock")  # fmt: skip
LEAN = tuple(word for name in OTHERS for word in ("-p", f"no:{name}"))

SEVERAL = """
import contextlib, io, json, sys, textwrap
from pathlib import Path
import pytest

answers = []
for files, arguments in json.load(sys.stdin):
    for name, text in files.items():
        Path(name).write_text(textwrap.dedent(text))
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = int(pytest.main(arguments))
    answers.append([code, said.getvalue()])
    for name in files:
        Path(name).unlink()
        sys.modules.pop(Path(name).stem, None)
print(json.dumps(answers))
"""

Answer = tuple[int, str]


class Product(Suite):
    """A suite that is run with every installed plugin that matters here, by ``python -m pytest``."""

    def _loading(self) -> list[str]:
        return [*super()._loading(), *LEAN]

    def answers(self, lines: Sequence[tuple[Mapping[str, str], Sequence[str]]]) -> list[Answer]:
        """Return exit code and output of pytest for each (files that exist for it, arguments), one after the other.

        All in one process, which starts pytest once: for what ends before a test runs.
        """
        asked = [(files, ["-p", "no:cacheprovider", *LEAN, *arguments]) for files, arguments in lines]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SEVERAL],
            cwd=self.directory,
            env=self._environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [(code, said) for code, said in json.loads(done.stdout.splitlines()[-1])]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the ``disttest`` command in the suite's directory."""
        return subprocess.run(
            [sys.executable, "-c", "import sys; from pytest_disttest.cli import main; sys.exit(main())", *arguments],
            cwd=self.directory,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def json(self, *arguments: str) -> Any:
        """Return what the ``disttest`` command prints with ``--json``."""
        done = self.command(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, ""), done
        return json.loads(done.stdout)


MakeSuite = Callable[..., Product]


@pytest.fixture
def suite(tmp_path: Path) -> MakeSuite:
    """Return a function that makes a suite from files."""

    def make(files: Mapping[str, str], **how: Any) -> Product:
        return Product(tmp_path / "suite", {name: textwrap.dedent(text) for name, text in files.items()},
                       autoload=True, **how)  # fmt: skip

    return make


@pytest.fixture(scope="module")
def shared_suite(tmp_path_factory: pytest.TempPathFactory) -> MakeSuite:
    """Return a function that makes a suite whose one run several tests look at."""

    def make(files: Mapping[str, str], **how: Any) -> Product:
        directory = tmp_path_factory.mktemp("shared") / "suite"
        return Product(directory, {name: textwrap.dedent(text) for name, text in files.items()}, autoload=True, **how)

    return make


def environ_without(*names: str) -> dict[str, str]:
    """Return the environment without *names*."""
    return {name: value for name, value in os.environ.items() if name not in names}
