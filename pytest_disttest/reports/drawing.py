"""A picture as a file."""

from __future__ import annotations

from pathlib import Path

from pytest_disttest.reports.picture import Picture


def write(picture: Picture, path: Path, suffix: str = "") -> None:
    """Write *picture* to *path*, as SVG where *suffix*, else that of *path*, is ``.svg``, as HTML otherwise.

    OSError where that is impossible.
    """
    if (suffix or path.suffix) == ".svg":
        from pytest_disttest.reports.svg import svg

        text = f'<?xml version="1.0" encoding="utf-8"?>\n{svg(picture)}\n'
    else:
        from pytest_disttest.reports.page import page

        text = page(picture)
    path.write_text(text, encoding="utf-8")
