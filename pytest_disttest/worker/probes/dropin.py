"""A lab's own facts: files of ``key = value`` lines in a folder on the host.

``/etc/disttest/facts.d/*.conf`` and ``~/.config/disttest/facts.d/*.conf`` are read in the order of their names, the
user's after the system's; a later line replaces an earlier one, but ``tag`` adds. The idea is NFD's ``local`` source.
"""

from __future__ import annotations

import os
import re
from typing import Any

from pytest_disttest.needs.vocabulary import Key, key_of
from pytest_disttest.worker.machine import folders
from pytest_disttest.worker.probes.finding import Facts, Finding, Place

ENDING = ".conf"
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?i?B)", re.IGNORECASE)
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
OWN = ("gpu", "accel", "browser")


def probe(place: Place) -> Finding:
    """Return the facts of all files; a line that cannot be read is a remark."""
    facts: Facts = {}
    remarks: list[str] = []
    told = [path for folder in folders(place.environment) for path in _files(place, folder)]
    for path in told:
        for key, value in read(place.text(path), path, remarks):
            facts[key] = (*facts.get(key, ()), *value) if key == "tag" else value
    status = "ok" if told else "absent"
    return Finding("facts.d", status, source=", ".join(told), facts=facts, remarks=tuple(remarks))


def _files(place: Place, folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in place.names(folder) if name.endswith(ENDING)]


def read(text: str, path: str, remarks: list[str]) -> list[tuple[str, Any]]:
    """Return the facts that *text* tells, in its order; adds a line to *remarks* for each that it cannot."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in words.partition("="))
        key = key_of(name)
        try:
            if not equals or not value:
                raise ValueError("not of the form key = value")
            if key is None:
                raise ValueError(f"no key is called {name!r}; a fact of your own is fact.NAME or resource.NAME")
            if key.owner in OWN:
                raise ValueError(f"{key.name} is said of a device, and a file can only speak of the host")
            found.append((key.name, typed(key, value)))
        except ValueError as fault:
            remarks.append(f"{path}:{number}: {fault}")
    return found


def typed(key: Key, text: str) -> Any:
    """Return what *text* says in the kind that the key has; ValueError where it makes no sense."""
    if key.kind == "size":
        return size(text)
    if key.kind == "number":
        number = float(text)
        if not 0 <= number < float("inf"):
            raise ValueError(f"{text!r} is no amount")
        return int(number) if number.is_integer() else number
    if key.kind == "flag":
        if text.lower() not in FLAGS:
            raise ValueError(f"{text!r} is neither true nor false")
        return FLAGS[text.lower()]
    if key.kind in ("set", "level"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    word = key.normal(text)
    if key.known and word not in key.known:
        raise ValueError(f"{key.name} is one of {', '.join(key.known)}")
    return word


def size(text: str) -> int:
    """Return bytes: ``8 GiB`` is 8 * 1024**3, ``8 GB`` is 8 * 1000**3; ValueError without a unit."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size: write a number and its unit, as in 8 GiB")
    unit = match[2].lower().removesuffix("b")
    base = 1024 if unit.endswith("i") else 1000
    return int(float(match[1]) * base ** POWERS[unit.removesuffix("i")])
