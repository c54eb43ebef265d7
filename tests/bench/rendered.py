"""The table as text for a terminal and as Markdown for the docs."""

from __future__ import annotations

from collections.abc import Sequence

from bench.measured import Line, figure
from bench.variants import RUNNERS

HEAD = ("case", *RUNNERS, "/plain", "/xdist", "measured and target", "verdict")


def cells(line: Line) -> tuple[str, ...]:
    """Return the texts of one line of the table, in the order of ``HEAD``."""
    ratios = (_figure(line.ratio(other)) for other in ("plain", "xdist"))
    targets = "; ".join(map(str, line.targets))
    return (line.case, *(_median(line, runner) for runner in RUNNERS), *ratios, targets, str(line.verdict or ""))


def table(lines: Sequence[Line]) -> str:
    """Return the table in columns, what was wrong and what is to be noted below it."""
    rows = [HEAD, *(cells(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    columns = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    return "\n".join([columns[0], "-" * max(map(len, columns)), *columns[1:], *remarks(lines)]) + "\n"


def markdown(lines: Sequence[Line]) -> str:
    """Return the table in Markdown."""
    rule = ["---", *["---:"] * (len(HEAD) - 3), "---", "---"]
    rows = [HEAD, rule, *(cells(line) for line in lines)]
    below = [f"- {remark}" for remark in remarks(lines)]
    return "\n".join([*("| " + " | ".join(row) + " |" for row in rows), "", *below]) + "\n"


def remarks(lines: Sequence[Line]) -> list[str]:
    """Return a sentence for each wrong run and each note."""
    wrong = [f"{line.case}: FAILED, {runner}: {what}" for line in lines for runner, what in line.wrong.items()]
    return wrong + [f"{line.case}: {note}" for line in lines for note in line.notes]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = range(1, len(RUNNERS) + 3)
    return [
        text.rjust(width) if at in numbers else text.ljust(width)
        for at, (text, width) in enumerate(zip(row, widths, strict=True))
    ]


def _median(line: Line, runner: str) -> str:
    if runner not in line.medians:
        return ""
    return f"{figure(line.medians[runner])} {line.unit}" + (" FAILED" if runner in line.wrong else "")


def _figure(value: float | None) -> str:
    return "" if value is None else figure(value)
