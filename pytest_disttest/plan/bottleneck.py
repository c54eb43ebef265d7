"""What holds a run up, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_disttest.plan.bounds import Bound, bounds
from pytest_disttest.plan.work import WORKERS, Work, with_another

_NOTHING: Final[Mapping[frozenset[str], str]] = MappingProxyType({})

SHOWN = 3
WORTH = 0.02
"""A further host saves something if it saves this part of the bound at least."""
ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth"}


def bottleneck(
    work: Work, planned_s: float, names: Mapping[int, str], called: Mapping[frozenset[str], str] = _NOTHING
) -> str:
    """Return what bounds a run that is planned to take *planned_s*: "2 gpu hosts (a, b) are the bound: ...".

    *names* maps a case to its node id; *called* says of a group of hosts what they are called, before "hosts". ""
    where there is nothing to run. ValueError where a case fits no host.
    """
    found = bounds(work)
    if not found:
        return ""
    first = found[0]
    of = f"{duration(first.seconds)} of {duration(max(planned_s, first.seconds))}"
    if first.kind == "longest":
        return f"one test is the bound: {names[first.cases[0]]} takes {of}"
    if first.kind == "path":
        return f"{len(first.cases)} tests that wait for each other are the bound ({_path(first, names)}): {of}"
    return f"{_group(first, called)} the bound: {of}{_saving(work, first)}"


def duration(seconds: float) -> str:
    """Return *seconds* in the unit that suits them: "0.42 s", "14 min", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    if seconds < 119.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _group(bound: Bound, called: Mapping[frozenset[str], str]) -> str:
    resource = "" if bound.resource == WORKERS else bound.resource.removeprefix("resource.")
    kind = called.get(frozenset(bound.hosts), resource)
    shown = ", ".join(bound.hosts[:SHOWN]) + (", ..." if len(bound.hosts) > SHOWN else "")
    noun = f"{kind} host".strip()
    return f"1 {noun} ({shown}) is" if len(bound.hosts) == 1 else f"{len(bound.hosts)} {noun}s ({shown}) are"


def _saving(work: Work, bound: Bound) -> str:
    """Return what one more host like the group's first would spare, where that is worth a word."""
    saved_s = bound.seconds - bounds(with_another(work, bound.hosts[0]))[0].seconds
    count = len(bound.hosts) + 1
    ordinal = ORDINALS.get(count, "further one")
    if saved_s < WORTH * bound.seconds:
        return f"; a {ordinal} would save nothing: something else is as tight"
    return f"; a {ordinal} would save {duration(saved_s)}"


def _path(bound: Bound, names: Mapping[int, str]) -> str:
    shown = [names[case] for case in bound.cases]
    if len(shown) > SHOWN:
        shown = [*shown[: SHOWN - 1], "...", shown[-1]]
    return " -> ".join(shown)
