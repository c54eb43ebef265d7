"""Hosts and demands for property tests: a small vocabulary in which everything that can happen happens often."""

from __future__ import annotations

from hypothesis import strategies as st

from pytest_disttest.model import Capabilities, Demand, Device, Requirement, Value

GIB = 2**30
VALUES: dict[str, tuple[Value, ...]] = {
    "os": ("linux", "windows"),
    "cpu.processors": (1, 2, 4),
    "memory": (8 * GIB, 16 * GIB - 300, 16 * GIB),
    "python.version": ("3.9", "3.10", "3.11.2"),
    "cpu.level": (("x86_64", "x86_64"), ("x86_64_v2", "x86_64"), ("x86_64_v3", "x86_64_v2", "x86_64")),
    "tag": (("a",), ("b",), ("a", "b")),
    "gpu.memory": (8 * GIB, 16 * GIB - 300, 16 * GIB),
    "gpu.vendor-name": ("AMD", "NVIDIA"),
    "gpu.kind": ("discrete", "integrated", "software"),
    "gpu.api": (("cuda",), ("cuda", "vulkan")),
    "gpu.ecc": (True, False),
    "accel.type": ("npu", "tpu"),
    "accel.memory": (8 * GIB, 16 * GIB),
}
"""What a fact may be, by key."""

WANTED: dict[str, tuple[Value, ...]] = {
    **{key: values for key, values in VALUES.items() if key not in ("tag", "cpu.level", "gpu.api")},
    "tag": ("a", "b"),
    "cpu.level": ("x86_64", "x86_64_v2", "x86_64_v3"),
    "gpu.api": ("cuda", "vulkan"),
    "gpu.count": (0, 1, 2),
    "accel.count": (0, 1, 2),
}
SIGNS = {
    "text": ("=", "!=", "~", "!~", "in", "not in", "exists", "absent"),
    "number": ("=", "!=", ">", ">=", ">=", ">=", "<", "<=", "in", "exists", "absent"),
    "set": ("has", "has", "!=", "in", "not in", "exists", "absent"),
    "flag": ("=", "!=", "exists", "absent"),
    "level": ("=", "!=", ">", ">=", "in", "not in", "exists", "absent"),
    "count": ("=", "!=", ">", ">=", ">=", ">=", "<", "<=", "in"),
}
_KIND = {
    "os": "text", "gpu.vendor-name": "text", "gpu.kind": "text", "accel.type": "text", "tag": "set", "gpu.api": "set",
    "gpu.ecc": "flag", "cpu.level": "level", "gpu.count": "count", "accel.count": "count",
}  # fmt: skip


def kind_of(key: str) -> str:
    """Return which of SIGNS a key has."""
    return _KIND.get(key, "number")


@st.composite
def _requirement(draw: st.DrawFn, keys: tuple[str, ...] = tuple(WANTED)) -> Requirement:
    key = draw(st.sampled_from(keys))
    sign = draw(st.sampled_from(SIGNS[kind_of(key)]))
    if sign in ("exists", "absent"):
        return Requirement(key, sign, "")
    wanted = st.sampled_from(WANTED[key])
    if sign in ("in", "not in"):
        return Requirement(key, sign, tuple(draw(st.lists(wanted, min_size=1, max_size=2, unique=True))))  # type: ignore[arg-type]
    return Requirement(key, sign, draw(wanted))


requirements = _requirement()
alternatives = st.lists(requirements, max_size=5, unique=True).map(tuple)
demands = st.lists(alternatives, min_size=1, max_size=3).map(lambda found: Demand(tuple(found)))


def _facts(keys: list[str]) -> st.SearchStrategy[dict[str, Value]]:
    return st.fixed_dictionaries({}, optional={key: st.sampled_from(VALUES[key]) for key in keys})


def _unknown(keys: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(keys), st.just("no answer"), max_size=2) | st.just({})


@st.composite
def _device(draw: st.DrawFn, kind: str) -> Device:
    keys = [key for key in VALUES if key.startswith(f"{kind}.")]
    fault = draw(st.sampled_from(["", "", "", "lost"]))
    return Device(kind, "", draw(_facts(keys)), draw(_unknown(keys)), fault)


_OWN = [key for key in VALUES if not key.startswith(("gpu.", "accel."))]


@st.composite
def _capabilities(draw: st.DrawFn, *, told: bool = False) -> Capabilities:
    """Draw a host; one of which everything is known where *told*."""
    devices = draw(st.lists(_device("gpu"), max_size=3)) + draw(st.lists(_device("accel"), max_size=2))
    devices = [device._replace(id=f"{device.kind}-{place}") for place, device in enumerate(devices)]
    if told:
        devices = [device._replace(unknown={}) for device in devices]
    unknown = {} if told else draw(_unknown([*_OWN, "gpu", "accel", "cpu", "system", "gpu.memory"]))
    drained = draw(st.sampled_from(["", "", "", "", "has less memory than declared"]))
    return Capabilities(draw(_facts(_OWN)), tuple(devices), unknown, drained=drained)


capabilities = _capabilities()
told_capabilities = _capabilities(told=True)
fleets = st.dictionaries(st.sampled_from("abcdef"), capabilities, max_size=5)


@st.composite
def completed(draw: st.DrawFn, offered: Capabilities) -> Capabilities:
    """Draw what a host may be whose probes did not tell everything: each unknown a value, or not there."""

    def filled(facts: dict[str, Value], keys: list[str], *unknowns: dict[str, str]) -> dict[str, Value]:
        missing = [key for key in keys if key not in facts and any(_covers(name, key) for u in unknowns for name in u)]
        return {**facts, **draw(_facts(missing))}

    devices = []
    for device in offered.devices:
        keys = [key for key in VALUES if key.startswith(f"{device.kind}.")]
        devices.append(
            device._replace(facts=filled(dict(device.facts), keys, device.unknown, offered.unknown), unknown={})
        )
    for kind in ("gpu", "accel"):
        if kind in offered.unknown:
            more = draw(st.lists(_device(kind), max_size=2))
            devices += [each._replace(id=f"{kind}-more-{n}", unknown={}, fault="") for n, each in enumerate(more)]
    return offered._replace(
        facts=filled(dict(offered.facts), _OWN, offered.unknown), devices=tuple(devices), unknown={}
    )


def _covers(name: str, key: str) -> bool:
    """Whether what is said to be unknown under *name* leaves *key* unknown."""
    system = name == "system" and key == "os"
    return key == name or key.startswith(f"{name}.") or system
