"""What failed attempts were taken for: in a journal, and as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pytest_disttest.store.fields import check_counts, text
from pytest_disttest.store.hardware import plain


class FailureTold(NamedTuple):
    """Attempt *number* of a case did not pass: its class, the *rule* that told it, and what was done.

    *again* says where it was made again ("on another host"), "" where the failure stood; *why* is the reason of that.
    """

    case: int
    number: int
    failure_class: str
    rule: str
    again: str
    why: str


def _pack(event: FailureTold) -> dict[str, object]:
    return {"event": "failed", **event._asdict()}


def _unpack(fields: Mapping[str, Any]) -> FailureTold:
    case, number = fields["case"], fields["number"]
    check_counts(case, number)
    return FailureTold(case, number, *(text(fields[name]) for name in ("failure_class", "rule", "again", "why")))


PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {FailureTold: _pack}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], FailureTold]] = {"failed": _unpack}


def failure_row(run_id: str, told: FailureTold) -> tuple[object, ...]:
    """Return the row of ``failures``."""
    return (run_id, told.case, told.number, *map(plain, told[2:]))
