"""How much memory tests needed that had run out of it, for later runs: a small file beside the history.

``memory.json`` holds an object from a node id to bytes (0: a host for itself) and when that was found out. After
FORGOTTEN_S a test is tried with what it asks for again. A file that is missing or damaged says nothing.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Final

from pytest_disttest.store import layout

FORGOTTEN_S: Final = 90 * 86400.0
MOST: Final = 1000
"""So many tests are remembered, those found out last."""


def read_needed(directory: Path) -> dict[str, int]:
    """Return what each test was given when it passed, by node id: bytes, 0 for a host for itself."""
    return {nodeid: size for nodeid, (size, _) in _read(directory).items()}


def keep_needed(directory: Path, nodeid: str, size: int) -> None:
    """Remember that a test passed with *size*. A store that cannot be written keeps nothing."""
    found = _read(directory)
    found.pop(nodeid, None)
    newest = dict([*found.items(), (nodeid, (size, time.time()))][-MOST:])
    with contextlib.suppress(OSError):
        layout.prepare(directory)
        layout.put_in_place(layout.needed_path(directory), json.dumps(newest, indent=1).encode("ascii"))


def _read(directory: Path) -> dict[str, tuple[int, float]]:
    try:
        rows = json.loads(layout.needed_path(directory).read_bytes())
        found = {str(nodeid): (int(size), float(at)) for nodeid, (size, at) in rows.items()}
    except (OSError, AttributeError, TypeError, ValueError, RecursionError):
        return {}
    latest = time.time()
    return {nodeid: (size, at) for nodeid, (size, at) in found.items() if size >= 0 and 0 <= latest - at < FORGOTTEN_S}
