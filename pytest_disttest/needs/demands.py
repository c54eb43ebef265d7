"""Marks become one demand: what the ``hw`` marks of a test, of its classes, and the defaults ask for together.

Theory of operation: each mark is read into a `Part`. Its conditions are choices of one alternative, each ``any_of``
is a choice of several, and a preset is a part of its own that joins them. All choices of all parts are multiplied
out. What is no condition (how much of a device, whether alone, how often) is said once: the closest mark wins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pytest_disttest.errors import BadMarker, did_you_mean
from pytest_disttest.model import NOTHING, Demand, Preference, Requirement

from .choices import Alternative, Choice, alternatives
from .conditions import from_text
from .keywords import from_keyword
from .preferring import preferences, united
from .sharing import exclusive_of, share_of
from .vocabulary import kind_of_device

Mark = tuple[str, Sequence[Any], Mapping[str, Any]]
Presets = Mapping[str, Mapping[str, Any]]

WORKLOADS: Final = ("compute", "memory", "io", "browser")
_DEFAULTS: Final = "hw_defaults"
_PRESET: Final = "preset:"
_SEQUENCES: Final = list | tuple | set | frozenset


class Part(NamedTuple):
    """What one mark says: *share* is (part of a device, bytes of it); None is not said."""

    choices: tuple[Choice, ...] = ()
    prefer: tuple[Preference, ...] = ()
    share: tuple[float, int] | None = None
    exclusive: str | None = None
    each: bool = False


class _Reading(NamedTuple):
    """Where a mark stands, and what may be named there; *within* are the presets that are being read."""

    place: str
    presets: Presets
    within: tuple[str, ...] = ()


def demand(
    marks: Iterable[Mark], place: str, *, defaults: Iterable[str] = (), presets: Presets | None = None
) -> Demand:
    """Return what the ``hw`` and ``workload`` marks of a test ask for, the closest mark first.

    *defaults* are conditions that hold for every test, *presets* the keywords behind each name. The order of the
    marks decides about share, exclusive, workload and a preference's weight, and about nothing else. Raises
    BadMarker for what cannot be read, and for conditions that exclude each other.
    """
    reading = _Reading(place, presets or {})
    marks = list(marks)
    parts = [_part(args, kwargs, reading) for name, args, kwargs in marks if name == "hw"]
    defaults = tuple(defaults)
    if defaults:
        parts.append(_from(f" ({_DEFAULTS})", _part(defaults, {}, reading._replace(place=f"{place}: {_DEFAULTS}"))))
    workload = _workload(marks, place)
    if not parts:
        return NOTHING._replace(workload=workload)
    return _joined(parts, place)._replace(workload=workload)


def _joined(parts: Sequence[Part], place: str) -> Demand:
    said = _as_one(parts)
    found = alternatives(said.choices, place)
    if said.share is not None and not any(_asks_for_device(alternative) for alternative in found):
        raise BadMarker("hw(share=…) is a share of nothing", place=place, hint="ask for the device too: gpu=1")
    share, share_bytes = said.share or (1.0, 0)
    return Demand(found, said.prefer, share, share_bytes, said.exclusive or "", said.each)


def _asks_for_device(alternative: Alternative) -> bool:
    none = {r.key for r in alternative if (r.operator, r.value) == ("=", 0)}
    kinds = {kind for r in alternative if (kind := kind_of_device(r.key)) in ("gpu", "accel")}
    return any(f"{kind}.count" not in none for kind in kinds)


def _part(args: Iterable[Any], keywords: Mapping[str, Any], reading: _Reading) -> Part:
    """Return what one mark, one preset or one entry of an ``any_of`` says."""
    texts = [*args, *_several(keywords.get("conditions", ()))]
    names = [text.strip()[len(_PRESET) :].strip() for text in texts if _is_preset(text)]
    conditions = [found for text in texts if not _is_preset(text) for found in from_text(text, reading.place)]
    for word, value in keywords.items():
        if word not in _BESIDE and word not in _TEXTS:
            conditions += from_keyword(word, value, reading.place)
    parts = [Part(((tuple(conditions),),))] if conditions else []
    parts += [_BESIDE[word](value, reading) for word, value in keywords.items() if word in _BESIDE]
    parts += [_preset(name, reading) for name in (*names, *_several(keywords.get("preset", ())))]
    return parts[0] if len(parts) == 1 else _as_one(parts)


def _is_preset(text: object) -> bool:
    return isinstance(text, str) and text.strip().startswith(_PRESET)


def _several(value: object) -> Iterable[Any]:
    return sorted(value, key=str) if isinstance(value, _SEQUENCES) else (value,)


def _as_one(parts: Sequence[Part]) -> Part:
    """Return several parts as one: what comes first is the closest."""
    return Part(
        tuple(choice for part in parts for choice in part.choices),
        united(part.prefer for part in parts),
        next((part.share for part in parts if part.share is not None), None),
        next((part.exclusive for part in parts if part.exclusive is not None), None),
        any(part.each for part in parts),
    )


def _choice(entries: object, reading: _Reading) -> Choice:
    """Return the alternatives of one ``any_of``; an entry that has a choice within is multiplied out."""
    if not isinstance(entries, _SEQUENCES) or not entries:
        raise BadMarker(f"hw(any_of={entries!r}) is no list", place=reading.place, hint='any_of=["gpu exists", …]')
    return tuple(alternative for entry in entries for alternative in _entry(entry, reading))


def _entry(entry: object, reading: _Reading) -> Choice:
    keywords = entry if isinstance(entry, Mapping) else {}
    texts = () if keywords else entry if isinstance(entry, _SEQUENCES) else (entry,)
    part = _part(texts, keywords, reading)
    if part != Part(part.choices) or not part.choices:
        raise BadMarker(
            f"hw(any_of=…): {entry!r} says more than conditions, or nothing",
            place=reading.place,
            hint="prefer, share, exclusive and on stand beside any_of",
        )
    if len(part.choices) == 1:
        return part.choices[0]
    return alternatives(part.choices, reading.place)


def _preset(name: object, reading: _Reading) -> Part:
    """Return what a preset says; raises BadMarker for an unknown one and for presets that name each other in turn."""
    if not isinstance(name, str) or name not in reading.presets:
        near = did_you_mean(str(name), reading.presets) if reading.presets else ""
        raise BadMarker(
            f"hw() knows no preset {name!r}", place=reading.place, hint=near or "presets stand under [presets.NAME]"
        )
    if name in reading.within:
        circle = " -> ".join((*reading.within[reading.within.index(name) :], name))
        raise BadMarker(
            f"presets ask for one another in a circle: {circle}", place=reading.place, hint="take one of them out"
        )
    inner = reading._replace(place=f"{reading.place}: preset {name}", within=(*reading.within, name))
    return _from(f" (preset {name})", _part((), reading.presets[name], inner))


def _from(source: str, part: Part) -> Part:
    """Return *part* with its source behind the words of each condition, for who looks for them in the test's file."""
    choices = tuple(
        tuple(tuple(_marked(r, source) for r in alternative) for alternative in choice) for choice in part.choices
    )
    return part._replace(choices=choices)


