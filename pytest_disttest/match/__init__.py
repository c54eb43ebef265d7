"""Which host can run which test, and why none can: pure answers from plain values.

Only what every run needs is imported with the room: `eligibility`, which answers at once where no test asks for
anything. The rest comes with its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .eligible import eligibility

if TYPE_CHECKING:
    from .explaining import Explainer, explain
    from .explanation import AlternativeRow, ConditionRow, Explanation, Failing, HostRow, Standing
    from .groups import alternatives_of
    from .matcher import Verdict, devices_for, devices_wanted, fits, judge
    from .offers import offered
    from .preferring import preference
    from .reasons import why_not
    from .records import ExplanationRow, explanation_as_plain, explanation_rows
    from .reverse import HostExplanation, explain_host

_FILES: Final = {
    "AlternativeRow": "explanation",
    "ConditionRow": "explanation",
    "Failing": "explanation",
    "HostRow": "explanation",
    "Explainer": "explaining",
    "Explanation": "explanation",
    "ExplanationRow": "records",
    "HostExplanation": "reverse",
    "Standing": "explanation",
    "Verdict": "matcher",
    "alternatives_of": "groups",
    "devices_for": "matcher",
    "devices_wanted": "matcher",
    "explain": "explaining",
    "explain_host": "reverse",
    "explanation_as_plain": "records",
    "explanation_rows": "records",
    "fits": "matcher",
    "judge": "matcher",
    "offered": "offers",
    "preference": "preferring",
    "why_not": "reasons",
}

__all__ = [
    "AlternativeRow",
    "ConditionRow",
    "Explainer",
    "Explanation",
    "ExplanationRow",
    "Failing",
    "HostExplanation",
    "HostRow",
    "Standing",
    "Verdict",
    "alternatives_of",
    "devices_for",
    "devices_wanted",
    "eligibility",
    "explain",
    "explain_host",
    "explanation_as_plain",
    "explanation_rows",
    "fits",
    "judge",
    "offered",
    "preference",
    "why_not",
]


def __getattr__(name: str) -> Any:
    file = _FILES.get(name)
    if file is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{file}"), name)
    return found
