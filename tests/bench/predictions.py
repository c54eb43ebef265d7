"""Records how long the tests of a suite take, run after run, and says how well they are predicted.

    python tests/bench/predictions.py record FILE.ndjson [--runs 6] [--in DIR] [--python PYTHON] [-- PYTEST ARGUMENTS]
    python tests/bench/predictions.py evaluate FILE.ndjson ...

``record`` runs plain pytest in DIR and appends a line for each test of each run; it may be stopped and continued, and
on another machine with another ``--hw-class``. ``evaluate`` predicts each run from the runs before it, as a real run
does, and prints for each file how far off the typical test was (as a factor: 1.15 is "15 % too much or too little"),
beside the last value and the suite's median, and how often the ninth decile held. Exit code 2: a target was missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.pop(0)  # tests/bench: its profile.py would hide the standard library's
    sys.path.insert(0, str(ROOT))

from pytest_disttest.model import Case, FixtureUse  # noqa: E402 -- the path comes first
from pytest_disttest.predict import Observation, Predictor, openings  # noqa: E402

LEAST_S = 1e-5
SLOW_S = 0.01
"""Whatever is shorter than this nobody waits for: such tests are told apart."""
MOST_FACTOR = 1.25
COVERAGE = (0.85, 0.95)
FOLDS = 5
"""A fifth of the tests is held out at a time, to see how new ones are guessed."""

Runs = dict[int, list[Observation]]


@dataclass(frozen=True)
class Score:
    """Typical errors as factors: of known tests in later runs, of slow ones among them, of new ones; and coverage."""

    tests: int
    runs: int
    warm: float
    last_value: float
    slow: float
    slow_last_value: float
    coverage: float
    cold: float
    suite_median: float

    def faults(self) -> list[str]:
        """Return the targets that were missed, in words."""
        checks = (
            (self.warm <= MOST_FACTOR, f"warm {self.warm:.2f} > {MOST_FACTOR}"),
            (self.warm <= self.last_value, f"warm {self.warm:.3f} > last value {self.last_value:.3f}"),
            (COVERAGE[0] <= self.coverage <= COVERAGE[1], f"q90 covers {self.coverage:.1%}"),
            (self.cold <= self.suite_median, f"cold {self.cold:.2f} > suite's median {self.suite_median:.2f}"),
        )
        return [words for is_met, words in checks if not is_met]


def read(lines: Iterable[str]) -> Runs:
    """Return what passed by run; wide fixtures' first and last users are found from the order of the lines."""
    by_run: dict[int, list[dict[str, Any]]] = {}
    for line in lines:
        row = json.loads(line)
        by_run.setdefault(row["run"], []).append(row)
    return {run: list(_observed(by_run[run])) for run in sorted(by_run)}


def _observed(rows: Sequence[dict[str, Any]]) -> Iterator[Observation]:
    run = [
        Case(
            place,
            row["nodeid"],
            file=row["file"],
            cls=row["cls"],
            package=row["package"],
            fixtures=tuple(FixtureUse(*use) for use in row["fixtures"]),
        )
        for place, row in enumerate(rows)
    ]
    for row, (opens, closes) in zip(rows, openings(run), strict=True):
        if row["outcome"] == "passed":
            phases = (row["setup_s"], row["call_s"], row["teardown_s"])
            yield Observation(row["nodeid"], row["file"], row["cls"], row["hw_class"], *phases, opens, closes)


def score(runs: Runs) -> Score:
    """Return how well each run but the first is predicted from those before it; ValueError for fewer than two runs.

    Both the prediction and the last value are measured against tests without the wide fixtures that they opened.
    """
    if len(runs) < 2:
        raise ValueError("one run tells nothing: record more")
    warm: list[tuple[float, float, float]] = []
    held: list[bool] = []
    predictor, last = Predictor(), dict[tuple[str, str], float]()
    first, *others = runs.values()
    _learn(predictor, first, last)
    for run in others:
        for seen in run:
            key = seen.nodeid, seen.hw_class
            if key in last and not seen.opens and not seen.closes:
                told = predictor.predict(seen.nodeid, seen.file, seen.cls, seen.hw_class)
                taken_s = _taken_s(seen)
                warm.append((taken_s, _off(taken_s, told.q50_s), _off(taken_s, last[key])))
                held.append(taken_s <= told.q90_s)
        _learn(predictor, run, last)
    slow = [row for row in warm if row[0] >= SLOW_S] or [(0.0, math.nan, math.nan)]
    cold, suite = _cold(first)
    return Score(
        tests=len({seen.nodeid for run in runs.values() for seen in run}),
        runs=len(runs),
        warm=_factor(off for _, off, _ in warm),
        last_value=_factor(off for _, _, off in warm),
        slow=_factor(off for _, off, _ in slow),
        slow_last_value=_factor(off for _, _, off in slow),
        coverage=fmean(held),
        cold=cold,
        suite_median=suite,
    )


