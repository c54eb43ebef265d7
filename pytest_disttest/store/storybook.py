"""The file of stories beside a journal: what a run that resumes this one will tell pytest again.

It is there as long as its run can be resumed, so it is made with the journal and goes when nothing is missing. A disk
that is full, or a story that is too long, costs what it would have told: that test runs again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pytest_disttest.store.events import to_line
from pytest_disttest.store.stories import Story, StoryHeard

LONGEST_STORY = 1024 * 1024
"""Bytes. A test that said more than this runs again, rather than that its words are written twice."""


class Storybook:
    """The open file of stories at *path*; what cannot be written is not, and nobody is told."""

    __slots__ = ("_descriptor", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1

    def open(self) -> None:
        """Make the file. OSError where that is impossible."""
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, event: Story) -> None:
        """Add a story, in the kernel's hands before the call returns."""
        if self._descriptor < 0:
            return
        line = event.line(to_line) if isinstance(event, StoryHeard) else to_line(event)
        try:
            if len(line) <= LONGEST_STORY and os.write(self._descriptor, line) != len(line):
                self.close()  # what follows half a line would be lost with it: the disk is full
        except OSError:
            self.close()

    def close(self) -> None:
        """Write nothing more; harmless when repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        """Nothing is missing any more: nobody will ask."""
        self.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
