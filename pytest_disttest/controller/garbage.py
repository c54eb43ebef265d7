"""Python's search for garbage cycles, made rare while a run lasts.

Each test leaves three reports that stay until the end, so the search finds nothing, again and again, in ever more of
them: a fifth of the controller's time on a run of 40,000 short tests. So it begins only after 10,000 new objects, and
leaves out what there is when the tests begin (pytest, the cases). Both end with pytest's configuration, so that a
process which runs pytest as a part of its work finds everything as it was.
"""

from __future__ import annotations

import gc
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
    """Leave what there is now out of the search, until *config* is done with."""
    gc.freeze()
    config.add_cleanup(gc.unfreeze)
