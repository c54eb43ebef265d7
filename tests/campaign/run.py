"""The campaign: seeded trials of every fault, and the table of what held.

``python tests/campaign/run.py --runs 200 --seed 1 [--engine xdist] [--only WORD] [--table FILE]``
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from campaign import table  # noqa: E402
from campaign.fault import Fault  # noqa: E402
from campaign.faults import FAULTS  # noqa: E402
from campaign.ground import ground  # noqa: E402
from campaign.trial import attempt  # noqa: E402
from campaign.verdict import Verdict  # noqa: E402


def main() -> int:
    """Run the campaign and return 0 when everything held in every trial."""
    options = parsed()
    chosen = possible(options)
    verdicts: list[Verdict] = []
    with (
        tempfile.TemporaryDirectory(prefix="campaign-", ignore_cleanup_errors=True) as place,
        ground(Path(place)) as made,
    ):
        kept = Path(options.keep) if options.keep else Path(place)
        for number in range(options.runs):
            fault = chosen[number % len(chosen)]
            seed = options.seed * 10_000 + number
            verdict = attempt(fault, made, kept / f"{options.engine}-{number}", engine=options.engine, seed=seed)
            verdicts.append(verdict)
            print(f"{number + 1:4} {verdict.seconds:5.1f} s {verdict}", flush=True)
    text = table.render(verdicts)
    print(text)
    if options.table:
        Path(options.table).write_text(text)
    return int(not all(verdict.is_good for verdict in verdicts))


def possible(options: argparse.Namespace) -> list[Fault]:
    """Return the faults that are asked for and can be made here; say why others cannot."""
    asked = [f for f in FAULTS if options.engine in f.engines and any(word in f.name for word in options.only or [""])]
    for fault in asked:
        if why := fault.needs():
            print(f"skipped: {fault.name}: {why}")
    return [fault for fault in asked if not fault.needs()]


def parsed() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10_000))
    parser.add_argument("--engine", default="disttest")
    parser.add_argument("--only", action="append")
    parser.add_argument("--keep", help="where the places of bad trials are kept")
    parser.add_argument("--table", help="file for the table")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
