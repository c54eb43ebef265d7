"""The journal as somebody else reads it while the run goes on: the same lines, and who began what."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pytest_disttest.store.fields import count, text


class CaseBegan(NamedTuple):
    """A worker runs a case since *at* (POSIX seconds). Told in a stream only: what matters later is how it ended."""

    case: int
    host: str
    worker: str
    at: float


def _pack_began(event: CaseBegan) -> dict[str, object]:
    return {"event": "began", **event._asdict()}


def _unpack_began(fields: Mapping[str, Any]) -> CaseBegan:
    return CaseBegan(count(fields["case"]), text(fields["host"]), text(fields["worker"]), float(fields["at"]))


PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {CaseBegan: _pack_began}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], CaseBegan]] = {"began": _unpack_began}


class Stream:
    """A file, or a pipe with a reader at its other end, that is written to as long as it takes what it is given."""

    def __init__(self, path: str) -> None:
        """Open *path*, which a regular file survives emptied; OSError where that is impossible."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def write(self, line: bytes) -> None:
        """Hand on *line*; a reader that has gone away misses the rest, and the run does not care."""
        rest = memoryview(line)
        try:
            while rest and self._descriptor >= 0:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self.close()

    def close(self) -> None:
        """Tell the reader that this was all; harmless when repeated."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
