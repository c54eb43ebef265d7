"""Measures the suites of the conformance corpus, which others wrote, and prints the table's row about them.

    python tests/bench/conformance.py [NAME ...] [--repeat 5] [--checkout DIR] [--shared DIR] [--markdown]

The corpus is not part of this repository: where it is missing, this says so and succeeds. Its own program prepares
the suites in $SUITES_DIR, from PyPI, a few GB of them.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
sys.path.pop(0)  # tests/bench: its profile.py would hide the standard library's
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from bench import machine, rendered  # noqa: E402 -- the path comes first
from bench.measured import Line, Target, Verdict, ratio_targets  # noqa: E402

RUNNER_OF = {"plain": "plain", "xdist": "xdist", "disttest": "ours"}
"""Our words for the corpus's modes."""

SHARED = (ROOT.parent / "shared", Path("/work/shared"))
LONG_S = 3.0
"""From here on ours must be faster than xdist."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suites in turn, print the table, and return 1 for wrong outcomes, 2 for a missed target, else 0."""
    asked = arguments(argv)
    program = next((path for path in programs(asked.shared) if path.exists()), None)
    if program is None:
        print("skipped: the conformance suites are not here")
        return 0
    corpus = loaded(program)
    names = corpus.chosen(asked.names)
    for name in names:
        measure(program, name, asked.repeat, asked.checkout)
    lines = [line_of(corpus, name) for name in names]
    print("\n".join(machine.described(asked.checkout)) + "\n")
    print(rendered.markdown(lines) if asked.markdown else rendered.table(lines))
    verdicts = {line.verdict for line in lines}
    return 1 if Verdict.FAILED in verdicts else 2 if Verdict.MISS in verdicts else 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="suites (all)")
    add("--repeat", type=int, default=5, metavar="N", help="runs of each suite in each mode (5)")
    add("--checkout", type=lambda text: Path(text).resolve(), default=ROOT, metavar="DIR", help="what is measured")
    add("--shared", type=Path, metavar="DIR", help="where conformance/suites/suites.py is")
    add("--markdown", action="store_true", help="print for the docs")
    return parser.parse_args(argv)


def programs(shared: Path | None) -> list[Path]:
    """Return where the corpus's program may be."""
    return [place / "conformance/suites/suites.py" for place in ((shared,) if shared else SHARED)]


def loaded(program: Path) -> ModuleType:
    """Return the corpus's program as a module, for its reading of results."""
    spec = importlib.util.spec_from_file_location("conformance_suites", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(program: Path, name: str, repeat: int, checkout: Path) -> None:
    """Run a suite in each mode, in turn, beginning with another mode each time; earlier results are forgotten."""
    modes = list(RUNNER_OF)
    for repetition in range(repeat):
        start = repetition % len(modes)
        for mode in (*modes[start:], *modes[:start]):
            fresh = ["--fresh"] if repetition == 0 else []
            words = ["run", name, "--mode", mode, "--plugin-path", str(checkout), *fresh]
            subprocess.run([sys.executable, str(program), *words], stdout=sys.stderr, check=True)


def line_of(corpus: ModuleType, name: str) -> Line:
    """Return the line of one suite; tests whose outcome plain pytest never showed make it wrong."""
    results = {runner: corpus.results(name, mode) for mode, runner in RUNNER_OF.items()}
    medians = {runner: corpus.middle(runs, "wall") for runner, runs in results.items() if runs}
    wrong = {runner: words for runner in ("xdist", "ours") if (words := differences(corpus, results, runner))}
    tests = len(results["plain"][-1]["tests"])
    return Line(f"{name}, {tests:,} tests", medians, targets=targets(medians), wrong=wrong)


def targets(medians: dict[str, float]) -> tuple[Target, ...]:
    """Return what issue 3 asks of a suite with these times."""
    limit = 1.05 * medians["plain"] + 0.3
    bound = Target(medians["ours"], limit, "s, 1.05 of plain and 0.3 s")
    is_long = medians["plain"] > LONG_S and "xdist" in medians
    return (*ratio_targets(medians, {"xdist": 1.0} if is_long else {}), bound)


def differences(corpus: ModuleType, results: dict[str, list[dict[str, object]]], runner: str) -> str:
    """Return how a runner's outcomes differ from plain pytest's, or ""."""
    found, _ = corpus.differences(results["plain"], results[runner])
    if not found:
        return ""
    first, (expected, got) = next(iter(found.items()))
    return f"{len(found)} outcomes differ; first {first}: {expected} became {', '.join(got)}"


if __name__ == "__main__":
    sys.exit(main())
