"""The campaign's table: faults, how often each was tried, and how often something did not hold."""

from __future__ import annotations

from collections.abc import Sequence

from campaign.verdict import Verdict

HEAD = ("fault", "runs", "lost", "twice", "hung", "left", "named")


def rows(verdicts: Sequence[Verdict]) -> list[tuple[str, ...]]:
    """Return a row for each fault, in the order of the first trials, and one for all of them."""
    names = list(dict.fromkeys(verdict.fault for verdict in verdicts))
    return [*(_row(name, [v for v in verdicts if v.fault == name]) for name in names), _row("all", verdicts)]


def _row(name: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    bad = [sum(bool(getattr(v, kind)) for v in verdicts) for kind in ("lost", "twice", "hung", "left")]
    named = sum(not (v.unclear or v.status or v.hung) for v in verdicts)
    return (name, str(len(verdicts)), *map(str, bad), f"{named} of {len(verdicts)}")


def render(verdicts: Sequence[Verdict]) -> str:
    """Return the table in Markdown."""
    lines = [HEAD, ("---",) + ("---:",) * (len(HEAD) - 1), *rows(verdicts)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
