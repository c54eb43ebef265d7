"""Hosts that were left out since too much failed there, for later runs: a small file beside the history.

``quarantine.json`` holds an object from a host's name to its breaker. A file that is missing or damaged bars nobody.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from pytest_disttest.recovery.breakers import Breaker, State
from pytest_disttest.store import layout


def read_quarantine(directory: Path) -> dict[str, Breaker]:
    """Return the breaker of each host that was left out, by name; times are POSIX seconds."""
    try:
        rows = json.loads(layout.quarantine_path(directory).read_bytes())
        return {
            str(name): Breaker(
                State(row["state"]),
                int(row["errors"]),
                int(row["openings"]),
                float(row["retry_at"]),
                str(row["reason"]),
            )
            for name, row in rows.items()
        }
    except (OSError, AttributeError, LookupError, TypeError, ValueError, RecursionError):
        return {}


def keep_quarantine(directory: Path, breakers: Mapping[str, Breaker]) -> None:
    """Keep the breakers that are not closed; without any, the file goes. A store that cannot be written keeps none."""
    rows = {
        name: {**breaker._asdict(), "state": breaker.state.value}
        for name, breaker in sorted(breakers.items())
        if breaker.state is not State.CLOSED
    }
    path = layout.quarantine_path(directory)
    with contextlib.suppress(OSError):
        if not rows:
            path.unlink(missing_ok=True)
            return
        layout.prepare(directory)
        layout.put_in_place(path, json.dumps(rows, indent=1).encode("ascii"))
