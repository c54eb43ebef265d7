"""The smallest changes to an alternative that make a host fit: one condition eased to what a host has, or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from pytest_disttest.model import Requirement, Value
from pytest_disttest.needs import size_in_bytes

from .fleet import bits
from .groups import Alternative, is_count, least, speaks_of_kind
from .obstacles import Obstacles, Part
from .operators import ORDER, UPWARD, as_number, kind_of, lineage, listed, owner_of, rank
from .shown import condition
from .survey import Survey, direction, gap_of

MOST: Final = 5
MOST_CHANGES: Final = 3
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class Change(NamedTuple):
    """One condition, by its place in the alternative: eased to *eased*, or dropped where that is None."""

    place: int
    eased: Requirement | None


class Relaxation(NamedTuple):
    """Changes that together make *hosts* fit (sorted), and their words: ``gpu.memory >= 79.6 GiB``."""

    changes: tuple[Change, ...]
    hosts: tuple[str, ...]
    text: str


class Draft(NamedTuple):
    """Changes of *conditions* (bits, by place) that together make *hosts* fit, for all alternatives that are alike."""

    conditions: int
    changes: tuple[Change, ...]
    hosts: tuple[str, ...]


def drafts(
    alternative: Alternative, parts: Iterable[Part], survey: Survey, obstacles: Obstacles, usable: int
) -> tuple[Draft, ...]:
    """Return the smallest changes with which a host among *usable* fits, of at most MOST_CHANGES each.

    None contains another. They are the same for every alternative whose conditions have the same codes (see `fleet`).
    """
    by_conditions: dict[int, int] = {}
    for rows, ways in parts:
        if rows & usable:
            for conditions in ways:
                if conditions and conditions.bit_count() <= MOST_CHANGES:
                    by_conditions[conditions] = by_conditions.get(conditions, 0) | rows & usable
    found = []
    for conditions in _smallest(by_conditions):
        row = _nearest_host(alternative, conditions, by_conditions[conditions], survey)
        changes = _eased(alternative, row, conditions, survey, obstacles)
        hosts = survey.fleet.judged(changed(alternative, changes)).met & usable
        if hosts:
            found.append(Draft(conditions, changes, tuple(survey.fleet.names[row] for row in bits(hosts))))
    return tuple(found)


def relaxations(alternative: Alternative, found: Sequence[Draft]) -> tuple[Relaxation, ...]:
    """Return the best MOST of the drafts *found* for an alternative, in its words.

    One that eases stands before one that drops, the one that eases the least first.
    """
    if len(found) > 1:
        found = sorted(found, key=lambda each: (len(each.changes), _cost(alternative, each.changes), each.conditions))
    return tuple([Relaxation(each.changes, each.hosts, _text(alternative, each.changes)) for each in found[:MOST]])


def _smallest(sets: Iterable[int]) -> list[int]:
    kept: list[int] = []
    for each in sorted(sets, key=lambda each: (each.bit_count(), each)):
        if not any(other & ~each == 0 for other in kept):
            kept.append(each)
    return kept


def _nearest_host(alternative: Alternative, conditions: int, rows: int, survey: Survey) -> int:
    """Return the host among *rows* that comes nearest: by the first of the conditions, then by the next."""
    software = speaks_of_kind(alternative)
    for place in bits(conditions):
        seen = survey.seen(alternative[place], software=software)
        nearest = (rows & have for _, have in seen if rows & have)
        rows = next(nearest, rows)
    return bits(rows)[0]


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
        text = _rounded(int(number), up=not up)
        value = size_in_bytes(text)
    elif rank(kind, value) is None:
        return None
    if up and as_number(value) == 0:
        return None  # at least nothing is no condition
    operator = ">=" if up else "<="
    return Requirement(key, operator, listed(value)[0], f"{key} {operator} {text}")


def _eased(
    alternative: Alternative, row: int, conditions: int, survey: Survey, obstacles: Obstacles
) -> tuple[Change, ...]:
    """Return the changes by which one host fits once *conditions* are given up."""
    changes = []
    software = speaks_of_kind(alternative)
    chosen: dict[str, Sequence[int]] = {}
    for place in bits(conditions):
        requirement = alternative[place]
        kind = owner_of(requirement.key)
        if not kind:
            have = survey.haves(requirement, software=software)[row]
            value = None if have is None else have.value
        else:
            if kind not in chosen:
                left = obstacles.devices_left(alternative, row, conditions, kind)
                chosen[kind] = _best_devices(alternative, left, conditions, kind, survey)
            value = len(chosen[kind]) if is_count(requirement) else _common(requirement, chosen[kind], survey)
        changes.append(Change(place, ease(requirement, value)))
    return tuple(changes)


def _best_devices(
    alternative: Alternative, devices: Sequence[int], conditions: int, kind: str, survey: Survey
) -> Sequence[int]:
    """Return of *devices* the best: as many as are asked for, all where their number is given up, too."""
    numbers = [place for place, r in enumerate(alternative) if is_count(r) and owner_of(r.key) == kind]
    if any(conditions >> place & 1 for place in numbers):
        return devices
    eased = [alternative[place] for place in bits(conditions) if owner_of(alternative[place].key) == kind]
    for requirement in reversed(eased):  # the sort is stable: what the first condition says counts most
        if direction(requirement):
            devices = _nearest_first(requirement, devices, survey)
    return devices[: least(tuple(alternative[place] for place in numbers), 1)]


def _nearest_first(requirement: Requirement, devices: Sequence[int], survey: Survey) -> list[int]:
    """Return *devices* by what they have of a requirement's key; those of which that is not known come last."""
    rows, kind = survey.fleet.devices(owner_of(requirement.key)).devices, kind_of(requirement.key)
    values = [(device, rows[device][1].facts.get(requirement.key)) for device in devices]
    ranked = [(rank(kind, value), device) for device, value in values if value is not None]
    known = [(order, device) for order, device in ranked if order is not None]
    known.sort(key=lambda each: each[0], reverse=direction(requirement) == "up")
    ordered = [device for _, device in known]
    return [*ordered, *(device for device in devices if device not in ordered)]


def _common(requirement: Requirement, devices: Sequence[int], survey: Survey) -> Value | None:
    """Return the value that all *devices* are good for; None where one has none, or it has no order."""
    rows = survey.fleet.devices(owner_of(requirement.key)).devices
    values = [rows[device][1].facts.get(requirement.key) for device in devices]
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


def _rounded(size: int, *, up: bool) -> str:
    """Return *size* in words, rounded to a tenth of its binary unit: 85,520,809,984 bytes are ``79.6 GiB``."""
    power = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    step = 1024**power
    tenths = -(-size * 10 // step) if up else size * 10 // step
    return f"{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''} {_UNITS[power]}"
