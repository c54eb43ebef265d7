"""Ctrl-C between two messages, and not within one: what a worker has told is never half taken, or lost.

Python raises KeyboardInterrupt wherever the main thread happens to be. In the middle of a message that ends what was
being told: a test that passed would have no result.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Patience:
    """Keeps the first Ctrl-C until somebody asks; the second one is raised at once, as ever."""

    def __init__(self) -> None:
        self._is_pending = False

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keep Ctrl-C from here on; one that is still kept at the end is raised there.

        Nothing changes outside of the main thread, and where somebody else listens to Ctrl-C.
        """
        ours = signal.default_int_handler
        if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not ours:
            yield
            return
        signal.signal(signal.SIGINT, self._keep)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, ours)
        self.look()

    def look(self) -> None:
        """Raise KeyboardInterrupt if it is kept."""
        if self._is_pending:
            self._is_pending = False
            raise KeyboardInterrupt

    def _keep(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_pending:
            self._is_pending = False
            raise KeyboardInterrupt
        self._is_pending = True
