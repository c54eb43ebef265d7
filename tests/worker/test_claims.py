"""The counter that workers share."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pytest_disttest.worker.claims import Claims


def test_each_number_is_taken_once_by_processes_that_race():
    """Forked processes share the open file, and still none takes another's number."""
    with tempfile.TemporaryFile() as counter, tempfile.TemporaryDirectory() as directory:
        children = []
        for number in range(4):
            child = os.fork()
            if not child:
                claims = Claims(counter.fileno())
                Path(directory, str(number)).write_text(" ".join(str(claims.take()) for _ in range(200)))
                os._exit(0)
            children.append(child)
        for child in children:
            assert (child, 0) == os.waitpid(child, 0)
        taken = [int(word) for number in range(4) for word in Path(directory, str(number)).read_text().split()]

    assert list(range(800)) == sorted(taken)
