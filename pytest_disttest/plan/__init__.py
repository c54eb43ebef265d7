"""The plan: what runs together, in which order, and what waits for what. The only door to networkx.

Importing this room is cheap: networkx is loaded only for a suite that has dependencies, and what counts in seconds
(``plan.work``, ``plan.ranks``, ``plan.bounds``, ``plan.bottleneck``) where durations are known: import it from there.
"""

from __future__ import annotations

from pytest_disttest.plan.blocked import waits_for
from pytest_disttest.plan.build import build_plan
from pytest_disttest.plan.ended import without_ended
from pytest_disttest.plan.render import render_plan
from pytest_disttest.plan.seams import seams, split_points

__all__ = ["build_plan", "render_plan", "seams", "split_points", "waits_for", "without_ended"]
