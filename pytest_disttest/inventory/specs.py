"""``--hw-hosts``: a small language of words, separated by commas, each a host and how to use it.

WORD     = WHO ["*" WORKERS] (";" SETTING "=" VALUE)*
WHO      = "local" | "ssh=" [USER "@"] HOST [":" PORT] | NAME (of the inventory) | "all" (of the inventory)
SETTING  = python | config | key | dir | tags (joined with "+") | name | workers
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Final

from pytest_disttest.errors import BadOption, did_you_mean
from pytest_disttest.model import Host

from .listed import LOCAL, Inventory
from .words import NAME, address_and_port, host_part, is_tag

OPTION: Final = "--hw-hosts"
EVERY: Final = "all"
_SSH: Final = "ssh="
_XDIST_LOCAL: Final = "popen"


def parse_hosts(specs: Sequence[str], inventory: Inventory) -> tuple[Host, ...]:
    """Return the hosts that *specs* name, in their order, each under a name of its own.

    A second ``local`` becomes ``local-2``. Raises BadOption for a word that names no host, with the
    nearest ones, for a disabled host that is named, and for a setting that does not fit.
    """
    words = [word.strip() for spec in specs for word in spec.split(",")]
    return _named_apart(host for word in words for host in _hosts_of(word, inventory))


def _hosts_of(word: str, inventory: Inventory) -> list[Host]:
    """Return the hosts of one word: one, or for ``all`` every enabled one of the inventory."""
    head, *settings = (part.strip() for part in word.split(";"))
    who, star, number = (part.strip() for part in head.rpartition("*"))
    workers = _workers(number, word, hint=_turned(who, number)) if star else 0
    hosts = _found(who if star else head, word, inventory)
    if workers:
        hosts = [replace(host, workers=workers) for host in hosts]
    for setting in filter(None, settings):
        hosts = [_with_setting(host, setting, word) for host in hosts]
    return hosts


def _turned(who: str, number: str) -> str:
    """Return how to write the number: xdist says 4*popen, the other way round."""
    if who.isdigit() and number:
        return f"say '{LOCAL if number == _XDIST_LOCAL else number}*{who}'"
    return f"say '{who or LOCAL}*4'"


def _found(who: str, word: str, inventory: Inventory) -> list[Host]:
    if who.startswith(_SSH):
        return [_ssh_host(who.removeprefix(_SSH), word)]
    if who == EVERY:
        if not inventory.enabled():
            raise _bad(word, "'all' needs an inventory with an enabled host", "describe hosts in disttest.toml")
        return list(inventory.enabled())
    if who in inventory.hosts:
        host = inventory.hosts[who]
        if not host.enabled:
            raise _bad(word, f"host {who!r} is disabled", f"set enabled = true ({host.line})")
        return [host]
    if who == LOCAL:
        return [Host(LOCAL, line=f"{OPTION} {word}")]
    raise _bad(word, f"{who!r} is no host" if who else "a host is missing", _hint(who, inventory))


def _ssh_host(address: str, word: str) -> Host:
    found = address_and_port(address)
    if found is None:
        raise _bad(word, f"{address!r} is no address", "say ssh=user@host or ssh=user@host:2222")
    return Host(host_part(found[0]), "ssh", found[0], found[1], line=f"{OPTION} {word}")


def _hint(who: str, inventory: Inventory) -> str:
    """Return the nearest right word: xdist's words and a forgotten ``ssh=`` are the usual slips."""
    if who == _XDIST_LOCAL or who.isdigit():
        return "say 'local*4' for four workers on this machine"
    if "@" in who:
        return f"say 'ssh={who.rpartition('=')[2]}'"
    known = (LOCAL, EVERY, "ssh=user@host", *inventory.hosts)
    return did_you_mean(who, known) or f"known: {', '.join(known[:12])} …"


def _workers(number: str, word: str, *, hint: str) -> int:
    if not (number.isascii() and number.isdigit() and int(number)):
        raise _bad(word, f"{number!r} is no number of workers", hint)
    return int(number)


def _with_setting(host: Host, setting: str, word: str) -> Host:
    name, _, value = (part.strip() for part in setting.partition("="))
    if name not in _SETTINGS:
        raise _bad(word, f"{name!r} is no setting", did_you_mean(name, _SETTINGS))
    if not value:
        raise _bad(word, f"{name} has no value", f"say {name}=…")
    if name in ("config", "key") and host.transport != "ssh":
        raise _bad(word, f"{name} is for hosts behind ssh, and {host.name!r} is local", "drop it")
    return _SETTINGS[name](host, value, word)


def _tagged(host: Host, value: str, word: str) -> Host:
    tags = value.split("+")
    for tag in tags:
        if not is_tag(tag):
            raise _bad(word, f"{tag!r} is no tag", "say tags=gpu+rack1")
    return replace(host, tags=tuple(dict.fromkeys((*host.tags, *tags))))


def _renamed(host: Host, value: str, word: str) -> Host:
    if not NAME.fullmatch(value):
        raise _bad(word, f"{value!r} cannot be a host's name", "use letters, digits, - . and _")
    return replace(host, name=value)


_SETTINGS: Final[dict[str, Callable[[Host, str, str], Host]]] = {
    "python": lambda host, value, _: replace(host, python=value),
    "config": lambda host, value, _: replace(host, ssh_config=value),
    "key": lambda host, value, _: replace(host, ssh_key=value),
    "dir": lambda host, value, _: replace(host, directory=value),
    "tags": _tagged,
    "name": _renamed,
    "workers": lambda host, value, word: replace(host, workers=_workers(value, word, hint="say workers=4")),
}
SETTING_NAMES: Final = tuple(_SETTINGS)


def _named_apart(hosts: Iterable[Host]) -> tuple[Host, ...]:
    """Give the second and later hosts of one name a number, past any that another host was given."""
    listed = list(hosts)
    taken = {host.name for host in listed}
    seen: set[str] = set()
    apart = []
    for host in listed:
        name = host.name
        if name in seen:
            name = next(free for number in count(2) if (free := f"{host.name}-{number}") not in taken)
        seen.add(name)
        taken.add(name)
        apart.append(replace(host, name=name))
    return tuple(apart)


def _bad(word: str, fact: str, hint: str) -> BadOption:
    shown = re.sub(r"\s+", " ", word)
    return BadOption(f"{shown!r}: {fact}", place=OPTION, hint=hint)
