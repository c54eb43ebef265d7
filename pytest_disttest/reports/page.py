"""The drawing of a plan or a run as one page of HTML: the SVG, and tables of what it cannot say. No network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from pytest_disttest.reports.picture import Block, Picture, furthest_off, seconds
from pytest_disttest.reports.svg import clean, svg

MOST_ROWS: Final = 20

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2328; --faint: #656d76; --grid: #d8dee4; --card: #f6f8fa }
@media (prefers-color-scheme: dark) { :root { --paper: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --grid: #30363d;
  --card: #161b22 } }
body { margin: 0 auto; max-width: 1280px; padding: 16px 24px 48px; background: var(--paper); color: var(--ink);
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
svg { width: 100%; height: auto } h2 { font-size: 16px; margin: 28px 24px 8px }
table { border-collapse: collapse; margin: 0 24px; width: calc(100% - 48px) }
th { color: var(--faint); font-weight: 500; text-align: left }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--grid); vertical-align: top }
td:last-child { overflow-wrap: anywhere; width: 60% } .number { text-align: right; white-space: nowrap; width: 1% }
#tip { position: fixed; display: none; max-width: 520px; padding: 8px 12px; border: 1px solid var(--grid);
  border-radius: 6px; background: var(--card); white-space: pre-wrap; overflow-wrap: anywhere; pointer-events: none;
  box-shadow: 0 4px 16px #0003 }
"""

# The browser's own tooltips come late and small; without scripts they are still there.
SCRIPT: Final = """
const tip = document.getElementById("tip");
for (const block of document.querySelectorAll("svg .block")) {
  const title = block.querySelector("title");
  if (!title) continue;
  const words = title.textContent;
  block.setAttribute("aria-label", words);
  title.remove();
  block.addEventListener("mousemove", event => {
    tip.textContent = words;
    tip.style.display = "block";
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18 + tip.offsetHeight < innerHeight;
    tip.style.left = left + "px";
    tip.style.top = (below ? event.clientY + 18 : event.clientY - tip.offsetHeight - 10) + "px";
  });
  block.addEventListener("mouseleave", () => { tip.style.display = "none"; });
}
"""

Row = tuple[str, ...]


def page(picture: Picture) -> str:
    """Return *picture* as an HTML document; the same for the same picture."""
    parts = [svg(picture)]
    if len(picture.path) > 1:
        parts.append(_table("Critical path", ("predicted", "test"), _path_rows(picture.path)))
    if off := furthest_off(picture, most=MOST_ROWS):
        head = ("took", "predicted", "nine of ten", "host", "test")
        parts.append(_table("Furthest from what was predicted", head, map(_off_row, off)))
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_safe(picture.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f'<body>\n{body}\n<div id="tip" role="tooltip"></div><script>{SCRIPT}</script></body></html>\n'
    )


def _path_rows(path: Sequence[Block]) -> list[Row]:
    rows: list[Row] = [(seconds(block.q50_s), block.nodeid) for block in path[:MOST_ROWS]]
    return rows + ([("", f"... and {len(path) - MOST_ROWS} more")] if len(path) > MOST_ROWS else [])


def _off_row(block: Block) -> Row:
    cautious = seconds(block.q90_s) if block.q90_s > 0 else ""
    return seconds(block.seconds), seconds(block.q50_s), cautious, block.lane.host, block.nodeid


def _table(title: str, head: Row, rows: Iterable[Row]) -> str:
    numbers = {"took", "predicted", "nine of ten"}
    sides = [' class="number"' if name in numbers else "" for name in head]
    first = "".join(f"<th{side}>{_safe(name)}</th>" for name, side in zip(head, sides, strict=True))
    lines = "\n".join(
        "<tr>" + "".join(f"<td{side}>{_safe(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<h2>{_safe(title)}</h2>\n<table><thead><tr>{first}</tr></thead><tbody>\n{lines}\n</tbody></table>"


def _safe(text: str) -> str:
    return escape(clean(text))
