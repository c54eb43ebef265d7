"""Which commit the suite stands at, read from git's own files: `git` itself would take as long as a short run."""

from __future__ import annotations

import re
from pathlib import Path

_HASH = re.compile(r"[0-9a-f]{40,64}")


def commit_of(directory: Path) -> str:
    """Return the full hash of the commit that is checked out in or above *directory*, "" where none can be told.

    Source: gitrepository-layout(5), gitglossary(7) "symref".
    """
    place = next((each / ".git" for each in (directory, *directory.parents) if (each / ".git").exists()), None)
    if place is None:
        return ""
    try:
        own = _git_directory(place)
        head = (own / "HEAD").read_text("utf-8").strip()
        name = head.removeprefix("ref: ")
        found = head if name == head else _resolved(name, own)
    except (OSError, ValueError):
        return ""
    return found if _HASH.fullmatch(found) else ""


def _git_directory(place: Path) -> Path:
    """Return where git keeps what belongs to a work tree: ``.git``, or what the file of that name says."""
    if place.is_dir():
        return place
    return place.parent / place.read_text("utf-8").strip().removeprefix("gitdir: ")


def _resolved(name: str, own: Path) -> str:
    """Return the commit that a branch stands at; branches are shared by all work trees of a repository."""
    common = own / "commondir"
    shared = own / common.read_text("utf-8").strip() if common.is_file() else own
    if (shared / name).is_file():
        return (shared / name).read_text("utf-8").strip()
    for line in (shared / "packed-refs").read_text("utf-8").splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit
    return ""
