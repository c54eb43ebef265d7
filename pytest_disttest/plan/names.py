"""From the names that users write to the cases they mean: pytest-dependency's rules, plus groups.

A dependency holds a name and a scope. It means every case that provides this name in this scope and
lives under the same owner of the scope: the same file, class or package, or anywhere in the session.
A group means its members anywhere in the session, except the dependent itself.
Source: pytest-dependency 0.6, "Names" and "Scopes" (https://pytest-dependency.readthedocs.io).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytest_disttest.errors import BadPlan
from pytest_disttest.model import Case, Dependency

Key = tuple[str, str, str]  # scope, owner of the scope, name


class Target(NamedTuple):
    """The cases that one name means for one owner, ascending.

    Every dependent that means the same shares the target, so that a group of a thousand tests with a
    thousand dependents costs two thousand edges and not a million.
    """

    number: int
    providers: tuple[int, ...]


class Want(NamedTuple):
    """One dependency of one case: as written, and what it means."""

    written: Dependency
    target: Target


class Unknown(NamedTuple):
    """A dependency whose name nobody provides."""

    dependent: Case
    written: Dependency


Wants = Mapping[int, tuple[Want, ...]]


def owner_of(case: Case, scope: str) -> str | None:
    """Return what a name of *scope* is looked up in, as seen from *case*; None for a class scope outside classes."""
    match scope:
        case "module":
            return case.file
        case "class":
            return f"{case.file}\0{case.cls}" if case.cls else None
        case "package":
            return case.package
        case "session" | "group":
            return ""
    raise BadPlan(
        f"unknown dependency scope {scope!r}", place=case.nodeid, hint="use module, class, package or session"
    )


def short_name(case: Case) -> str:
    """Return the name of *case* inside its class or file, parameters included, as pytest-dependency prints it."""
    for owner in (case.cls, case.file):
        if owner and case.nodeid.startswith(f"{owner}::"):
            return case.nodeid[len(owner) + 2 :]
    return case.nodeid


def resolve(cases: Sequence[Case]) -> tuple[Wants, tuple[Unknown, ...]]:
    """Return what each selected case waits for, and the names that nobody provides.

    *cases* come in ascending order of index, the deselected ones included: they provide names, but
    what they depend on themselves does not matter, since they will not run.
    """
    keys = {case.index: _keys(case) for case in cases if case.depends and not case.deselected}
    providers = _providers(cases, {key for found in keys.values() for key in found if key})
    targets = _Targets(providers)
    wants: dict[int, tuple[Want, ...]] = {}
    unknown: list[Unknown] = []
    for case in cases:
        known: list[Want] = []
        for written, key in zip(case.depends, keys.get(case.index, ()), strict=False):
            if key is None or key not in providers:
                unknown.append(Unknown(case, written))
            elif target := targets.of(key, case):
                known.append(Want(written, target))
        if known:
            wants[case.index] = tuple(known)
    return wants, tuple(unknown)


def _keys(case: Case) -> tuple[Key | None, ...]:
    return tuple(_key(case, "group" if written.is_group else written.scope, written.name) for written in case.depends)


def _key(case: Case, scope: str, name: str) -> Key | None:
    owner = owner_of(case, scope)
    return None if owner is None else (scope, owner, name)


def _providers(cases: Iterable[Case], asked: set[Key]) -> dict[Key, tuple[int, ...]]:
    """Return who provides each of the *asked* names, ascending; a name without provider is absent."""
    found: dict[Key, list[int]] = {}
    if asked:
        for case in cases:
            for key in _provided(case):
                if key in asked:
                    found.setdefault(key, []).append(case.index)
    return {key: tuple(dict.fromkeys(indexes)) for key, indexes in found.items()}


def _provided(case: Case) -> Iterator[Key]:
    for scope, name in case.provides:
        if key := _key(case, scope, name):
            yield key
    for name in case.groups:
        yield "group", "", name


class _Targets:
    """Hands out one target per meaning, numbered in the order of the first dependent."""

    def __init__(self, providers: Mapping[Key, tuple[int, ...]]) -> None:
        self._providers = providers
        self._shared: dict[Key, Target] = {}
        self._insiders: dict[Key, dict[int, Target | None]] = {}
        self._count = 0

    def of(self, key: Key, dependent: Case) -> Target | None:
        """Return what *key* means to *dependent*, or None where it means no case but itself."""
        if key[0] == "group" and key[2] in dependent.groups:
            return self._others(key, dependent.index)
        if key not in self._shared:
            self._shared[key] = self._new(self._providers[key])
        return self._shared[key]

    def _others(self, key: Key, index: int) -> Target | None:
        waiting = self._insiders.setdefault(key, {})
        if index not in waiting:
            # Two members that wait for their own group are a cycle already, and the smallest one it has;
            # a third would add only edges, as many as the group has members.
            others = tuple(other for other in self._providers[key] if other != index) if len(waiting) < 2 else ()
            waiting[index] = self._new(others) if others else None
        return waiting[index]

    def _new(self, providers: tuple[int, ...]) -> Target:
        self._count += 1
        return Target(self._count - 1, providers)
