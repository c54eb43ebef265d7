"""The suites that are measured, as texts of files."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PLUGINS = Path(__file__).parent / "plugins"

SPIN = """\
def spin(turns):
    while turns:
        turns -= 1
"""

LONGEST_SLEEP_S = 4.0


@dataclass(frozen=True, slots=True)
class Suite:
    """A directory of tests that all pass: *files* are texts by path, *tests* is how many there are."""

    name: str
    files: Mapping[str, str]
    tests: int

    @property
    def digest(self) -> str:
        """A short word for the contents, our plugins' included."""
        texts = [*self.files.items(), *((path.name, path.read_text(encoding="utf-8")) for path in PLUGINS.glob("*.py"))]
        return hashlib.sha256(repr(sorted(texts)).encode()).hexdigest()[:8]

    def write(self, directory: Path) -> Path:
        """Write the suite and our plugins into *directory*, which is made, and return it."""
        for name, text in {"pytest.ini": "[pytest]\n", **self.files}.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for plugin in PLUGINS.glob("*.py"):
            shutil.copy(plugin, directory)
        return directory


def one_file(tests: int) -> Suite:
    """Return trivial functions in one file."""
    return Suite("one-file", {"tests/test_all.py": _functions(range(tests))}, tests)


def one_function(tests: int, name: str = "one-function") -> Suite:
    """Return one trivial function, parametrised."""
    head = f"import pytest\n\n\n@pytest.mark.parametrize('number', range({tests}))\n"
    return Suite(name, {"tests/test_all.py": f"{head}def test_it(number):\n    pass\n"}, tests)


def printing(tests: int) -> Suite:
    """Return functions in one file that print a line each."""
    return Suite("printing", {"tests/test_all.py": _functions(range(tests), "print('this is what it says')")}, tests)


def many_files(files: int, each: int) -> Suite:
    """Return *files* files in one directory, with *each* trivial functions."""
    text = _functions(range(each))
    return Suite("many-files", {f"tests/test_{number:04}.py": text for number in range(files)}, files * each)


def with_imports(files: int, each: int, *, turns: int) -> Suite:
    """Return ``many_files`` in which each imports a module of its own, which spins for *turns*."""
    text = _functions(range(each))
    tests = {f"tests/test_{number:04}.py": f"import own_{number:04}\n\n\n{text}" for number in range(files)}
    own = {f"tests/own_{number:04}.py": f"from spinning import spin\n\nspin({turns})\n" for number in range(files)}
    return Suite("imports", {**tests, **own, "tests/spinning.py": SPIN}, files * each)


def cpu_bound(tests: int, *, turns: int) -> Suite:
    """Return tests in one file that spin for *turns* each."""
    text = f"from spinning import spin\n\n\n{_functions(range(tests), f'spin({turns})')}"
    return Suite("cpu", {"tests/test_all.py": text, "tests/spinning.py": SPIN}, tests)


def tail(durations_s: Sequence[float]) -> Suite:
    """Return a file of sleeps, the longest last: the worst order for who knows nothing."""
    bodies = (f"def test_{number:02}():\n    sleep({s})\n" for number, s in enumerate(sorted(durations_s)))
    return Suite("tail", {"tests/test_all.py": "from time import sleep\n\n\n" + "\n\n".join(bodies)}, len(durations_s))


def tail_durations_s(scale: float = 1.0, count: int = 40) -> tuple[float, ...]:
    """Return durations that fall off slowly from the longest, in seconds: 4.0, 1.9, 1.2, 0.9, ..."""
    return tuple(round(scale * LONGEST_SLEEP_S / rank**1.1, 4) for rank in range(1, count + 1))


def two_tests() -> Suite:
    """Return the smallest suite that two workers can share."""
    return Suite("two-tests", {"tests/test_all.py": _functions(range(2))}, 2)


def calibrated_turns(seconds: float, *, trials: int = 15) -> int:
    """Return how many turns of ``spin`` take *seconds* of CPU here, by the least disturbed trial."""
    namespace: dict[str, object] = {}
    exec(SPIN, namespace)
    spin, turns = namespace["spin"], 200_000
    assert callable(spin)
    return round(turns * seconds / min(_cpu_s(spin, turns) for _ in range(trials)))


def _cpu_s(spin: object, turns: int) -> float:
    assert callable(spin)
    begun = time.process_time()
    spin(turns)
    return time.process_time() - begun


def _functions(numbers: Iterable[int], body: str = "pass") -> str:
    return "\n\n".join(f"def test_{number:05}():\n    {body}\n" for number in numbers)
