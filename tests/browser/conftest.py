"""What the browser tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rigs import browsers


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory for a probe's temporary files, whose path is short, which is empty, and shall be afterwards."""
    with browsers.home() as directory:
        yield directory
