"""Measures plain pytest, xdist, bistra and ours in turn, and prints the table of issue 3 with its targets.

    python tests/bench/table.py                                     # everything, in about an hour
    python tests/bench/table.py --rows many-files,cpu --repeat 3
    python tests/bench/table.py --scale 0.1 --repeat 1              # a trial: its ratios mean little

Exit code 1 when a run was wrong, 2 when only targets were missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.pop(0)  # tests/bench: its profile.py would hide the standard library's
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))

from bench import machine, rendered  # noqa: E402 -- the path comes first
from bench.measured import Line, Verdict  # noqa: E402
from bench.rows import ROWS  # noqa: E402
from bench.workbench import Workbench  # noqa: E402


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for, print and write it, and return the exit code."""
    asked = arguments(argv)
    if machine.imported_from(asked.checkout) != asked.checkout:
        raise SystemExit(f"{asked.checkout} holds no pytest_disttest that Python would import")
    about = machine.described(asked.checkout)
    lines: list[Line] = []
    with place_of(asked.place) as place:
        bench = Workbench(place, asked.checkout, asked.repeat, asked.scale, asked.keep_history)
        for name in asked.rows:
            lines += (new := measured(name, bench))
            print(f"\n{rendered.table(new)}", file=sys.stderr)
            write_json(asked.json, about, lines)  # after each row: what is measured is not lost when it is cut short
    about += [f"medians of {asked.repeat}, scale {asked.scale:g}; at the end {machine.load()}"]
    print("\n".join(f"- {line}" if asked.markdown else line for line in about) + "\n")
    print(rendered.markdown(lines) if asked.markdown else rendered.table(lines))
    write_json(asked.json, about, lines)
    return exit_code(lines)


def measured(name: str, bench: Workbench) -> list[Line]:
    """Return the lines of a row; one that cannot be measured here is a note, one that breaks is a failure."""
    try:
        return ROWS[name](bench)
    except pytest.skip.Exception as reason:
        return [Line(name, {}, notes=(f"not measured: {reason}",))]
    except Exception as error:
        traceback.print_exc()
        return [Line(name, {}, wrong={"ours": f"the measurement broke: {error!r}"})]


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line asks for; unknown rows are refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rows", type=row_names, default=list(ROWS), metavar="NAME,..", help=f"of {', '.join(ROWS)}")
    add("--repeat", type=int, default=5, metavar="N", help="timed runs of each variant (5)")
    add("--scale", type=float, default=1.0, help="a part of the tests, and of the sleeps (1.0)")
    add("--checkout", type=resolved, default=ROOT, metavar="DIR", help="what is measured (this one)")
    add("--keep-history", action="store_true", help="every run is a second one, not only where the row says so")
    add("--place", type=resolved, metavar="DIR", help="where suites are made and kept; else a temporary directory")
    add("--json", type=Path, metavar="FILE", help="write every sample, too")
    add("--markdown", action="store_true", help="print for the docs")
    return parser.parse_args(argv)


def row_names(text: str) -> list[str]:
    """Return the rows of a comma list."""
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in ROWS]:
        raise argparse.ArgumentTypeError(f"no row {unknown[0]!r}; there are: {', '.join(ROWS)}")
    return names


def resolved(text: str) -> Path:
    """Return the path without links, as Python reports it of a module."""
    return Path(text).resolve()


@contextlib.contextmanager
def place_of(chosen: Path | None) -> Iterator[Path]:
    """Yield the directory for the suites, which is removed afterwards unless it was *chosen*."""
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen
        return
    with tempfile.TemporaryDirectory(prefix="disttest-bench-") as place:
        yield Path(os.path.realpath(place))


def write_json(target: Path | None, about: list[str], lines: list[Line]) -> None:
    """Write all that is known to *target*, if there is one."""
    if target is not None:
        known = {"machine": about, "lines": [{**asdict(line), "verdict": line.verdict} for line in lines]}
        target.write_text(json.dumps(known, indent=1, ensure_ascii=False), encoding="utf-8")


def exit_code(lines: Sequence[Line]) -> int:
    """Return 1 for a wrong run, 2 for a missed target, else 0."""
    verdicts = {line.verdict for line in lines}
    return 1 if Verdict.FAILED in verdicts else 2 if Verdict.MISS in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
