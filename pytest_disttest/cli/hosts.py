"""``disttest hosts`` and ``disttest probe``: what hosts have, now or when they were last seen."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pytest_disttest.cli.places import print_json, project_at, store_of
from pytest_disttest.cli.recording import record
from pytest_disttest.errors import HostUnusable, ProtocolFault
from pytest_disttest.gateways.asked import Asked
from pytest_disttest.inventory import Inventory, load_inventory
from pytest_disttest.match.changes import changes
from pytest_disttest.match.described import described
from pytest_disttest.match.profiles import read_profile, write_profile
from pytest_disttest.model import Capabilities, Host
from pytest_disttest.reports.hosts import HostView, write_capabilities, write_hosts
from pytest_disttest.schedule.choice import Weights
from pytest_disttest.store.known_hosts import SeenHost, known_hosts, remember_hosts
from pytest_disttest.store.learned import read_learned

QUICK: Final = ("system", "cpu", "memory", "disk", "gpu", "accel", "python", "pci", "usb")
ALL: Final = (*QUICK, "browser")
LOCAL: Final = "local"


def list_hosts(arguments: argparse.Namespace) -> int:
    """Print a row per host of the inventory, with what it has."""
    inventory = _inventory(arguments)
    hosts = list(inventory.hosts.values())
    remembered = known_hosts(store_of(arguments))
    if arguments.probe:
        hosts = hosts or [Host(LOCAL, line="this machine")]
        views = _probed(hosts, remembered, arguments)
    else:
        views = [_remembered(host, remembered.get(host.name)) for host in hosts]
    if arguments.json:
        print_json([_plain(view) for view in views])
    elif views:
        write_hosts(views, sys.stdout, now=time.time())
    else:
        print("no hosts are described; without any, `pytest --dist-hw` uses this machine")
    if not arguments.json and (words := _learned_words(store_of(arguments))):
        print(words)
    return 1 if any(view.problem for view in views) else 0


def _learned_words(directory: Path) -> str:
    """Return what choices between hosts weigh by now, "" where none was made in any run."""
    weights = read_learned(directory).get("weights")
    if not isinstance(weights, list) or len(weights) != len(Weights._fields):
        return ""
    tolerance, *others = zip(Weights._fields, weights, strict=True)
    factors = ", ".join(f"{name} {weight:g}" for name, weight in others)
    return f"choices between hosts weigh: {factors}; a better host may end {tolerance[1]:.0%} later"


def probe(arguments: argparse.Namespace) -> int:
    """Print all that a host has, and how that was found out."""
    host = _named(arguments.host, _inventory(arguments))
    directory = store_of(arguments)
    before = known_hosts(directory).get(host.name)
    families = ALL if arguments.browsers else QUICK
    asked = Asked(families, arguments.timeout, fresh=arguments.fresh, verify=arguments.verify)
    found = _ask([host], asked)[0]
    view = _view(host, found, families, before)
    if view.problem and not found.profile:
        raise HostUnusable(host.name, "probe", view.problem, hint=view.hint)
    if directory.is_dir():
        remember_hosts(directory, {host.name: write_profile(_seen(found))}, now=time.time())
    if arguments.record:
        record(Path(arguments.record), host.name, view.capabilities, tags=host.tags, workers=host.workers or 1)
    if arguments.json:
        print_json(_plain(view))
    else:
        write_capabilities(view, sys.stdout)
    return 0


class Found:
    """What was heard of one host: *profile* is {} where nothing was."""

    def __init__(
        self,
        hello: Mapping[str, Any],
        profile: Mapping[str, Any],
        leases: Sequence[Mapping[str, Any]] = (),
        problem: str = "",
        hint: str = "",
    ) -> None:
        self.hello, self.profile, self.leases = hello, profile, tuple(leases)
        self.problem, self.hint = problem, hint


def _ask(hosts: Sequence[Host], asked: Asked) -> list[Found]:
    """Ask all hosts side by side; this machine's own interpreter is asked in this process."""
    away = [host for host in hosts if not _is_here(host)]
    found: dict[str, Found] = {}
    if away:
        from pytest_disttest.gateways.visiting import visit_all

        visits = visit_all(away, asked)
        found = {
            name: Found(seen.hello, seen.profile, seen.leases, seen.problem, seen.hint) for name, seen in visits.items()
        }
    return [found[host.name] if host.name in found else _here(asked) for host in hosts]


