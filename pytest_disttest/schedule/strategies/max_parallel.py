"""As many at once as can be: what few hosts can run goes first, then what most others wait for.

Nothing needs to be known of durations. A host that is good for little is kept busy with that little as long as there is
some, and tests that hold others up do not wait behind those that do not.
"""

from __future__ import annotations

from pytest_disttest.plan.ranks import upward_ranks
from pytest_disttest.schedule.guidance import Briefing, Guidance


def guide(briefing: Briefing) -> Guidance:
    """Go by the number of hosts that fit, then by how many tests stand behind one another from here on."""
    depths = upward_ranks(dict.fromkeys(briefing.cases, 1.0), briefing.plan.prerequisites)
    deepest = max(depths.values(), default=0.0) + 1.0
    every = len(briefing.workers)
    urgency = {
        case: (every - min(every, len(briefing.plan.eligible.get(case, briefing.workers)))) * deepest + depth - 1.0
        for case, depth in depths.items()
    }
    return Guidance(urgency=urgency, urgent_from=1.0, lays_out=False)
