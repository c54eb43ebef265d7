"""Explanations as text: where a demand fits, condition by condition, and why not elsewhere.

Drawn from their plain form (``match.records``), so that one of a past run looks as it did when it was made. The
columns are those of HTCondor's ``condor_q -better-analyze``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pytest_disttest.match.explanation import Explanation
from pytest_disttest.match.records import explanation_as_plain
from pytest_disttest.match.reverse import HostExplanation
from pytest_disttest.reports.tables import plain_table
from pytest_disttest.reports.wording import plural

Plain = Mapping[str, Any]
MOST_HOSTS: Final = 12
MOST_TESTS: Final = 5
_STAGES: Final = ("registered", "enabled", "online", "probed", "usable", "match", "ready")


def lines_of(explanation: Explanation, title: str) -> list[str]:
    """Return an explanation as lines; *title* names the tests that it is about."""
    return lines_of_json(explanation_as_plain(explanation), title)


def lines_of_json(told: Plain, title: str) -> list[str]:
    """Return an explanation in its plain form as lines."""
    fits = f"fits {', '.join(told['hosts'])}" if told["hosts"] else told["summary"]
    lines = [f"{title}   {str(told['verdict']).upper()}  ({fits})", f"  hosts: {_funnel(told['funnel'])}"]
    several = len(told["alternatives"]) > 1
    for number, alternative in enumerate(told["alternatives"], start=1):
        if several:
            lines.append(f"  alternative {number} of {len(told['alternatives'])}")
        lines += [f"  {line}" for line in _alternative(alternative)]
    if told["later"]:
        lines.append("  later: " + "; ".join(f"{each['host']} ({each['reason']})" for each in told["later"]))
    lines += [f"  {line}" for line in _out(told["rows"])]
    return lines


def host_lines(told: HostExplanation) -> list[str]:
    """Return the reverse view as lines: what a host could run, and what keeps it from the rest."""
    reason = f", {told.reason}" if told.reason else ""
    lines = [
        f"host {told.host} ({told.state}{reason}): could run {plural(len(told.run), 'test')} that ask for something"
    ]
    lines[0] += f", not {told.elsewhere}" if told.elsewhere else ""
    for each in told.conditions:
        have = "nobody could tell" if each.unknown else f"has {each.have}" if each.have else "has none"
        lines.append(f"  {each.text} ({have}): {_tests(each.tests)}")
    return lines


def _funnel(stages: Mapping[str, int]) -> str:
    """Return the stages that hosts go through; of those that change nothing only the first and the last."""
    shown: list[str] = []
    before = -1
    for stage in _STAGES:
        if stage in stages and (stages[stage] != before or stage == "ready"):
            shown.append(f"{stages[stage]} {stage}")
            before = stages[stage]
    return " -> ".join(shown)


def _alternative(alternative: Plain) -> Iterator[str]:
    rows = [
        (f"[{place}]", row["alone"], row["cumulative"], row["text"], _seen(row))
        for place, row in enumerate(alternative["conditions"])
    ]
    if rows:
        columns = ("step", "alone", "cumulative", "condition", "best value seen")
        yield from plain_table(columns, rows, right=("alone", "cumulative"))
    unknown = [
        f"{host} {row['key']} ({why})" for row in alternative["conditions"] for host, why in row["unknown"].items()
    ]
    if unknown:
        yield f"unknown: {'; '.join(_capped(unknown))}"
    if alternative["relaxations"]:
        eased = [f"{each['text']} -> {', '.join(_capped(each['hosts']))}" for each in alternative["relaxations"]]
        yield f"smallest relaxations that match: {'; '.join(eased)}"
    failing = [f"{host} fails {_lacks(lacks)}" for host, lacks in alternative["failing"].items()]
    if failing:
        yield f"host by host: {'; '.join(_capped(failing))}"


def _seen(row: Plain) -> str:
    """Return the value that comes nearest, of a condition that somebody fails, and how near it is."""
    nearest = row["nearest"]
    if nearest is None:
        return ""
    text = f"{', '.join(_capped(nearest['hosts']))}: {nearest['value']}"
    if not row["near_misses"]:
        return text
    return f"{text}  <- near miss {100 * min(miss['gap'] for miss in row['near_misses']):.1f} %"


def _lacks(failing: Sequence[Plain]) -> str:
    words = (
        f"[{each['place']}]"
        + (" (unknown)" if each["unknown"] else f" (has {each['have']})" if each["have"] not in ("", "0") else "")
        for each in failing
    )
    return ", ".join(words)


def _out(rows: Sequence[Plain]) -> Iterator[str]:
    """Yield a line for each host that is out whatever it has."""
    for row in rows:
        if row["code"] and row["code"] not in ("REQUIREMENTS", "CAPACITY", "UNKNOWN_VALUE"):
            reason = f": {row['reason']}" if row["reason"] else ""
            yield f"{row['host']} is out: {row['code']}{reason}"


def _tests(names: Sequence[str]) -> str:
    more = len(names) - MOST_TESTS
    return ", ".join(names[:MOST_TESTS]) + (f" and {more} more" if more > 0 else "")


def _capped(words: Sequence[str]) -> list[str]:
    more = len(words) - MOST_HOSTS
    return list(words) if more <= 0 else [*words[:MOST_HOSTS], f"and {more} more"]
