"""How much of what a worker writes past pytest's capture is shown: a burst, then a trickle, and words for the rest.

A test may write a gigabyte to its standard output. An agent that passed all of that on would have nothing else to
say for as long as it takes, and the controller nothing else to read.
"""

from __future__ import annotations

BURST_BYTES = 8 << 20
BYTES_PER_S = 1 << 20
RESUME_BYTES = 1 << 20
"""Once something was left out, this much must be saved up before anything is shown again: one gap, not a hundred."""


class Allowance:
    """What one worker may still write at a time *now*, in monotonic seconds: a token bucket of bytes."""

    def __init__(self, now: float) -> None:
        self._balance = float(BURST_BYTES)
        self._at = now
        self._left_out = 0

    def passing(self, data: bytes, now: float) -> bytes:
        """Return what of *data* is to be shown, with words in front when something before it is not."""
        self._balance = min(BURST_BYTES, self._balance + (now - self._at) * BYTES_PER_S)
        self._at = now
        if self._left_out and self._balance < RESUME_BYTES:
            self._left_out += len(data)
            return b""
        shown = data[: int(self._balance)]
        self._balance -= len(shown)
        words = self.note()
        self._left_out = len(data) - len(shown)
        return words + shown

    def note(self) -> bytes:
        """Return words for what was left out since they were asked for last, b"" for nothing."""
        left_out, self._left_out = self._left_out, 0
        return b"\n[disttest: %d bytes left out, they came too fast]\n" % left_out if left_out else b""
