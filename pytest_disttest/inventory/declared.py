"""What an owner says of a host: facts in the vocabulary's words, and custom resources.

A fact is written as in a marker's condition (``"memory" = "64 GiB"``, sizes with their unit), and read by the same
code, so both say the same. TOML makes tables of ``gpu.count = 2`` without quotes; they are read as dotted words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pytest_disttest.errors import BadInventory, BadMarker, did_you_mean
from pytest_disttest.model import Value
from pytest_disttest.needs import ALIASES, KEYS, key_of, read_fact

Place = Callable[..., str]
"""Says where in the file a path of keys stands."""


def declared_facts(table: Mapping[str, Any], place: Place) -> tuple[tuple[str, Value], ...]:
    """Return the facts of a host's ``facts`` table, sorted by key: sizes in bytes, sets as tuples.

    Raises BadInventory for a word that is no key (with the nearest ones), a value that does not fit its key, a size
    without its unit, and for pools, which have a table of their own.
    """
    return tuple(sorted((key, value) for key, value in _facts(table, place)))


def declared_pools(table: Mapping[str, Any], place: Place) -> tuple[tuple[str, int], ...]:
    """Return (name, units) of a host's ``resources`` table, sorted; units are whole numbers from 0."""
    for name, units in table.items():
        if not isinstance(units, int) or isinstance(units, bool) or units < 0:
            raise BadInventory(
                f"{units!r} is no number of units", place=place(name), hint="say a whole number, as in { jtag = 1 }"
            )
    return tuple(sorted(table.items()))


def _facts(table: Mapping[str, Any], place: Place, prefix: str = "") -> Iterator[tuple[str, Value]]:
    for word, value in table.items():
        name = f"{prefix}{word}"
        if isinstance(value, Mapping):
            yield from _facts(value, place, f"{name}.")
            continue
        name = ALIASES.get(name, name)
        key = key_of(name)
        if key is None:
            raise BadInventory("is no fact of a host", place=place(name), hint=did_you_mean(name, (*KEYS, *ALIASES)))
        if name.startswith("resource."):
            hint = f"write it as resources = {{ {name.partition('.')[2]} = {value} }}"
            raise BadInventory("is a resource", place=place(name), hint=hint)
        yield key.name, _value(key.name, value, place)


def _value(name: str, value: object, place: Place) -> Value:
    """Return one fact as the words' own room reads it."""
    try:
        return read_fact(name, value, place(name))
    except BadMarker as fault:
        message = fault.message.removeprefix(f"{fault.place}: ")
        raise BadInventory(f"{value!r} does not fit: {message}", place=place(name), hint=fault.hint) from None
