"""Whether a test is still the one whose result is known: a fingerprint of the files that it is made of."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path, PurePosixPath


def fingerprints(root: Path, files: Iterable[str]) -> dict[str, str]:
    """Return a fingerprint of each of *files*, and of the conftest files above them; without those that do not exist.

    Names are relative to *root*, as in node ids. A fingerprint is length and CRC-32 of the content: not the time of
    its last change, which a fresh checkout does not keep; and no digest, whose library takes longer to load than a
    suite to read. One change in four thousand millions escapes.
    """
    names = sorted({name for file in set(files) for name in files_behind(file)})
    found = ((name, _fingerprint(root / name)) for name in names)
    return {name: fingerprint for name, fingerprint in found if fingerprint}


@cache
def files_behind(file: str) -> tuple[str, ...]:
    """Return the files whose change makes what is known of the tests in *file* worthless: it and its conftest files."""
    return (file, *(str(above / "conftest.py") for above in PurePosixPath(file).parents))


def is_changed(file: str, before: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether one of the files behind *file* is another than it was, has come or has gone."""
    return any(before.get(name) != now.get(name) for name in files_behind(file))


def _fingerprint(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError:  # a test whose collector is no file has none
        return ""
    return f"{len(content)}-{zlib.crc32(content):08x}"
