"""Runs variants in turn on one suite, and keeps what was measured.

Each variant is run once untimed and with the recorder, which warms the compiled files and yields the outcomes to be
compared with plain pytest's; the timed runs are without it, and only their exit code and counts are compared.
What a runner keeps from run to run is removed before each run, or is that of exactly one earlier run.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import runs, variants
from bench.generated import Suite
from bench.runs import Run
from bench.variants import Variant

FLAGS = ("-q", "-p", "no:cacheprovider")
KEPT = (".disttest", ".bistra_cache", ".pytest_cache")
"""Where the runners keep what they learnt, below the suite's directory."""

Outcomes = Mapping[str, Mapping[str, int]]


@dataclass(slots=True)
class Series:
    """The timed runs of a suite, and what was wrong, by the variants' labels."""

    runs: dict[str, list[Run]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, list[float]] = field(default_factory=dict)

    def wall_s(self, label: str) -> float:
        """Return the median wall time."""
        return statistics.median(run.wall_s for run in self.runs[label])

    def cpu_s(self, label: str) -> float:
        """Return the median CPU time of all processes of a run."""
        return statistics.median(run.cpu_s for run in self.runs[label])

    def pss_mb(self, label: str) -> float:
        """Return the median of the peaks of memory, in units of 10**6 bytes."""
        return statistics.median(run.pss_bytes for run in self.runs[label]) / 1e6

    def number(self, label: str) -> float:
        """Return the median of what the runs' own plugin wrote."""
        return statistics.median(self.numbers[label])

    def has(self, label: str) -> bool:
        return bool(self.runs.get(label))

    @property
    def notes(self) -> tuple[str, ...]:
        """What disturbed the measurement."""
        everything = [run for found in self.runs.values() for run in found]
        others = statistics.mean(run.others for run in everything)
        notes = [f"other programs kept {others:.1f} cores busy"] if others >= 0.1 else []
        late = {label: max(run.after_s for run in found) for label, found in self.runs.items()}
        return (
            *notes,
            *(f"{label} left processes for {s:.1f} s after its end" for label, s in late.items() if s > 0.3),
        )


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where and how often is measured; *tell* is given a line about each run."""

    place: Path
    checkout: Path
    repeat: int
    scale: float
    keeps_history: bool = False
    tell: Callable[[str], object] = lambda line: print(line, file=sys.stderr, flush=True)

    def scaled(self, count: int, least: int = 10) -> int:
        """Return *count*, less in a trial."""
        return max(least, round(count * self.scale))

    def measure(
        self,
        suite: Suite,
        chosen: Sequence[Variant],
        *,
        flags: Sequence[str] = FLAGS,
        is_second_run: bool = False,
        samples_pss: bool = False,
        measures_controller: bool = False,
    ) -> Series:
        """Return timed runs of *chosen* on *suite*; those whose program is not installed are left out."""
        able = [variant for variant in chosen if is_installed(variant)]
        bench = _Bench(self, self._written(suite), suite, tuple(flags), is_second_run or self.keeps_history)
        series = Series(wrong=bench.compared(able))
        for repetition in range(self.repeat):
            for variant in variants.rotated(able, repetition):
                bench.time(variant, series, samples_pss=samples_pss, measures_controller=measures_controller)
        return series

    def run_once(self, suite: Suite, variant: Variant, *words: str) -> Run:
        """Return an untimed run with *words*, in which nothing is compared."""
        return runs.run(variant, words, directory=self._written(suite), checkout=self.checkout)

    def _written(self, suite: Suite) -> Path:
        directory = self.place / f"{suite.name}-{suite.digest}"  # a place that is kept may hold one of another scale
        return directory if directory.exists() else suite.write(directory)


@dataclass(frozen=True, slots=True)
class _Bench:
    """One suite on the workbench."""

    bench: Workbench
    directory: Path
    suite: Suite
    flags: tuple[str, ...]
    is_second_run: bool

    def compared(self, chosen: Sequence[Variant]) -> dict[str, str]:
        """Run each variant once with the recorder, and return what differs from plain pytest, by label."""
        expected, run = self._recorded(variants.plain())
        wrong = {} if run.code == 0 and len(expected) == self.suite.tests else {"plain": last_line(run)}
        for variant in chosen:
            if variant.runner == "plain":
                continue
            found, run = self._recorded(variant)
            if difference := differs(expected, found) or self._fault(run):
                wrong[variant.label] = difference
                self.bench.tell(f"{variant.label} on {self.suite.name}: FAILED, {difference}\n{run.output[-2000:]}")
        return wrong

    def time(self, variant: Variant, series: Series, *, samples_pss: bool, measures_controller: bool) -> None:
        """Add a timed run of *variant* to *series*."""
        self._restore(variant)
        cpu = self.directory.parent / "controller-cpu"
        cpu.unlink(missing_ok=True)
        loading = ("-p", "bench_cpu") if measures_controller else ()
        run = self._run(variant, *loading, more={"BENCH_CPU": str(cpu)}, samples_pss=samples_pss)
        if fault := self._fault(run):
            series.wrong.setdefault(variant.label, fault)
        series.runs.setdefault(variant.label, []).append(run)
        if cpu.exists():
            series.numbers.setdefault(variant.label, []).append(float(cpu.read_text(encoding="ascii")))
        words = f"{run.wall_s:7.2f} s wall {run.cpu_s:7.2f} s CPU, others {run.others:.1f} cores"
        self.bench.tell(f"{self.suite.name:<14} {variant.label:<11} {words}" + (f"  FAILED, {fault}" if fault else ""))

    def _recorded(self, variant: Variant) -> tuple[Outcomes, Run]:
        target = self.directory.parent / "outcomes.json"
        target.unlink(missing_ok=True)
        self._forget()
        run = self._run(variant, "-p", "bench_recorder", more={"BENCH_OUTCOMES": str(target)})
        self._keep(variant)
        return json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}, run

    def _run(self, variant: Variant, *words: str, more: Mapping[str, str], samples_pss: bool = False) -> Run:
        return runs.run(
            variant,
            (*self.flags, *words),
            directory=self.directory,
            checkout=self.bench.checkout,
            more=more,
            samples_pss=samples_pss,
        )

    def _fault(self, run: Run) -> str:
        """Return what a run's exit code or last line says against it, or ""."""
        if run.code == 0 and run.counts == {"passed": self.suite.tests}:
            return ""
        return f"exit code {run.code}, {last_line(run)!r}"

    def _forget(self) -> None:
        for name in KEPT:
            shutil.rmtree(self.directory / name, ignore_errors=True)

    def _keep(self, variant: Variant) -> None:
        """Put aside what the first run of *variant* left for its second."""
        for name in KEPT:
            target = self._kept(variant) / name
            shutil.rmtree(target, ignore_errors=True)
            if (self.directory / name).exists():
                shutil.copytree(self.directory / name, target)

    def _restore(self, variant: Variant) -> None:
        self._forget()
        if self.is_second_run and self._kept(variant).exists():
            shutil.copytree(self._kept(variant), self.directory, dirs_exist_ok=True)

    def _kept(self, variant: Variant) -> Path:
        return self.directory.parent / "kept" / self.directory.name / variant.label


def differs(expected: Outcomes, found: Outcomes) -> str:
    """Return how *found* differs from *expected*, for a reader, or ""."""
    names = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
    if not names:
        return ""
    kinds = Counter("missing" if name not in found else "new" if name not in expected else "other" for name in names)
    words = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    first = names[0]
    return f"outcomes differ: {words}; first {first}: {expected.get(first)} became {found.get(first)}"


def last_line(run: Run) -> str:
    """Return the last line that says something."""
    return run.output.strip().rpartition("\n")[2] or "no output"


def is_installed(variant: Variant) -> bool:
    """Whether the runner of *variant* is there."""
    return variant.runner not in ("xdist", "bistra") or importlib.util.find_spec(variant.runner) is not None
