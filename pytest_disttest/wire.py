"""Nouns and reports as builtins for a channel: the only place that sanitises values.

Every message is one line of ASCII JSON, a list whose first element names its kind. JSON because a
host is not trusted with code execution on the controller (so no pickle), and because both ends may
be different Python versions (so no marshal). What JSON lacks travels in a tagged one-key dict:
tuples ``{"$t": [...]}``, bytes ``{"$b": base64}``, sets ``{"$s": [...]}`` and ``{"$f": [...]}``, dicts
whose keys are not plain strings ``{"$d": [[key, value], ...]}``, integers of more digits than Python
reads from text ``{"$i": hexadecimal}``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

from pytest_disttest.errors import ProtocolFault

PROTOCOL = 3
"""Bumped when a controller and a worker of different versions could misread each other."""

MAX_DEPTH = 60

LONGEST_MESSAGE_BYTES = 200 << 20
"""A host whose agent sends more at once is given up, see ``gateways.process.MAX_READ_BYTES``."""

_SMALL = 1 << 2000
"""Python refuses to read or write longer numbers in decimal (``sys.set_int_max_str_digits``), with room to spare."""

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().decode


def pack(message: list[Any]) -> bytes:
    """Return *message* as one line, newline included. Its values must already be JSON's own (see ``plain``)."""
    return _encode(message).encode("ascii") + b"\n"


def unpack(line: bytes) -> list[Any]:
    """Return the message of one line; raises ProtocolFault when it is none."""
    try:
        message = json.loads(line)
    except ValueError as error:
        raise ProtocolFault(f"not a message: {line[:80]!r} ({error})") from None
    if not _is_message(message):
        raise ProtocolFault(f"not a message: {line[:80]!r}")
    checked: list[Any] = message
    return checked


def _is_message(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], str)


def _are_messages(values: list[Any]) -> bool:
    """The same of many decoded values, without a call for each: JSON knows no subclasses."""
    return set(map(type, values)) <= {list} and all(values) and {type(value[0]) for value in values} <= {str}


def unpack_lines(lines: bytes) -> Iterator[tuple[list[Any], bytes]]:
    """Yield the messages of several whole lines, each with its line; raises ProtocolFault at the first that is none.

    All are decoded at once: hundreds of short lines come together, and each call of the decoder costs more than
    what it finds in one of them.
    """
    split = [line for line in lines.split(b"\n") if line]
    try:
        messages = _decode(f"[{b','.join(split).decode('ascii')}]")
    except ValueError:  # damaged: those before the damage are good
        messages = None
    if messages is None or len(messages) != len(split) or not _are_messages(messages):
        return ((unpack(line), line) for line in split)
    return zip(messages, split, strict=True)


def start_line(item: int) -> bytes:
    """Return the line that says that a worker's *item* begins: ``pack`` by hand, since it is said of every test."""
    return b'["start",%d]\n' % item


def pass_line(item: int, start: float, phases: tuple[float, float, float], line: int) -> bytes:
    """Return the line that says that *item* passed: it began at *start*, POSIX seconds, and its phases took so long.

    *line* is where the test stands in its file; the rest of its location is what ``place_of`` makes of its node id.
    """
    return b'["pass",%d,%.6f,%.7f,%.7f,%.7f,%d]\n' % (item, start, *phases, line)


def place_of(nodeid: str) -> tuple[str, str]:
    """Return path and domain of an ordinary test's location: pytest makes both of the names in its node id."""
    path, _, names = nodeid.partition("::")
    return path, names.replace("::", ".") or nodeid


def parameters_of(name: str) -> str:
    """Return the id of a test's parameters, which its *name* has in brackets, "" where there are none."""
    return name.partition("[")[2].removesuffix("]") if name.endswith("]") else ""


