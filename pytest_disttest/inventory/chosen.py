"""The settings of a run: the options as typed, read against the inventory and this machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pytest_disttest.errors import BadOption, did_you_mean
from pytest_disttest.model import Host
from pytest_disttest.options import Settings

from .found import load_inventory
from .listed import LOCAL, Inventory

DRAWINGS: Final = (".html", ".svg")
UNMATCHED: Final = ("skip", "fail", "error")
WAIT: Final = "wait:"
COLLECT: Final = ("auto", "full", "sharded")
CRASH_RERUNS: Final = ("1", "0")
STARTS: Final = ("auto", "fork", "spawn")
_AUTOMATIC: Final = ("auto", "logical")
_AUTO_VARIABLE: Final = "PYTEST_XDIST_AUTO_NUM_WORKERS"


def make_settings(
    values: Mapping[str, Any],
    *,
    rootdir: Path,
    invocation_dir: Path | None = None,
    processors: int = 0,
    env: Mapping[str, str] | None = None,
    sync_ignore: Sequence[str] = (),
    defaults: Sequence[str] = (),
    timeout: str = "",
    strategy: str = "",
) -> Settings:
    """Return the settings that *values* (options by dest) and the inventory make together.

    Without ``--hw-hosts`` the one host is this machine. The number of workers of a host is its own, else
    ``--hw-workers``, else the inventory's default, else, for this machine, *env*'s
    PYTEST_XDIST_AUTO_NUM_WORKERS or *processors*; 0 leaves it to the agent. *sync_ignore* is the ini's
    ``hw_sync_ignore``, *defaults* its ``hw_defaults``, *timeout* its ``hw_timeout``, *strategy* its ``hw_strategy``.
    Raises BadOption or BadInventory with the place of what is wrong.
    """
    here = invocation_dir or rootdir
    inventory = load_inventory(rootdir, explicit=values.get("hw_inventory"), invocation_dir=here)
    workers = _workers(values.get("hw_workers"))
    specs = values.get("hw_hosts") or ()
    if values.get("hw_simulate"):
        from .simulated import with_simulated

        inventory, simulated = with_simulated(inventory, values["hw_simulate"], here)
        specs = specs or simulated
    hosts = _hosts(specs, inventory)
    mine = _automatic(env or {}, processors)
    unmatched = values.get("hw_unmatched")
    waits = unmatched is not None and unmatched.startswith(WAIT)
    return Settings(
        workers=workers,
        hosts=tuple(_with_files(_with_workers(host, workers, inventory, mine), here) for host in hosts),
        others=tuple(host for host in inventory.hosts.values() if host.name not in {each.name for each in hosts}),
        show_plan=values.get("hw_plan") is not None,
        plan_file=_drawing(values.get("hw_plan"), here),
        events_file=str(here / Path(events).expanduser()) if (events := values.get("hw_events")) else "",
        heartbeat_s=_seconds(values.get("hw_heartbeat"), Settings().heartbeat_s, place="--hw-heartbeat"),
        unmatched="wait" if waits else _choice(unmatched, UNMATCHED, place="--hw-unmatched"),
        wait_s=_seconds(unmatched.removeprefix(WAIT), 0.0, place="--hw-unmatched") if waits and unmatched else 0.0,
        explain=values.get("hw_explain"),
        explain_host=_named_host(values.get("hw_explain_host"), hosts),
        probe_timeout_s=_seconds(
            values.get("hw_probe_timeout"), Settings().probe_timeout_s, place="--hw-probe-timeout"
        ),
        verify=bool(values.get("hw_verify")),
        steal=bool(values.get("hw_steal")),
        defaults=tuple(defaults),
        presets=inventory.presets,
        collect=_choice(values.get("hw_collect"), COLLECT, place="--hw-collect"),
        max_worker_restarts=_restarts(values.get("hw_max_worker_restart")),
        # pytest-dependency's own option means the same, where that plugin is installed.
        ignore_unknown_dependency=bool(
            values.get("hw_ignore_unknown_dependency") or values.get("ignore_unknown_dependency")
        ),
        sync_ignore=tuple(sync_ignore),
        inventory_file=inventory.file,
        start=_choice(values.get("hw_start"), STARTS, place="--hw-start"),
        reruns=_reruns(values),
        crash_reruns=int(_choice(values.get("hw_crash_reruns"), CRASH_RERUNS, place="--hw-crash-reruns")),
        failures=inventory.failures,
        resume=values.get("hw_resume"),
        reconnects=_count(values.get("hw_reconnect"), Settings().reconnects, place="--hw-reconnect"),
        timeout_s=_seconds(values.get("hw_timeout") or timeout or None, 0.0, place="--hw-timeout"),
        strategy=values.get("hw_strategy") or strategy or Settings().strategy,
        deadline_s=_time(values.get("hw_deadline"), place="--hw-deadline"),
        max_in_flight=_count(values.get("hw_max_in_flight"), 0, place="--hw-max-in-flight", least=1),
        hedge=bool(values.get("hw_hedge")),
    )


def _hosts(specs: Sequence[str], inventory: Inventory) -> tuple[Host, ...]:
    if not specs and LOCAL not in inventory.hosts:
        return (Host(LOCAL, line=f"--hw-hosts {LOCAL}"),)
    from .specs import parse_hosts

    return parse_hosts(specs or (LOCAL,), inventory)


def _with_workers(host: Host, asked: int | None, inventory: Inventory, mine: int) -> Host:
    automatic = mine if host.transport == LOCAL else 0
    return replace(host, workers=host.workers or asked or inventory.workers or automatic)


def _with_files(host: Host, here: Path) -> Host:
    """Return *host* with its ssh files found on this machine; a missing one is better told now than by ssh."""
    return replace(host, ssh_config=_file(host.ssh_config, host, here), ssh_key=_file(host.ssh_key, host, here))


def _file(written: str, host: Host, here: Path) -> str:
    if not written:
        return ""
    path = here / Path(written).expanduser()
    if not path.is_file():
        raise BadOption(f"host {host.name!r}: there is no file {path}", place=host.line, hint="correct the path")
    return str(path)


def _automatic(env: Mapping[str, str], processors: int) -> int:
    """Return this machine's number of workers: xdist's variable when it is set, so that suites need no change."""
    text = env.get(_AUTO_VARIABLE, "")
    if not text:
        return processors
    if not _is_whole(text) or not int(text):
        raise BadOption(f"{text!r} is no number of workers", place=_AUTO_VARIABLE, hint="set a whole number from 1")
    return int(text)


def _workers(text: str | None) -> int | None:
    if text is None or text in _AUTOMATIC:
        return None
    if not _is_whole(text):
        hint = "say a whole number from 1, or auto"
        raise BadOption(f"{text!r} is no number of workers", place="--hw-workers", hint=hint)
    if not int(text):
        raise BadOption("0 workers can run nothing", place="--hw-workers", hint="drop --dist-hw to run in one process")
    return int(text)


def _drawing(text: str | None, here: Path) -> str:
    """Return the file to draw the plan in; "" where it is printed only. pytest takes a path that follows for FILE."""
    if not text:
        return ""
    if not text.endswith(DRAWINGS):
        hint = "write --hw-plan=FILE.html or =FILE.svg; to print the plan, say --hw-plan after the paths"
        raise BadOption(f"{text!r} is no drawing", place="--hw-plan", hint=hint)
    path = here / Path(text).expanduser()
    if not path.parent.is_dir():
        raise BadOption(f"there is no directory {path.parent}", place="--hw-plan", hint="make it, or correct the path")
    return str(path)


def _named_host(name: str | None, hosts: Sequence[Host]) -> str:
    """Return *name* if a host of the run is called so, "" where nothing is said."""
    known = [host.name for host in hosts]
    if name and name not in known:
        raise BadOption(f"{name!r} is no host of this run", place="--hw-explain-host", hint=did_you_mean(name, known))
    return name or ""


def _seconds(text: str | None, default: float, *, place: str) -> float:
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise BadOption(f"{text!r} is no time", place=place, hint="say seconds, such as 30")
    return seconds


def _time(text: str | None, *, place: str) -> float:
    """Return the seconds of a time, with or without units; 0.0 where nothing is said."""
    if text is None:
        return 0.0
    from pytest_disttest.needs import seconds_of

    try:
        return seconds_of(text)
    except ValueError as fault:
        raise BadOption(str(fault), place=place, hint="say seconds, or '15 min', '1h 30min'") from None


def _choice(text: str | None, choices: Sequence[str], *, place: str) -> str:
    """Return *text* if it is one of *choices*; the first of them where nothing is said."""
    if text is None:
        return choices[0]
    if text not in choices:
        raise BadOption(f"{text!r} is no choice", place=place, hint=did_you_mean(text, choices))
    return text


def _restarts(text: str | None) -> int | None:
    return None if text is None else _count(text, 0, place="--hw-max-worker-restart")


def _count(text: str | None, default: int, *, place: str, least: int = 0) -> int:
    """Return a whole number from *least*; *default* where nothing is said."""
    if text is None:
        return default
    if not _is_whole(text) or int(text) < least:
        raise BadOption(f"{text!r} is no number", place=place, hint=f"say a whole number from {least}")
    return int(text)


def _reruns(values: Mapping[str, Any]) -> int:
    """Return how often tests that fail are run again; the workers read what goes with it, once it is found good."""
    for option in ("hw_only_rerun", "hw_rerun_except"):
        for expression in values.get(option) or ():
            _check_expression(expression, f"--{option.replace('_', '-')}")
    delay = values.get("hw_reruns_delay")
    if delay not in (None, "0"):
        _seconds(delay, 0.0, place="--hw-reruns-delay")
    return _count(values.get("hw_reruns"), 0, place="--hw-reruns")


def _check_expression(text: str, place: str) -> None:
    import re

    try:
        re.compile(text)
    except re.error as fault:
        raise BadOption(f"{text!r} is no regular expression: {fault}", place=place) from None


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()
