"""What a host is described with: addresses, names, and the values that a key of the inventory may hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
RESERVED: Final = frozenset({"all", "ssh", "popen"})
_PORT: Final = 65535
# A leading "-" would be read by ssh as an option of its own.
_ADDRESS: Final = re.compile(
    r"(?P<address>(?:[^\s@:;,*\[\]-][^\s@:;,*\[\]]*@)?(?:\[[0-9A-Fa-f:.%\w]+\]|[^\s@:;,*\[\]-][^\s@:;,*\[\]]*))"
    r"(?::(?P<port>\d{1,5}))?"
)


def address_and_port(text: str) -> tuple[str, int] | None:
    """Return ("user@host", port or 0) of ``[user@]host[:port]``, None where *text* is no address.

    An IPv6 address stands in brackets and comes back without them.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    port = int(match["port"] or 0)
    if match["port"] and not is_port(port):
        return None
    return match["address"].replace("[", "").replace("]", ""), port


def is_port(value: object) -> bool:
    """Whether *value* is a TCP port a server can listen on."""
    return _is_count(value) and 1 <= int(str(value)) <= _PORT


def host_part(address: str) -> str:
    """Return the host of ``user@host`` as it may stand in a name."""
    return re.sub(r"[^\w.-]+", "-", address.rpartition("@")[2]).strip("-") or "host"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_tags(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) and is_tag(tag) for tag in value)


def is_tag(word: str) -> bool:
    """Whether *word* may be a tag: something that a marker's condition can name."""
    return re.fullmatch(r"[^\s,;()=<>!~+]+", word) is not None


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(text) for text in value)


def _is_environment(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a host's table: what it may hold, in words and as a test, and whether it is a local path."""

    name: str
    meaning: str
    accepts: Callable[[Any], bool]
    is_path: bool = False
    is_default: bool = True  # may stand in [defaults] too


HOST_KEYS: Final = {
    key.name: key
    for key in (
        Key("address", '"local", or text such as "user@host"', _is_text, is_default=False),
        Key("port", "a port number", is_port),
        Key("workers", "a whole number from 1", _is_count),
        Key("python", "text: the interpreter to use there", _is_text),
        Key("ssh_config", "text: a file for ssh -F", _is_text, is_path=True),
        Key("ssh_key", "text: a file for ssh -i", _is_text, is_path=True),
        Key("directory", "text: where synced files go", _is_text),
        Key("tags", 'a list of words, such as ["gpu", "rack1"]', _is_tags),
        Key("location", "text: where it stands", _is_text),
        Key("facts", 'a table of what it has, such as { "memory" = "64 GiB" }', _is_table),
        Key("resources", "a table of numbers, such as { jtag = 1 }", _is_table),
        Key("browsers", "a list of paths of browsers", _is_texts),
        Key("reset", 'text: a command that resets a device, or "vendor"', _is_text),
        Key("environment", 'a table of texts, such as { LANG = "C" }', _is_environment),
        Key("enabled", "true or false", lambda value: isinstance(value, bool), is_default=False),
    )
}