def _marked(requirement: Requirement, source: str) -> Requirement:
    # what a preset says through another keeps the inner one's name
    if " (preset " in requirement.origin:
        return requirement
    return requirement._replace(origin=requirement.origin + source)


def _each(value: object, place: str) -> bool:
    if value not in ("each", "any"):
        raise BadMarker(f"hw(on={value!r}) is neither 'each' nor 'any'", place=place, hint='on="each": on every host')
    return value == "each"


_BESIDE: Final[dict[str, Callable[[Any, _Reading], Part]]] = {
    "any_of": lambda value, reading: Part((_choice(value, reading),)),
    "prefer": lambda value, reading: Part(prefer=preferences(value, reading.place)),
    "share": lambda value, reading: Part(share=share_of(value, reading.place)),
    "exclusive": lambda value, reading: Part(exclusive=exclusive_of(value, reading.place)),
    "on": lambda value, reading: Part(each=_each(value, reading.place)),
}
_TEXTS: Final = ("conditions", "preset")
"""The keywords of a mark that are no keys of the vocabulary: those that say a part, and those that hold texts."""


def _workload(marks: Iterable[Mark], place: str) -> str:
    """Return what the closest ``workload`` mark says, "" where there is none; all of them are checked."""
    said = [_kind(args, kwargs, place) for name, args, kwargs in marks if name == "workload"]
    return said[0] if said else ""


def _kind(args: Sequence[Any], kwargs: Mapping[str, Any], place: str) -> str:
    words = [*args, *kwargs.values()]
    if len(words) != 1 or set(kwargs) - {"kind"}:
        raise BadMarker("workload() takes one word", place=place, hint=f"one of {', '.join(WORKLOADS)}")
    if words[0] not in WORKLOADS:
        raise BadMarker(f"workload() knows no {words[0]!r}", place=place, hint=did_you_mean(str(words[0]), WORKLOADS))
    return str(words[0])


def preset(name: str, table: object, place: str, *, presets: Presets | None = None) -> Mapping[str, Any]:
    """Return *table*, the keywords behind a preset's *name*, once it has been read and found good.

    *presets* are those that it may name. Raises BadMarker at *place* otherwise.
    """
    if not isinstance(table, Mapping) or not all(isinstance(word, str) for word in table):
        raise BadMarker(f"preset {name} is no table of keywords", place=place, hint="write it as BIG = {cores = 32}")
    known = {**(presets or {}), name: table}
    part = _preset(name, _Reading(place, known))
    if part == Part():
        raise BadMarker(f"preset {name} says nothing", place=place, hint="give it a keyword: cores = 32")
    alternatives(part.choices, f"{place}: preset {name}")
    return table


def checked_presets(tables: Mapping[str, Any], place: str) -> dict[str, Mapping[str, Any]]:
    """Return all presets of an inventory, each read once; they may name each other, but in no circle."""
    return {name: preset(name, table, place, presets=tables) for name, table in tables.items()}
