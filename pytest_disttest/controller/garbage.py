"""Python's search for garbage cycles, made rare while a run lasts.

Each test leaves three reports that stay until the end, so the search finds nothing, again and again, in ever more of
them: a fifth of the controller's time on a run of 40,000 short tests. What there is when the tests begin (pytest, the
cases) is set aside, and the search begins only after 10,000 new objects. Both end with pytest's configuration, so that
a process which runs pytest as a part of its work finds everything as it was.
"""

from __future__ import annotations

import gc
from functools import partial

import pytest

THRESHOLDS = (10_000, 20, 20)


def collect_rarely(config: pytest.Config) -> None:
    """Search rarely until *config* is done with.

    Nothing changes where somebody has taken the search in hand: switched it off, made it rarer, or set objects aside.
    """
    before = gc.get_threshold()
    if not gc.isenabled() or not 0 < before[0] < THRESHOLDS[0] or gc.get_freeze_count():
        return
    gc.set_threshold(*THRESHOLDS)
    gc.freeze()
    config.add_cleanup(partial(_restore, before))


def _restore(before: tuple[int, int, int]) -> None:
    gc.unfreeze()
    gc.set_threshold(*before)
