"""The nouns of a run: frozen values that know nothing of pytest, networks or disks.

Small ones are named tuples: to make such a class takes a fifth of the half millisecond that a frozen dataclass
with slots takes at every start, and to make one of its values a third of the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
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
    CANCELLED = "cancelled"

    @property
    def is_success(self) -> bool:
        """Whether a dependent may run after this outcome (pytest-dependency's rule: all phases passed)."""
        return self in (Outcome.PASSED, Outcome.XPASSED)


class Requirement(NamedTuple):
    """One thing a test asks of a host: ``cores >= 4``.

    *operator* is one of ``= != > >= < <= ~ !~ in, not in, has, exists, absent``; the last two have the value "".
    *origin* is the text the user wrote.
    """

    key: str
    operator: str
    value: Value
    origin: str = ""

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.value)) if isinstance(self.value, tuple) else self.value
        return f"{self.key} {self.operator} {shown}".rstrip()


class Preference(NamedTuple):
    """What a test would rather have, and how much: *weight* counts for a host that meets the requirement.

    A *requirement* with the operator ``max`` or ``min`` prefers more, or less, of a number: the weight is then
    shared out in proportion, between the least and the most that the fitting hosts have.
    """

    requirement: Requirement
    weight: float = 1.0


class Demand(NamedTuple):
    """All that a test asks of its host: what its ``hw`` marks, those of its classes, and the defaults say together.

    *alternatives* are lists of requirements of which one must be met as a whole (``any_of`` multiplied out, so
    that a list says everything; there is always at least one, and an empty list is met by every host). Conditions
    on a device (``gpu.*``, ``accel.*``, ``browser.*``) hold on one and the same device; ``KIND.count`` asks for
    that many devices of which each meets them.

    *share* is the part of each asked device that the test needs, above 0, at most 1 (the whole of it); *share_bytes*
    says it as memory, 0 where it does not. *exclusive* is ``host`` (nothing else runs there meanwhile) or a kind of
    device (all of that kind), "" otherwise. *each* asks for a run on every fitting host. *workload* is ``compute``,
    ``memory``, ``io`` or ``browser``, "" where nobody said.
    """

    alternatives: tuple[tuple[Requirement, ...], ...] = ((),)
    prefer: tuple[Preference, ...] = ()
    share: float = 1.0
    share_bytes: int = 0
    exclusive: str = ""
    each: bool = False
    workload: str = ""

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements that stand in every alternative, in their order."""
        first, *others = self.alternatives
        return tuple(r for r in first if all(r in other for other in others))

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Demand()
"""The demand of a test that says nothing: any host will do."""


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
    demand: Demand = NOTHING
    provides: tuple[tuple[str, str], ...] = ()
    depends: tuple[Dependency, ...] = ()
    groups: tuple[str, ...] = ()
    together: str = ""
    fixtures: tuple[FixtureUse, ...] = ()
    deselected: bool = False

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """The requirements that hold whatever alternative is taken."""
        return self.demand.requirements


class Device(NamedTuple):
    """One device of a host: a GPU, an accelerator (NPU, TPU ...), a browser.

    *kind* is ``gpu``, ``accel`` or ``browser``. *id* stays the same over reboots and whatever the order of devices
    (a UUID, else a PCI address, a browser's path). *facts* has whole keys (``gpu.memory``), *unknown* says of a key
    why nobody could tell it. *fault* says why the device is there but of no use, "" for one that is.
    """

    kind: str
    id: str
    facts: Mapping[str, Value] = MappingProxyType({})
    unknown: Mapping[str, str] = MappingProxyType({})
    fault: str = ""


class Capabilities(NamedTuple):
    """What a host has, as observed by its probes and declared by its owner.

    *facts* maps keys of the vocabulary to values: sizes in bytes, versions as text, sets as tuples. A key that is in
    neither *facts* nor *unknown* is one that the host does not have. *unknown* says why a key, or a whole family
    (``gpu`` for all of ``gpu.*``), could not be told. *degraded* are contradictions between sources, in words.
    *drained* is the reason why the host must not be used (it has less than its owner declared), "" otherwise.
    *hw_class* names the kind of machine (equal for identical ones), *host_id* this one, *sw_env* its software.
    """

    facts: Mapping[str, Value] = MappingProxyType({})
    devices: tuple[Device, ...] = ()
    unknown: Mapping[str, str] = MappingProxyType({})
    degraded: tuple[str, ...] = ()
    drained: str = ""
    hw_class: str = ""
    host_id: str = ""
    sw_env: str = ""


class DeviceGrant(NamedTuple):
    """A device, or a *share* of one (above 0, at most 1), that a test may use.

    *memory* are the bytes that it asked for on it, 0 where it did not say.
    """

    kind: str
    id: str
    share: float = 1.0
    facts: Mapping[str, Value] = MappingProxyType({})
    memory: int = 0


class Grant(NamedTuple):
    """What a test was given on its host for as long as it runs.

    *cores* are processors, *memory* bytes (0 where nobody asked), *pools* units of the host's custom resources by
    name. *exclusive* says that nothing else runs on the host meanwhile.
    """

    host: str
    cores: float = 1.0
    memory: int = 0
    devices: tuple[DeviceGrant, ...] = ()
    pools: tuple[tuple[str, int], ...] = ()
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """A machine as the user described it.

    *transport* is ``local`` or ``ssh``; *address* is ``user@host`` for ssh and "" for local; *port* 0
    means the transport's default. *workers* 0 means "as many as the host has processors".
    *python* "" means the controller's interpreter for local and ``python3`` for ssh. *directory* ""
    means the default place for synced files. *line* says where the user described it, for messages.
    *declared* are facts that its owner vouches for, by key of the vocabulary; *pools* are custom resources
    (``resource.NAME``) with the number of their units. *reset* says how its devices are reset, as
    `recovery.resets` reads it, "" where they are not. *simulated* are the capabilities that stand in for what
    its probes would find, None for a real host.
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
    declared: tuple[tuple[str, Value], ...] = ()
    pools: tuple[tuple[str, int], ...] = ()
    reset: str = ""
    simulated: Capabilities | None = field(default=None, hash=False)


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
