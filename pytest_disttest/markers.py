"""Marks become nouns: what a test requires, what it depends on, what it wants to stay with.

A mark travels as a plain tuple ``(name, args, kwargs)``, the closest node's first, as
``item.iter_markers()`` gives them. Nothing here knows pytest, so the same code reads marks that came
over a channel, where tuples may have become lists. The conditions inside ``hw`` are read by `needs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from .errors import BadMarker, did_you_mean

if TYPE_CHECKING:
    from .model import Demand, Dependency

Mark = tuple[str, Sequence[Any], Mapping[str, Any]]
Provided = tuple[str, str]  # scope, name

MARKER_LINES: Final = (
    'hw(*conditions, **needs): what the test asks of its host, as hw(cores=4, gpu="cuda >= 12") or hw("os = linux").',
    'dependency(name=None, depends=[], scope="module", group=None): run after these tests, if they passed.',
    "xdist_group(name): tests of one group run one after the other on one worker.",
    "deadline(seconds): how long after the start of the run the test is to have ended, as 90 or '15 min'.",
    'workload(kind): what the test spends its time on: "compute", "memory", "io" or "browser".',
    "no_hedge(): never run a second copy of the test beside a slow one (--hw-hedge).",
    "flaky(reruns=1, reruns_delay=0, condition=True, only_rerun=None, rerun_except=None): run it again when it fails.",
)

#: The marks that a worker sends with each case; the rest is pytest's own business.
MARKS_OF_INTEREST: Final = frozenset({"deadline", "dependency", "flaky", "hw", "no_hedge", "workload", "xdist_group"})
_ASKING: Final = ("hw", "workload")

_DEPENDENCY_WORDS: Final = ("name", "depends", "scope", "group")
_SCOPES: Final = ("session", "package", "module", "class")
_GROUP_PREFIX: Final = "group:"


def demand_of(
    marks: Iterable[Mark],
    place: str,
    *,
    defaults: Sequence[str] = (),
    presets: Mapping[str, Mapping[str, Any]] | None = None,
) -> Demand:
    """Return what all ``hw`` and ``workload`` marks of a test ask of a host together, the closest mark first.

    *place* is the test's node id, *defaults* are conditions that hold for every test, *presets* maps the name of
    each preset to its keywords. All conditions are AND-ed, whatever their order; the closest mark decides about
    share, exclusive and workload. Raises BadMarker for an unknown key (with the nearest ones), a value or an
    operator that does not fit its key, and needs that contradict each other.
    """
    from .model import NOTHING

    asking = [mark for mark in marks if mark[0] in _ASKING]
    if not asking and not defaults:
        return NOTHING
    from . import needs  # it costs 10 ms, which a run without these marks need not pay

    return needs.demand(asking, place, defaults=defaults, presets=presets)


def deadline_of(marks: Iterable[Mark], place: str) -> float | None:
    """Return the seconds from the start of the run that the closest ``deadline`` mark leaves a test; None without one.

    *place* is the test's node id. Raises BadMarker for anything but one time.
    """
    said = [(args, kwargs) for name, args, kwargs in marks if name == "deadline"]
    if not said:
        return None
    from .needs import seconds_of

    args, kwargs = said[0]
    values = [*args, *kwargs.values()]
    hint = 'say seconds, or deadline("15 min")'
    if len(values) != 1 or set(kwargs) - {"seconds"}:
        raise BadMarker("deadline() takes one time", place=place, hint=hint)
    try:
        return seconds_of(values[0])
    except ValueError as fault:
        raise BadMarker(f"deadline(): {fault}", place=place, hint=hint) from None


def together_of(marks: Iterable[Mark]) -> str:
    """Return the name of the ``xdist_group`` a test belongs to, "" if none; several are joined as xdist does."""
    names = {
        str(args[0] if args else kwargs.get("name", "default")) for name, args, kwargs in marks if name == "xdist_group"
    }
    return "_".join(sorted(names))


def dependency_of(
    marks: Iterable[Mark], *, nodeid: str, name: str, file: str, cls: str, package: str, automark: bool
) -> tuple[tuple[Provided, ...], tuple[Dependency, ...], tuple[str, ...]]:
    """Return (provides, depends, groups) of a test, by pytest-dependency's rules plus groups.

    Only the closest ``dependency`` mark counts, groups apart, which add up. A test without the mark
    provides nothing, unless *automark* (pytest-dependency's ini ``automark_dependency``) is set. *file*,
    *cls* and *package* are "" where the test has no such owner, and then it provides nothing there.
    Raises BadMarker for an unknown keyword, scope, or a value of the wrong type.
    Source: https://pytest-dependency.readthedocs.io/en/stable/names.html
    """
    found = [_checked(args, kwargs, nodeid) for mark, args, kwargs in marks if mark == "dependency"]
    if not found and not automark:
        return (), (), ()
    closest = found[0] if found else {}
    provides = _provided(closest.get("name"), nodeid, name=name, file=file, cls=cls, package=package)
    groups = {group for kwargs in found for group in _words(kwargs.get("group"), "group", nodeid)}
    return provides, _depends(closest, nodeid), tuple(sorted(groups))


def _checked(args: Sequence[Any], kwargs: Mapping[str, Any], nodeid: str) -> Mapping[str, Any]:
    """Return *kwargs* when a ``dependency`` mark may hold them."""
    if args:
        raise BadMarker(
            f"dependency() takes keywords only, not {args[0]!r}", place=nodeid, hint='say name="…" or depends=["…"]'
        )
    for word in kwargs:
        if word not in _DEPENDENCY_WORDS:
            raise BadMarker(f"dependency() knows no {word!r}", place=nodeid, hint=did_you_mean(word, _DEPENDENCY_WORDS))
    scope = kwargs.get("scope", "module")
    if scope not in _SCOPES:
        raise BadMarker(f"dependency() has no scope {scope!r}", place=nodeid, hint=did_you_mean(str(scope), _SCOPES))
    if not isinstance(kwargs.get("name"), str | None):
        raise BadMarker(f"dependency(name={kwargs['name']!r}) is no text", place=nodeid, hint='say name="…"')
    return kwargs


def _depends(kwargs: Mapping[str, Any], nodeid: str) -> tuple[Dependency, ...]:
    """Return the prerequisites in the order written, each once; groups belong to the whole session."""
    from .model import Dependency

    scope = kwargs.get("scope", "module")
    found = (
        Dependency(word.removeprefix(_GROUP_PREFIX), scope="session", is_group=True)
        if word.startswith(_GROUP_PREFIX)
        else Dependency(word, scope=scope)
        for word in _words(kwargs.get("depends"), "depends", nodeid)
    )
    return tuple(dict.fromkeys(found))


def _words(value: object, keyword: str, nodeid: str) -> tuple[str, ...]:
    """Return a keyword's value as words: one text, or several; None and an empty list are none."""
    words = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple | set | frozenset) or not all(isinstance(w, str) and w for w in words):
        raise BadMarker(
            f"dependency({keyword}={value!r}) is no name and no list of names",
            place=nodeid,
            hint=f'say {keyword}="…" or {keyword}=["…", "…"]',
        )
    return tuple(sorted(words) if isinstance(words, set | frozenset) else words)


def _provided(given: str | None, nodeid: str, *, name: str, file: str, cls: str, package: str) -> tuple[Provided, ...]:
    """Return the names under which others may depend on this test: the given one, else one per scope."""
    full = nodeid.replace("::()::", "::")  # pytest before 4 wrote the instance of a class too
    inner = full.partition("::")[2] or name
    # A nested class keeps the inner class's name here, as pytest-dependency does: it cuts two parts, no more.
    deepest = inner.partition("::")[2] or name
    defaults = (("session", full, True), ("package", full, package), ("module", inner, file), ("class", deepest, cls))
    return tuple((scope, given or default) for scope, default, owner in defaults if owner)