def _learn(predictor: Predictor, run: Iterable[Observation], last: dict[tuple[str, str], float]) -> None:
    predictor.learn_run(run)
    for seen in run:
        if not seen.opens and not seen.closes:
            last[seen.nodeid, seen.hw_class] = _taken_s(seen)


def _cold(run: Sequence[Observation]) -> tuple[float, float]:
    """Return the factors by which tests that are held out of *run* are off, when guessed and by the suite's median."""
    guessed, naive = [], []
    for fold in range(FOLDS):
        predictor = Predictor()
        shown = [seen for place, seen in enumerate(run) if place % FOLDS != fold]
        predictor.learn_run(shown)
        middle_s = median(_taken_s(seen) for seen in shown)
        for seen in run[fold::FOLDS]:
            if not seen.opens and not seen.closes:
                told = predictor.predict(seen.nodeid, seen.file, seen.cls, seen.hw_class)
                guessed.append(_off(_taken_s(seen), told.q50_s))
                naive.append(_off(_taken_s(seen), middle_s))
    return _factor(guessed), _factor(naive)


def _taken_s(seen: Observation) -> float:
    return max(seen.setup_s + seen.call_s + seen.teardown_s, LEAST_S)


def _off(taken_s: float, told_s: float) -> float:
    return abs(math.log(taken_s / told_s))


def _factor(errors: Iterable[float]) -> float:
    return math.exp(median(errors))


def record(asked: argparse.Namespace) -> int:
    """Run the suite as often as asked, after the runs that the file holds already."""
    done = max(read(asked.file.read_text("utf-8").splitlines()), default=0) if asked.file.exists() else 0
    paths = [str(ROOT), str(ROOT / "tests" / "bench" / "plugins"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "BENCH_DURATIONS": str(asked.file.resolve()),
        "BENCH_HW_CLASS": asked.hw_class,
    }
    for run in range(done + 1, done + 1 + asked.runs):
        command = [asked.python, "-m", "pytest", "-q", "-p", "bench_durations", *asked.arguments]
        ended = subprocess.run(command, cwd=asked.directory, env={**environment, "BENCH_RUN": str(run)})
        if ended.returncode not in (0, 1):  # failures are the suite's own matter
            print(f"run {run}: pytest exited with {ended.returncode}")
            return 1
    return 0


def evaluate(asked: argparse.Namespace) -> int:
    """Print a line for each file; 2 where a target was missed."""
    print(f"{'suite':<24} tests runs |  warm  last |  slow  last |  q90 |  cold suite")
    faults = []
    for file in asked.files:
        found = score(read(file.read_text("utf-8").splitlines()))
        print(
            f"{file.stem:<24} {found.tests:>5} {found.runs:>4} | {found.warm:5.2f} {found.last_value:5.2f} |"
            f" {found.slow:5.2f} {found.slow_last_value:5.2f} | {found.coverage:4.0%} |"
            f" {found.cold:5.2f} {found.suite_median:5.2f}"
        )
        faults += [f"{file.stem}: {fault}" for fault in found.faults()]
    print("\n".join(faults))
    return 2 if faults else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; what stands behind ``--`` is for pytest."""
    parser = argparse.ArgumentParser(
        prog="predictions.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    recording = commands.add_parser("record", help="run a suite and append its times")
    recording.add_argument("file", type=Path, metavar="FILE.ndjson")
    recording.add_argument("--runs", type=int, default=6, metavar="N")
    recording.add_argument("--in", dest="directory", type=Path, default=Path(), metavar="DIR", help="where pytest runs")
    recording.add_argument("--python", default=sys.executable, metavar="PYTHON", help="whose pytest runs")
    recording.add_argument("--hw-class", default="", metavar="NAME", help="what to call this machine")
    recording.set_defaults(act=record)
    evaluating = commands.add_parser("evaluate", help="say how well recorded runs are predicted")
    evaluating.add_argument("files", type=Path, nargs="+", metavar="FILE.ndjson")
    evaluating.set_defaults(act=evaluate)
    words = list(sys.argv[1:] if argv is None else argv)
    cut = words.index("--") if "--" in words else len(words)  # argparse would take options behind it for its own
    asked = parser.parse_args(words[:cut], argparse.Namespace(arguments=words[cut + 1 :]))
    return int(asked.act(asked))


if __name__ == "__main__":
    sys.exit(main())
