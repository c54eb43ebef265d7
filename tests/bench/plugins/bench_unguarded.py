"""Takes away what a healthy run does only for the day on which something breaks, as far as no option does.

Nothing is kept for a run that resumes this one: what tests wrote, and what their files are like.
"""

from __future__ import annotations

from pytest_disttest.controller import planning
from pytest_disttest.store.journal import Journal


def _keeps_nothing(*_: object, **__: object) -> None:
    return None


def _knows_no_files(*_: object) -> dict[str, str]:
    return {}


Journal.story = _keeps_nothing  # type: ignore[method-assign]
planning.fingerprints = _knows_no_files
