"""Explanations as plain values: for JSON, and as rows for the history.

One row of `explanation_rows` is one condition at one host: what was asked, what the host has, whether it is met.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pytest_disttest.model import Requirement

from .explanation import AlternativeRow, ConditionRow, Explanation
from .relaxing import Relaxation
from .survey import Seen


class ExplanationRow(NamedTuple):
    """One condition at one host. *alternative* counts from 0, the best first, and so does *place* in it.

    *status* is ``met``, ``unmet`` or ``unknown``: of the conditions on a device, whether the device that comes nearest
    meets it. *have* is what the host has in words, "" where it meets it or has nothing.
    """

    host: str
    state: str
    code: str
    alternative: int
    place: int
    key: str
    condition: str
    status: str
    have: str


def explanation_rows(explanation: Explanation) -> Iterator[ExplanationRow]:
    """Yield one row per known host that is not disabled, alternative and condition."""
    hosts = {row.host: row for row in explanation.rows}
    for number, alternative in enumerate(explanation.alternatives):
        failing = {each.host: {f.place: f for f in each.failing} for each in alternative.failing}
        for host in sorted({*failing, *alternative.hosts}):
            for place, condition in enumerate(alternative.conditions):
                lacking = failing.get(host, {}).get(place)
                status = "met" if lacking is None else "unknown" if lacking.unknown else "unmet"
                have = "" if lacking is None else lacking.have
                told = condition.requirement.key, condition.text, status, have
                yield ExplanationRow(host, hosts[host].state, hosts[host].code, number, place, *told)


def explanation_as_plain(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation in JSON's own types; the same explanation gives the same value."""
    return {
        "verdict": explanation.verdict,
        "codes": list(explanation.codes),
        "summary": explanation.summary,
        "hosts": list(explanation.hosts),
        "later": [{"host": host, "reason": reason} for host, reason in explanation.later],
        "funnel": dict(explanation.funnel),
        "rows": [row._asdict() for row in explanation.rows],
        "alternatives": [_alternative(each) for each in explanation.alternatives],
        "histogram": dict(explanation.histogram),
    }


def _alternative(alternative: AlternativeRow) -> dict[str, Any]:
    return {
        "conditions": [_condition(row) for row in alternative.conditions],
        "hosts": list(alternative.hosts),
        "failing": {each.host: [failing._asdict() for failing in each.failing] for each in alternative.failing},
        "relaxations": [_relaxation(each) for each in alternative.relaxations],
    }


def _condition(row: ConditionRow) -> dict[str, Any]:
    return {
        **_requirement(row.requirement),
        "text": row.text,
        "alone": row.alone,
        "cumulative": row.cumulative,
        "best": _seen(row.best),
        "nearest": _seen(row.nearest),
        "near_misses": [miss._asdict() for miss in row.near_misses],
        "unknown": dict(row.unknown),
    }


def _requirement(requirement: Requirement) -> dict[str, Any]:
    value = requirement.value
    plain = list(value) if isinstance(value, tuple) else value
    return {"key": requirement.key, "operator": requirement.operator, "value": plain}


def _seen(seen: Seen | None) -> dict[str, Any] | None:
    return None if seen is None else {"value": seen.text, "hosts": list(seen.hosts)}


def _relaxation(relaxation: Relaxation) -> dict[str, Any]:
    changes = [
        {"place": change.place, "eased": None if change.eased is None else _requirement(change.eased)}
        for change in relaxation.changes
    ]
    return {"text": relaxation.text, "hosts": list(relaxation.hosts), "changes": changes}
