"""What a host is asked about itself, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Asked(NamedTuple):
    """*families* of the vocabulary, to be answered within *limit_s*; see `worker.probing.probe_host` for the rest."""

    families: Sequence[str]
    limit_s: float
    fresh: bool = False
    verify: bool = False
