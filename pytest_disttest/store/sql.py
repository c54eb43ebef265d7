"""The named queries of ``queries.sql`` and the schema of ``schema.sql``."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

SCHEMA_VERSION = 2


@cache
def schema() -> str:
    """Return the statements that make an empty history."""
    return files(__package__).joinpath("schema.sql").read_text("utf-8") + "\n" + upgrade()


@cache
def upgrade() -> str:
    """Return the statements that make a history of version 1 one of version 2."""
    return files(__package__).joinpath("hardware.sql").read_text("utf-8")


@cache
def queries() -> dict[str, str]:
    """Return all queries by name."""
    text = files(__package__).joinpath("queries.sql").read_text("utf-8")
    _, *parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], map(str.strip, parts[1::2]), strict=True))


def query(name: str) -> str:
    """Return the query called *name*; KeyError for an unknown one."""
    return queries()[name]