def plain(value: object, *, above: tuple[int, ...] = ()) -> Any:
    """Return *value* in JSON's types and our tags; what cannot be carried over becomes its ``repr``.

    Never raises. *above* are the ids of the containers that *value* lies in.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool or kind is float:
        return value
    if kind is int:
        return value if -_SMALL < value < _SMALL else {"$i": hex(value)}  # type: ignore[operator, arg-type]
    if id(value) in above:
        return "<contains itself>"
    if len(above) > MAX_DEPTH:
        return "<nested too deeply>"
    encoder = _ENCODERS.get(kind)
    if encoder is not None:
        return encoder(value, (*above, id(value)))
    return _plain_subclass(value, above)


def restore(value: Any) -> Any:
    """Return what ``plain`` was given, as far as builtins go; raises ProtocolFault for a tag that makes no sense."""
    kind = type(value)
    if kind is list:
        return [restore(item) for item in value]
    if kind is not dict:
        return value
    if len(value) == 1:
        tag, content = next(iter(value.items()))
        decoder = _DECODERS.get(tag)
        if decoder is not None:
            return _decoded(decoder, content)
    return {key: restore(item) for key, item in value.items()}


def carries(value: object, *, depth: int = 0) -> bool:
    """Whether *value* arrives on the other side equal to what it was."""
    if value is None or type(value) in (bool, int, float, str, bytes):
        return True
    if depth > MAX_DEPTH:
        return False
    if type(value) in (list, tuple, set, frozenset):
        return all(carries(item, depth=depth + 1) for item in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return all(carries(k, depth=depth + 1) and carries(v, depth=depth + 1) for k, v in value.items())
    return False


def _plain_subclass(value: object, above: tuple[int, ...]) -> Any:
    """An enum's number, a str subclass's text, a namedtuple's fields: the builtin it stands for.

    The type decides, not ``isinstance``: mocks and proxies lie about their class, or raise when asked.
    """
    ancestors = type(value).__mro__
    for builtin, base_value in _BASE_VALUES.items():
        if builtin in ancestors:
            return plain(base_value(value), above=above)
    for container in (tuple, list, dict, set, frozenset):
        if container in ancestors:
            try:
                return _ENCODERS[container](value, (*above, id(value)))
            except Exception:  # its own __iter__ or items() does not do what a builtin's does
                return _described(value)
    return _described(value)


_BASE_VALUES: dict[type, Callable[[Any], object]] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
}


def _described(value: object) -> str:
    try:
        return str.__str__(repr(value))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # pytest's own outcomes are no Exception
        return f"<{type(value).__name__}: unprintable, {type(error).__name__}>"


def _items(value: Any, above: tuple[int, ...]) -> list[Any]:
    return [plain(item, above=above) for item in value]


def _mapping(value: dict[Any, Any], above: tuple[int, ...]) -> dict[str, Any]:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: plain(item, above=above) for key, item in value.items()}
    return {"$d": [[plain(key, above=above), plain(item, above=above)] for key, item in value.items()]}


_ENCODERS: dict[type, Callable[[Any, tuple[int, ...]], Any]] = {
    list: _items,
    tuple: lambda value, above: {"$t": _items(value, above)},
    set: lambda value, above: {"$s": _items(value, above)},
    frozenset: lambda value, above: {"$f": _items(value, above)},
    dict: _mapping,
    bytes: lambda value, _: {"$b": base64.b64encode(value).decode("ascii")},
    bytearray: lambda value, _: {"$b": base64.b64encode(bytes(value)).decode("ascii")},
}


def _decoded(decoder: Callable[[Any], Any], content: Any) -> Any:
    try:
        return decoder(content)
    except (TypeError, ValueError) as error:
        raise ProtocolFault(f"not a value: {content!r:.80} ({error})") from None


def _hashable(value: Any) -> Any:
    """What came from a set or a key must be hashable again, whatever subclass of a list, set or dict it was."""
    if isinstance(value, (list, tuple)):
        return tuple(_hashable(item) for item in value)
    if isinstance(value, dict):
        return tuple((_hashable(key), _hashable(item)) for key, item in value.items())
    return frozenset(value) if isinstance(value, set) else value


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$t": lambda content: tuple(restore(item) for item in content),
    "$s": lambda content: {_hashable(restore(item)) for item in content},
    "$f": lambda content: frozenset(_hashable(restore(item)) for item in content),
    "$d": lambda content: {_hashable(restore(key)): restore(item) for key, item in content},
    "$b": lambda content: base64.b64decode(content, validate=True),
    "$i": lambda content: int(content, 16),
}
