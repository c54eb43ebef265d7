"""The named queries of ``queries.sql`` and the schema of ``schema.sql``."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

SCHEMA_VERSION = 5
ADDED: Final = {2: "hardware.sql", 3: "plans.sql", 4: "recoveries.sql", 5: "failures.sql"}
"""What each version added to the tables of the one before."""


@cache
def schema() -> str:
    """Return the statements that make an empty history."""
    return _read("schema.sql") + "\n" + upgrade(1)


@cache
def upgrade(version: int) -> str:
    """Return the statements that make a history of *version* one of today's."""
    return "\n".join(_read(name) for number, name in ADDED.items() if number > version)


@cache
def queries() -> dict[str, str]:
    """Return all queries by name."""
    text = _read("queries.sql")
    _, *parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def query(name: str) -> str:
    """Return the query called *name*; KeyError for an unknown one."""
    return queries()[name]


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
