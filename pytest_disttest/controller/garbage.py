"""Python's search for garbage cycles, made rare while a run lasts.

Each test leaves three reports that stay until the end, so the search finds nothing, again and again, in ever more of
them: a fifth of the controller's time on a run of 40,000 short tests. So it begins only after 10,000 new objects, and
leaves out what there is when the tests begin (pytest, the cases), and what the run has left when pytest looks five
times at the end. All that ends with pytest's configuration, so that a process which runs pytest as a part of its work
finds everything as it was.

An interpreter that ends searches twice more, 200 ms on 10,000 tests, for cycles whose memory goes with the process
anyway; where that process is pytest's own, there is nothing left to search in.
"""

from __future__ import annotations

import atexit
import gc
import os
from functools import partial

import pytest

THRESHOLDS = (10_000, 20, 20)


def collect_rarely(config: pytest.Config) -> None:
    """Search rarely until *config* is done with, unless somebody has switched the search off or made it rarer."""
    before = gc.get_threshold()
    if gc.isenabled() and 0 < before[0] < THRESHOLDS[0]:
        gc.set_threshold(*THRESHOLDS)
        config.add_cleanup(partial(gc.set_threshold, *before))


def set_aside(config: pytest.Config) -> None:
    """Leave what there is now out of the search until *config* is done with: after pytest's own last search."""
    gc.freeze()
    config.add_cleanup(gc.unfreeze)


def set_aside_more() -> None:
    """Leave out what has come since, until the same moment."""
    gc.freeze()


def end_quickly(program: str) -> None:
    """Search no more when this process ends, if *program*, its ``sys.argv[0]``, is pytest's: others may want it."""
    name = os.path.basename(program)  # noqa: PTH119 - no import for one name
    if name in ("pytest", "py.test") or program.endswith("pytest/__main__.py".replace("/", os.sep)):
        atexit.register(gc.freeze)
