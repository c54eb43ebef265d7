"""The smallest changes to an alternative that make a host fit: one condition eased to what a host has, or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pytest_disttest.model import Requirement, Value
from pytest_disttest.needs import kind_of_device

from .comparing import rounded_size
from .fleet import bits
from .groups import Alternative, is_count
from .obstacles import Way
from .operators import ORDER, UPWARD, as_number, kind_of, lineage, listed, rank
from .shown import condition
from .survey import Survey, gap_of

MOST: Final = 5
MOST_CHANGES: Final = 3
_MOST_TRIED: Final = 12
"""Of so many hosts that lack the same conditions, the first ones, it is looked which comes nearest."""


class Change(NamedTuple):
    """One condition, by its place in the alternative: eased to *eased*, or dropped where that is None."""

    place: int
    eased: Requirement | None


class Relaxation(NamedTuple):
    """Changes that together make *hosts* fit (sorted), and their words: ``gpu.memory >= 79.6 GiB``."""

    changes: tuple[Change, ...]
    hosts: tuple[str, ...]
    text: str


def relaxations(
    alternative: Alternative, ways: Mapping[int, Sequence[Way]], survey: Survey, usable: int
) -> tuple[Relaxation, ...]:
    """Return the smallest changes with which a host among *usable* fits, at most MOST of at most MOST_CHANGES each.

    None contains another. One that eases stands before one that drops, the one that eases the least first.
    """
    by_conditions: dict[int, list[tuple[int, Way]]] = {}
    for row in bits(usable):
        for way in ways.get(row, ()):
            if way.conditions and way.conditions.bit_count() <= MOST_CHANGES:
                by_conditions.setdefault(way.conditions, []).append((row, way))
    smallest = [
        each for each in by_conditions if not any(other != each and not other & ~each for other in by_conditions)
    ]
    found = []
    for conditions in smallest:
        eased = [_eased(alternative, row, way, survey) for row, way in by_conditions[conditions][:_MOST_TRIED]]
        costs = [(_cost(alternative, changes), _text(alternative, changes), changes) for changes in eased]
        cost, _, changes = min(costs, key=lambda each: each[:2])
        hosts = survey.fleet.judged(changed(alternative, changes)).met & usable
        if hosts:
            found.append(((len(changes), cost, conditions), changes, hosts))
    found.sort(key=lambda each: each[0])
    return tuple(
        Relaxation(changes, tuple(survey.fleet.names[row] for row in bits(hosts)), _text(alternative, changes))
        for _, changes, hosts in found[:MOST]
    )


def changed(alternative: Alternative, changes: Sequence[Change]) -> Alternative:
    """Return *alternative* with its conditions eased or dropped."""
    eased = {change.place: change.eased for change in changes}
    kept = (eased.get(place, requirement) for place, requirement in enumerate(alternative))
    return tuple(requirement for requirement in kept if requirement is not None)


def ease(requirement: Requirement, value: Value | None) -> Requirement | None:
    """Return *requirement* eased so that *value* meets it, None where it can only be dropped.

    Sizes are rounded away from what is wanted to a tenth of their unit, so that they can be written down.
    """
    if requirement.operator not in ORDER or value is None:
        return None
    key, kind = requirement.key, kind_of(requirement.key)
    up = requirement.operator in UPWARD
    if kind == "level" and lineage(value)[0] not in lineage(requirement.value):
        return None
    number = as_number(value)
    text = str(lineage(value)[0] if kind == "level" else value)
    if kind == "size":
        if number is None:
            return None
        value, text = rounded_size(int(number), up=not up)
    elif rank(kind, value) is None:
        return None
    if up and as_number(value) == 0:
        return None  # at least nothing is no condition
    operator = ">=" if up else "<="
    return Requirement(key, operator, listed(value)[0], f"{key} {operator} {text}")


def _eased(alternative: Alternative, row: int, way: Way, survey: Survey) -> tuple[Change, ...]:
    """Return the changes by which one host fits along one way."""
    devices = dict(way.devices)
    return tuple(
        Change(place, ease(alternative[place], _value(alternative[place], alternative, row, devices, survey)))
        for place in bits(way.conditions)
    )


def _value(
    requirement: Requirement,
    alternative: Alternative,
    row: int,
    devices: Mapping[str, tuple[int, ...]],
    survey: Survey,
) -> Value | None:
    """Return what the host has of a requirement's key: of devices the value that all that would do are good for."""
    kind = kind_of_device(requirement.key)
    if not kind:
        have = survey.haves(requirement, alternative)[row]
        return None if have is None else have.value
    left = devices.get(kind, ())
    if is_count(requirement):
        return len(left)
    rows = survey.fleet.devices(kind).devices
    values = [rows[device][1].facts.get(requirement.key) for device in left]
    known = [(rank(kind_of(requirement.key), value), value) for value in values if value is not None]
    if not known or len(known) < len(values) or any(order is None for order, _ in known):
        return None
    pick = min if requirement.operator in UPWARD else max
    return pick(known, key=lambda each: each[0])[1]


def _cost(alternative: Alternative, changes: Sequence[Change]) -> float:
    """Return how much is given up: of a number the part by which it is eased, 1 of another order, 2 for dropping."""
    cost = 0.0
    for change in changes:
        gap = None if change.eased is None else gap_of(alternative[change.place], change.eased.value)
        cost += 2.0 if change.eased is None else 1.0 if gap is None else min(gap, 1.0)
    return cost


def _text(alternative: Alternative, changes: Sequence[Change]) -> str:
    return " and ".join(
        f"without {condition(alternative[change.place])}" if change.eased is None else change.eased.origin
        for change in changes
    )
