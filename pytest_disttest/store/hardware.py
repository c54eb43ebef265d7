"""What a journal says of hardware: what hosts have, what tests asked for, what attempts were given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pytest_disttest.model import Grant
from pytest_disttest.store.fields import count, text

Profile = Mapping[str, Any]
Row = tuple[object, ...]


class HostProfiled(NamedTuple):
    """What a host has, as a profile (the form of ``match.profiles``); a later one of the same host replaces it."""

    host: str
    profile: Profile


class DemandExplained(NamedTuple):
    """Where a demand fits, and why not elsewhere; *explanation* in JSON's own types, *cases* by their index."""

    demand: str
    verdict: str
    summary: str
    hosts: tuple[str, ...]
    cases: tuple[int, ...]
    explanation: Mapping[str, Any]


class Given(NamedTuple):
    """What an attempt was given: rows of (kind, device id, amount)."""

    case: int
    number: int
    host: str
    worker: str
    rows: tuple[tuple[str, str, float], ...]


def rows_of_grant(grant: Grant) -> tuple[tuple[str, str, float], ...]:
    """Return a grant as (kind, device id, amount), one row for each thing given."""
    rows = [("cpu.processors", "", float(grant.cores))] if grant.cores else []
    rows += [("memory", "", float(grant.memory))] if grant.memory else []
    rows += [("host", "", 1.0)] if grant.exclusive else []
    rows += [(device.kind, device.id, float(device.share)) for device in grant.devices]
    rows += [(f"resource.{name}", "", float(units)) for name, units in grant.pools]
    return tuple(rows)


def _pack_profile(event: HostProfiled) -> dict[str, object]:
    return {"event": "profile", "host": event.host, "profile": dict(event.profile)}


def _unpack_profile(fields: Mapping[str, Any]) -> HostProfiled:
    profile = fields["profile"]
    if not isinstance(profile, dict):
        raise TypeError("not a profile")
    return HostProfiled(text(fields["host"]), profile)


def _pack_explained(event: DemandExplained) -> dict[str, object]:
    return {"event": "explained", **event._asdict()}


def _unpack_explained(fields: Mapping[str, Any]) -> DemandExplained:
    return DemandExplained(
        text(fields["demand"]),
        text(fields["verdict"]),
        text(fields["summary"]),
        tuple(map(text, fields["hosts"])),
        tuple(map(count, fields["cases"])),
        dict(fields["explanation"]),
    )


def _pack_given(event: Given) -> dict[str, object]:
    return {"event": "given", **event._asdict()}


def _unpack_given(fields: Mapping[str, Any]) -> Given:
    rows = tuple((text(kind), text(device), float(amount)) for kind, device, amount in fields["rows"])
    return Given(count(fields["case"]), count(fields["number"]), text(fields["host"]), text(fields["worker"]), rows)


PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {
    HostProfiled: _pack_profile,
    DemandExplained: _pack_explained,
    Given: _pack_given,
}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], HostProfiled | DemandExplained | Given]] = {
    "profile": _unpack_profile,
    "explained": _unpack_explained,
    "given": _unpack_given,
}


# rows of hardware.sql


def profile_row(run_id: str, event: HostProfiled) -> Row:
    """Return the row of ``host_profiles``."""
    told = event.profile
    texts = (plain(str(told.get(key, ""))) for key in ("hw_class", "host_id", "sw_env", "drained"))
    degraded = [plain(str(reason)) for reason in told.get("degraded", ())]
    return run_id, plain(event.host), *texts, degraded, _json(told.get("unknown", {})), _json(told.get("probes", []))


def fact_rows(run_id: str, event: HostProfiled) -> Iterator[Row]:
    """Yield the rows of ``host_facts``: the host's own, how many devices of each kind, then each device's."""
    host, told = plain(event.host), event.profile
    for key, value in told.get("facts", {}).items():
        yield run_id, host, "", plain(key), _json(value)
    devices = told.get("devices", [])
    for kind in sorted({device["kind"] for device in devices}):
        yield run_id, host, "", f"{kind}.count", _json(sum(device["kind"] == kind for device in devices))
    for device in devices:
        for key, value in device.get("facts", {}).items():
            yield run_id, host, plain(str(device["id"])), plain(key), _json(value)


def explained_row(run_id: str, event: DemandExplained) -> Row:
    """Return the row of ``match_explain``."""
    texts = (plain(part) for part in (event.demand, event.verdict, event.summary))
    return run_id, *texts, list(map(plain, event.hosts)), list(event.cases), _json(event.explanation)


def given_rows(run_id: str, event: Given) -> Iterable[Row]:
    """Return the rows of ``grants``."""
    host, worker = plain(event.host), plain(event.worker)
    return [
        (run_id, event.case, event.number, host, worker, plain(kind), plain(device), amount)
        for kind, device, amount in event.rows
    ]


def plain(words: str) -> str:
    r"""Return *words* in a form that UTF-8 can hold: a lone surrogate becomes ``\udc80``, written out."""
    return words if words.isascii() else words.encode("utf-8", "backslashreplace").decode("utf-8")


def _json(value: object) -> str:
    return json.dumps(value)  # ASCII: a fact may hold a lone surrogate
