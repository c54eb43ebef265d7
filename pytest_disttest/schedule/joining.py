"""Hosts that the plan did not know, and that take part from some moment on."""

from __future__ import annotations

from collections.abc import Mapping


def with_host(eligible: Mapping[int, frozenset[str]], place: str, unfit: frozenset[int]) -> dict[int, frozenset[str]]:
    """Return *eligible* (which hosts fit, by case) with one host more, which fits all cases but *unfit*."""
    return {case: hosts if case in unfit else hosts | {place} for case, hosts in eligible.items()}