def _here(asked: Asked) -> Found:
    from pytest_disttest.worker.facts import host_facts
    from pytest_disttest.worker.leases import read_leases
    from pytest_disttest.worker.probing import probe_host

    return Found(host_facts(), probe_host(**asked._asdict()), read_leases())


def _is_here(host: Host) -> bool:
    return host.transport == LOCAL and not host.python and not host.environment


def _probed(hosts: Sequence[Host], remembered: Mapping[str, SeenHost], arguments: argparse.Namespace) -> list[HostView]:
    enabled = [host for host in hosts if host.enabled]
    found = dict(zip((host.name for host in enabled), _ask(enabled, Asked(QUICK, arguments.timeout)), strict=True))
    directory = store_of(arguments)
    seen = {name: write_profile(_seen(one)) for name, one in found.items() if one.profile}
    if directory.is_dir() and seen:
        remember_hosts(directory, seen, now=time.time())
    return [
        _view(host, found[host.name], QUICK, remembered.get(host.name))
        if host.name in found
        else _remembered(host, remembered.get(host.name))
        for host in hosts
    ]


def _view(host: Host, found: Found, families: Iterable[str], before: SeenHost | None) -> HostView:
    has = described(host, found.hello, _seen(found), families) if found.hello else None
    changed: tuple[str, ...] = ()
    if before is not None and found.profile:
        changed = _changed(before, _seen(found))
    return HostView(
        host,
        has or Capabilities(),
        state="ready" if has is not None and not found.problem else "unusable",
        seen_at=time.time(),
        probes=tuple(found.profile.get("probes", ())),
        leases=found.leases,
        changed=changed,
        problem=found.problem.removeprefix(f"host {host.name}: "),
        hint=found.hint,
    )


def _remembered(host: Host, seen: SeenHost | None) -> HostView:
    if seen is None:
        return HostView(host, Capabilities(), state="not seen")
    try:
        return HostView(host, described(host, {}, read_profile(seen.profile), ALL), state="seen", seen_at=seen.seen_at)
    except ProtocolFault:
        return HostView(host, Capabilities(), state="not seen")


def _seen(found: Found) -> Capabilities:
    return read_profile(found.profile) if found.profile else Capabilities()


def _changed(before: SeenHost, now: Capabilities) -> tuple[str, ...]:
    try:
        return tuple(map(str, changes(read_profile(before.profile), now)))
    except ProtocolFault:
        return ()


def _inventory(arguments: argparse.Namespace) -> Inventory:
    here = Path.cwd()
    return load_inventory(project_at(here), arguments.inventory, invocation_dir=here)


def _named(word: str, inventory: Inventory) -> Host:
    if word == LOCAL and LOCAL not in inventory.hosts:
        return Host(LOCAL, line="this machine")
    from pytest_disttest.inventory.specs import parse_hosts

    return parse_hosts((word,), inventory)[0]


def _plain(view: HostView) -> dict[str, object]:
    """Return a host as JSON's own types; of its environment only the names, for values may be secrets."""
    described = asdict(view.host)
    del described["simulated"]
    return {
        **described,
        "environment": [name for name, _ in view.host.environment],
        "state": view.state,
        "seen_at": view.seen_at,
        "profile": write_profile(view.capabilities),
        "probes": list(view.probes),
        "leases": list(view.leases),
        "changed": list(view.changed),
        "problem": view.problem,
    }
