"""What each host said when it was last asked: for the next run's eyes, beside the history so that no database opens.

``hosts.json`` holds an object from a host's name to ``{"seen_at": POSIX seconds, "profile": {...}}``. A file that is
missing or damaged means that nobody is known.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from pytest_disttest.store import layout

MOST_HOSTS: Final = 1000


class SeenHost(NamedTuple):
    """A host as it was at *seen_at*, POSIX seconds; *profile* in the form of ``match.profiles``."""

    seen_at: float
    profile: Mapping[str, Any]


def known_hosts(directory: Path) -> dict[str, SeenHost]:
    """Return what is remembered of hosts, by name."""
    try:
        rows = json.loads(layout.hosts_path(directory).read_bytes())
        return {name: SeenHost(float(row["seen_at"]), dict(row["profile"])) for name, row in rows.items()}
    except (OSError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return {}


def remember_hosts(directory: Path, profiles: Mapping[str, Mapping[str, Any]], *, now: float) -> None:
    """Keep *profiles* by host name beside what is remembered of others; the longest unseen beyond a thousand go.

    A store that cannot be written keeps nothing. Of two runs that end at once, one may lose what it saw.
    """
    seen = {**known_hosts(directory), **{name: SeenHost(now, profile) for name, profile in profiles.items()}}
    newest = sorted(seen.items(), key=lambda pair: -pair[1].seen_at)[:MOST_HOSTS]
    rows = {name: {"seen_at": host.seen_at, "profile": dict(host.profile)} for name, host in sorted(newest)}
    with contextlib.suppress(OSError):
        layout.prepare(directory)
        layout.put_in_place(layout.hosts_path(directory), json.dumps(rows, indent=1).encode("ascii"))
