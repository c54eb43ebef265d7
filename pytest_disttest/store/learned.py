"""What runs on several hosts taught, as the builtins that it is made of: one file, for the next run's eyes.

``learned.json`` is whole or not there: it is written beside and put in its place. Of two runs that end at once, one
may lose what it learned. A file that is missing, damaged or of another format means that nothing was learned.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_disttest.store import layout

FORMAT: Final = 1
Learned = Mapping[str, Any]


def read_learned(directory: Path) -> Learned:
    """Return what was kept last, {} where that is nothing that can be read."""
    try:
        found = json.loads(layout.learned_path(directory).read_bytes())
        return dict(found["learned"]) if found["format"] == FORMAT else {}
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        return {}


def keep_learned(directory: Path, learned: Learned) -> None:
    """Keep *learned*, which is made of builtins, in place of what was there.

    A store that cannot be written keeps nothing.
    """
    content = json.dumps({"format": FORMAT, "learned": learned}, separators=(",", ":"))
    with contextlib.suppress(OSError):
        layout.prepare(directory)
        layout.put_in_place(layout.learned_path(directory), content.encode("ascii"))
