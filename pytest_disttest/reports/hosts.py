"""Hosts and what they have as text, for ``disttest hosts`` and ``disttest probe``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from pytest_disttest.model import Capabilities, Device, Host, Value
from pytest_disttest.reports.tables import print_table, visible
from pytest_disttest.reports.wording import clock, plural

_SIZES: Final = (".memory", "disk.size", "disk.free")
_MOST_WORDS: Final = 12


@dataclass(frozen=True, slots=True)
class HostView:
    """A host as a table shows it.

    *state* is ``ready``, ``unusable`` (*problem* says why), ``seen`` (at *seen_at*, POSIX seconds) or ``not seen``.
    *probes* and *leases* are rows of the agent's answers, *changed* what is new since the look before, in words.
    """

    host: Host
    capabilities: Capabilities
    state: str = "ready"
    seen_at: float = 0.0
    probes: tuple[Mapping[str, Any], ...] = ()
    leases: tuple[Mapping[str, Any], ...] = ()
    changed: tuple[str, ...] = ()
    problem: str = ""
    hint: str = ""


def write_hosts(views: Sequence[HostView], out: TextIO, *, now: float) -> None:
    """Write one row per host, then what is wrong, held and new, a line each."""
    columns = ("host", "where", "workers", "cpus", "memory", "devices", "browsers", "tags", "state", "described in")
    print_table(columns, [_row(view, now) for view in views], out, right=("workers", "cpus", "memory"))
    remarks = [line for view in views for line in _remarks(view, now)]
    if remarks:
        out.write("\n")
        out.writelines(f"{visible(line)}\n" for line in remarks)


def write_capabilities(view: HostView, out: TextIO) -> None:
    """Write all facts of a host, its devices, what could not be told, and what each probe did."""
    has = view.capabilities
    out.write(f"host {view.host.name}\n")
    for title, text in (("class", has.hw_class), ("id", has.host_id), ("software", has.sw_env)):
        if text:
            out.write(f"  {title:<9} {visible(text)}\n")
    facts = [(key, shown_fact(key, value)) for key, value in sorted(has.facts.items()) if value != ()]
    _section("facts", ("fact", "value"), facts, out)
    devices = [
        (device.kind, device.id, key, shown_fact(key, value))
        for device in has.devices
        for key, value in (*sorted(device.facts.items()), *([("fault", device.fault)] if device.fault else []))
    ]
    _section("devices", ("kind", "id", "fact", "value"), devices, out)
    unknown = [("", key, why) for key, why in sorted(has.unknown.items()) if why != "not probed"]
    unknown += [(device.id, key, why) for device in has.devices for key, why in sorted(device.unknown.items())]
    _section("could not be told", ("device", "fact", "why"), unknown, out)
    words = ("name", "status", "level", "source", "why")
    probes = [(*(str(row.get(word, "")) for word in words), _took(row)) for row in view.probes]
    _section("probes", ("probe", "status", "level", "source", "why", "took"), probes, out)
    remarks = list(_remarks(view, view.seen_at))
    if remarks:
        out.write("\n")
        out.writelines(f"{visible(line)}\n" for line in remarks)


def devices_shown(devices: Iterable[Device]) -> str:
    """Return GPUs and accelerators in a few words: ``2x NVIDIA H100 80 GiB, npu Intel AI Boost``."""
    found = Counter(_device(device) for device in devices if device.kind != "browser")
    return ", ".join(f"{count}x {words}" if count > 1 else words for words, count in found.items())


def browsers_shown(devices: Iterable[Device]) -> str:
    """Return browsers with their versions: ``chromium 131, firefox 128 (fault)``."""
    return ", ".join(
        " ".join(
            filter(
                None,
                (
                    str(device.facts.get("browser.name", device.id)),
                    str(device.facts.get("browser.version", "")).partition(".")[0],
                    "webgpu" if device.facts.get("webgpu") is True else "",
                    "webnn" if device.facts.get("webnn") is True else "",
                    f"({device.fault})" if device.fault else "",
                ),
            )
        )
        for device in devices
        if device.kind == "browser"
    )


def shown_fact(key: str, value: Value) -> str:
    """Return a fact as people read it: sizes with a unit, sets as words."""
    if isinstance(value, tuple):
        more = len(value) - _MOST_WORDS
        words = " ".join(map(str, value[:_MOST_WORDS]))
        return words if more <= 0 else f"{words} and {more} more"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and (key == "memory" or key.endswith(_SIZES)):
        return size_shown(value)
    return str(value)


def size_shown(size: float) -> str:
    """Return bytes in GiB with at most one digit behind the point: ``79.6 GiB``."""
    return f"{int(size * 10 / (1 << 30)) / 10:g} GiB"


def _row(view: HostView, now: float) -> tuple[object, ...]:
    host, has = view.host, view.capabilities
    memory = has.facts.get("memory")
    return (
        host.name,
        _where(host),
        host.workers or "auto",
        has.facts.get("cpu.processors", ""),
        size_shown(memory) if isinstance(memory, int | float) else "",
        devices_shown(has.devices),
        browsers_shown(has.devices),
        ", ".join(host.tags),
        _state(view, now),
        host.line,
    )


def _where(host: Host) -> str:
    if host.transport != "ssh":
        return "simulated" if host.simulated is not None else host.transport
    return f"ssh {host.address}:{host.port}" if host.port else f"ssh {host.address}"


def _state(view: HostView, now: float) -> str:
    if not view.host.enabled:
        return "disabled"
    word = "drained" if view.capabilities.drained else "degraded" if view.capabilities.degraded else view.state
    if view.state == "unusable":
        word = "unusable"
    return f"{word}, {_ago(now - view.seen_at)} ago" if view.state == "seen" else word


def _remarks(view: HostView, now: float) -> Iterable[str]:
    name, has = view.host.name, view.capabilities
    if view.problem:
        yield f"host {name}: {view.problem}" + (f" ({view.hint.splitlines()[0]})" if view.hint else "")
    if has.drained:
        yield f"host {name} is drained: {has.drained}"
    for reason in has.degraded:
        yield f"host {name} is degraded: {reason}"
    for device in has.devices:
        if device.fault:
            yield f"host {name}: {device.kind} {device.id} is of no use: {device.fault}"
    for change in view.changed:
        yield f"host {name} has changed: {change}"
    for lease in view.leases:
        yield f"host {name}: {lease_words(lease, now)}"


def lease_words(lease: Mapping[str, Any], now: float) -> str:
    """Return who holds a device, for which tests, since when, and when that expires."""
    owner = " ".join(filter(None, (str(lease.get("user", "")), str(lease.get("controller", ""))))) or "somebody"
    holders = list(lease.get("holders", ()))
    tests = ", ".join(str(holder.get("test", "")) for holder in holders[:3])
    more = f" and {len(holders) - 3} more" if len(holders) > 3 else ""
    left = float(lease.get("expires", 0.0)) - now
    expiry = f"expires in {clock(left)}" if left > 0 else "expired: its controller is silent (--hw-steal breaks it)"
    held = f"held for {clock(max(0.0, now - float(lease.get('since', now))))}"
    remark = f"; {lease['remark']}" if lease.get("remark") else ""
    return f"{lease.get('kind')} {lease.get('id')} is leased by {owner} for {tests}{more}, {held}, {expiry}{remark}"


def _device(device: Device) -> str:
    memory = device.facts.get(f"{device.kind}.memory")
    words = (
        str(device.facts.get("accel.type", "")) if device.kind == "accel" else "",
        str(device.facts.get(f"{device.kind}.device-name", "")) or device.kind,
        size_shown(memory) if isinstance(memory, int | float) else "",
        "(software)" if device.facts.get("gpu.kind") == "software" else "",
        "(fault)" if device.fault else "",
    )
    return " ".join(filter(None, words))


def _section(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], out: TextIO) -> None:
    if rows:
        out.write(f"\n{title} ({len(rows)})\n")
        print_table(columns, rows, out)


def _took(row: Mapping[str, Any]) -> str:
    seconds = row.get("seconds")
    return f"{seconds:.2f} s" if isinstance(seconds, int | float) else ""


def _ago(seconds: float) -> str:
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            return plural(int(seconds // length), unit)
    return plural(max(0, int(seconds)), "second")
