"""Hosts that the plan did not know, and that take part from some moment on."""

from __future__ import annotations

from dataclasses import replace

from pytest_disttest.model import Plan


def with_host(plan: Plan, place: str, unfit: frozenset[int]) -> Plan:
    """Return *plan* with one host more, which fits all cases but *unfit*."""
    fits = {case: hosts if case in unfit else hosts | {place} for case, hosts in plan.eligible.items()}
    return replace(plan, eligible=fits)
