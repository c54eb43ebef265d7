"""Profiles the controller and a worker on the 500 x 20 case: the functions that cost most, in CPU time of the thread.

    python tests/bench/profile.py [--scale 0.1] [--top 25] [--checkout DIR] [--keep DIR]

The profiler makes every call dearer, short ones most: what stands here is for finding, not for comparing with the
table. *us/test* is a function's own time, divided by the tests that the process ran (for the controller: all).
"""

from __future__ import annotations

import argparse
import os
import pstats
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.pop(0)  # tests/bench: this file would hide the standard library's profile
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from bench import generated, machine, runs, variants  # noqa: E402 -- the path comes first
from bench.generated import Suite  # noqa: E402

FLAGS = ("-q", "-p", "no:cacheprovider")


def main(argv: Sequence[str] | None = None) -> int:
    """Profile, print, and return 0, or 1 when the run was wrong."""
    asked = arguments(argv)
    if machine.imported_from(asked.checkout) != asked.checkout:
        raise SystemExit(f"{asked.checkout} holds no pytest_disttest that Python would import")
    suite = generated.many_files(max(2, round(500 * asked.scale)), 20)
    print("\n".join(machine.described(asked.checkout)))
    with tempfile.TemporaryDirectory(prefix="disttest-profile-") as name:
        place = Path(os.path.realpath(name))
        run = profiled(suite, place, asked.checkout)
        print_all(place / "profiles", suite, asked.top)
        if asked.keep:
            shutil.copytree(place / "profiles", asked.keep, dirs_exist_ok=True)
    print(f"\nexit code {run.code}, {run.counts}")
    return int(run.code != 0 or run.counts != {"passed": suite.tests})


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--scale", type=float, default=1.0, help="a part of the files (1.0)")
    add("--top", type=int, default=25, metavar="N", help="functions shown (25)")
    add("--checkout", type=lambda text: Path(text).resolve(), default=ROOT, metavar="DIR", help="what is profiled")
    add("--keep", type=Path, metavar="DIR", help="where the raw profiles go, for pstats")
    return parser.parse_args(argv)


def profiled(suite: Suite, place: Path, checkout: Path) -> runs.Run:
    """Run *suite* once for warm compiled files, then again with profiles written below *place*."""
    directory, profiles = suite.write(place / "suite"), place / "profiles"
    profiles.mkdir()
    runs.run(variants.ours(), FLAGS, directory=directory, checkout=checkout)
    shutil.rmtree(directory / ".disttest", ignore_errors=True)
    more = {"BENCH_PROFILES": str(profiles)}
    return runs.run(variants.ours(), (*FLAGS, "-p", "bench_profile"), directory=directory, checkout=checkout, more=more)


def print_all(profiles: Path, suite: Suite, top: int) -> None:
    """Print the controller's profile and those of one worker, the one that ran most."""
    if found := list(profiles.glob("controller-*.prof")):
        print_one("controller, from its first plugin to its end", merged(found), suite.tests, top)
    loops = {path: tests_run(merged([path])) for path in profiles.glob("*-run-*.prof")}
    if not loops:
        print("\nno worker wrote a profile")
        return
    busiest = max(loops, key=lambda path: loops[path])
    worker = busiest.name.partition("-")[0]
    for phase in ("collect", "run"):
        if found := list(profiles.glob(f"{worker}-{phase}-*.prof")):
            title = f"worker {worker}, {phase}, of {len(loops)} workers"
            print_one(title, merged(found), max(1, loops[busiest]), top)


def merged(paths: Iterable[Path]) -> pstats.Stats:
    """Return the sum of profiles."""
    return pstats.Stats(*map(str, paths))


def tests_run(stats: pstats.Stats) -> int:
    """Return how many tests a profile saw: calls of pytest's ``runtestprotocol``."""
    return sum(
        row[1]
        for (file, _, function), row in stats.stats.items()  # type: ignore[attr-defined]
        if function == "runtestprotocol" and file.endswith("runner.py")
    )


def print_one(title: str, stats: pstats.Stats, tests: int, top: int) -> None:
    """Print the *top* functions by their own time."""
    rows = sorted(stats.stats.items(), key=lambda item: item[1][2], reverse=True)  # type: ignore[attr-defined]
    total = stats.total_tt  # type: ignore[attr-defined]
    print(f"\n{title}: {total:.2f} s of CPU under the profiler, {tests} tests, {1e6 * total / tests:.0f} us/test")
    print(f"{'own s':>8} {'us/test':>8} {'with callees':>12} {'calls/test':>10}  function")
    for (file, line, function), (_, calls, own, cumulative, _) in rows[:top]:
        where = f"{shortened(file)}:{line} {function}" if line else function
        per_test = 1e6 * own / tests
        print(f"{own:8.3f} {per_test:8.1f} {1e6 * cumulative / tests:12.1f} {calls / tests:10.2f}  {where}")


def shortened(file: str) -> str:
    """Return the last parts of a path, from the package on."""
    for mark in ("site-packages/", "pytest_disttest/"):
        if mark in file:
            return file.rpartition(mark)[2] if mark == "site-packages/" else f"{mark}{file.rpartition(mark)[2]}"
    return "/".join(file.split("/")[-2:])


if __name__ == "__main__":
    sys.exit(main())
