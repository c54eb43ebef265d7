"""The nouns of a run: frozen values that know nothing of pytest, networks or disks.

Small ones are named tuples: to make such a class takes a fifth of the half millisecond that a frozen dataclass
with slots takes at every start, and to make one of its values a third of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

Scalar = str | int | float | bool
Value = Scalar | tuple[Scalar, ...]


class Outcome(str, Enum):
    """How a case ended: pytest's six, plus ours."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    ERROR = "error"
    CRASHED = "crashed"
    BLOCKED = "blocked"
    UNPLACED = "unplaced"

    @property
    def is_success(self) -> bool:
        """Whether a dependent may run after this outcome (pytest-dependency's rule: all phases passed)."""
        return self in (Outcome.PASSED, Outcome.XPASSED)


class Requirement(NamedTuple):
    """One thing a test asks of a host: ``cores >= 4``.

    *operator* is one of ``= != > >= < <= ~ !~ in, not in, has``; *origin* is the text the user wrote.
    """

    key: str
    operator: str
    value: Value
    origin: str = ""

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else self.value
        return f"{self.key} {self.operator} {shown}"


class Dependency(NamedTuple):
    """One prerequisite as written: a name in a scope, or a whole group.

    *scope* is ``module``, ``class``, ``package`` or ``session`` (pytest-dependency's meaning);
    *is_group* is true for ``depends="group:db"``.
    """

    name: str
    scope: str = "module"
    is_group: bool = False

    def __str__(self) -> str:
        return f"group:{self.name}" if self.is_group else self.name


class FixtureUse(NamedTuple):
    """A fixture wider than a function that a case needs: cases that share it want to stay together.

    *base* is the node id of the scope's owner (a class, module, package, or "" for the session);
    *param* tells parametrised instances apart, "" when there is none.
    """

    scope: str
    name: str
    base: str
    param: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One collected test.

    *index* is its place in the run's order of collection, 0-based and unique. *nodeid* need not be
    unique (custom collectors repeat ids): *occurrence* counts equal ids from 0. *file* is the node id
    of its file collector, *cls* that of its nearest class ("" if none), *package* that of its nearest
    package or directory. *provides* are the names other cases may depend on, as (scope, name) pairs.
    """

    index: int
    nodeid: str
    occurrence: int = 0
    file: str = ""
    cls: str = ""
    package: str = ""
    location: tuple[str, int | None, str] = ("", None, "")
    requirements: tuple[Requirement, ...] = ()
    provides: tuple[tuple[str, str], ...] = ()
    depends: tuple[Dependency, ...] = ()
    groups: tuple[str, ...] = ()
    together: str = ""
    fixtures: tuple[FixtureUse, ...] = ()
    deselected: bool = False


class Capability(NamedTuple):
    """One thing a host has, as observed: ``cores = 8`` from ``sched_getaffinity``."""

    key: str
    value: Value
    source: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine as the user described it.

    *transport* is ``local`` or ``ssh``; *address* is ``user@host`` for ssh and "" for local; *port* 0
    means the transport's default. *workers* 0 means "as many as the host has processors".
    *python* "" means the controller's interpreter for local and ``python3`` for ssh. *directory* ""
    means the default place for synced files. *line* says where the user described it, for messages.
    """

    name: str
    transport: str = "local"
    address: str = ""
    port: int = 0
    workers: int = 0
    python: str = ""
    ssh_config: str = ""
    ssh_key: str = ""
    directory: str = ""
    tags: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    enabled: bool = True
    line: str = ""


class Unit(NamedTuple):
    """Cases that want to stay together and in order: a class, a module, an ``xdist_group``.

    *cases* are case indexes in running order. *binding* is true where splitting is forbidden (a
    group the user named), false where it merely costs a second set-up.
    """

    key: str
    cases: tuple[int, ...]
    binding: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What the run intends, as plain values: no graph leaves the room that made it.

    *units* in running order cover each runnable case once. *prerequisites* maps a case to the cases
    it waits for. *blocked* maps a case to the reason it is skipped before the run starts (its
    prerequisite was deselected). *eligible* maps a case to the names of the hosts that fit it;
    a case absent there fits every host. *unplaced* maps a case that no host fits to the reason.
    """

    units: tuple[Unit, ...]
    prerequisites: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    blocked: Mapping[int, str] = field(default_factory=dict)
    eligible: Mapping[int, frozenset[str]] = field(default_factory=dict)
    unplaced: Mapping[int, str] = field(default_factory=dict)


class PhaseTime(NamedTuple):
    """Seconds of the three phases of one attempt; 0.0 for a phase that did not happen."""

    setup_s: float = 0.0
    call_s: float = 0.0
    teardown_s: float = 0.0


class Attempt(NamedTuple):
    """One execution of a case on one worker. *number* counts from 1; *started_at* is POSIX seconds."""

    case: int
    number: int
    host: str
    worker: str
    outcome: Outcome
    started_at: float
    times: PhaseTime = PhaseTime()
    message: str = ""
    longrepr: str = ""


Pass = tuple[int, int, float, float, float, float]
"""An attempt that passed without a word: case, number, POSIX seconds of its start, seconds of its three phases."""
