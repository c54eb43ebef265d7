"""A picture of a plan or a run as SVG: one file, no scripts, nothing from the network, for light and dark.

A lane for each worker; below each other a thin band of what was planned, and a broad one of what happened. The name
of what is pointed at is the browser's own tooltip (``<title>``), so the file works wherever SVG does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from pytest_disttest.reports.merging import Group, files_by_time, merged, worst
from pytest_disttest.reports.picture import Block, Lane, Moment, Picture, seconds

WIDTH: Final = 1200
MARGIN: Final = 24
MOST_GROUPS: Final = 8000
"""About as many shapes are drawn, whatever the number of tests: a file of two megabytes."""
LEAST_WIDTH: Final = 2.0
NAMES_SHOWN: Final = 8
LONGEST_HOST: Final = 28
COLOURS: Final = (
    "#4269d0", "#6cc5b0", "#efb118", "#a463f2", "#3ca951", "#97bbf5", "#9c6b4e", "#ff8ab7", "#c9a227", "#cdb4f6",
    "#9bd6a3", "#d2b48c",
)  # fmt: skip
"""For the files that take longest, readable on light and on dark; red is for what failed."""
BAD: Final = ("failed", "error", "crashed")
QUIET: Final = ("skipped", "xfailed")

STYLE: Final = """
svg { --paper: #fff; --ink: #1f2328; --faint: #656d76; --grid: #d8dee4; --lane: #f3f5f7; --bad: #d1242f;
  --other: #8c959f; --bound: #1f2328; font: 12px system-ui, -apple-system, "Segoe UI", sans-serif;
  color-scheme: light dark; background: var(--paper) }
@media (prefers-color-scheme: dark) { svg { --paper: #0d1117; --ink: #e6edf3; --faint: #8d96a0; --grid: #30363d;
  --lane: #161b22; --bad: #ff6a69; --other: #6e7681; --bound: #e6edf3 } }
text { fill: var(--ink) } .faint { fill: var(--faint) } .title { font-size: 17px; font-weight: 600 }
.host { font-weight: 600 } .right { text-anchor: end } .middle { text-anchor: middle }
.paper { fill: var(--paper) } .lane { fill: var(--lane) } .grid { stroke: var(--grid) }
.block { stroke: var(--paper); stroke-width: .6; rx: 1.5px } .block:hover { stroke: var(--ink); stroke-width: 1.5 }
.planned { opacity: .5 } .other { fill: var(--other) } .bad { fill: var(--bad) }
.quiet { fill: var(--grid); stroke: var(--faint) } .critical { stroke: var(--ink); stroke-width: 1.4 }
.bound { stroke: var(--bound); stroke-width: 1.5 } .predicted { stroke: var(--faint); stroke-dasharray: 5 4 }
.took { stroke: var(--faint) } .halo { paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
tspan.key { font-weight: 600 }
""" + "".join(f".f{n} {{ fill: {colour} }} " for n, colour in enumerate(COLOURS))


class Layout(NamedTuple):
    """Where things stand, in pixels: lanes begin at *left*, *top*; a second is *scale* wide."""

    left: float
    top: float
    scale: float
    rows: Mapping[Lane, float]
    planned: tuple[float, float]
    actual: tuple[float, float]
    bottom: float

    def x(self, at_s: float) -> float:
        """Return where a moment stands."""
        return self.left + at_s * self.scale


def svg(picture: Picture) -> str:
    """Return *picture* as an SVG document; the same for the same picture."""
    head = _head(picture)
    layout = _layout(picture, top=MARGIN + 30 + 18 * len(head) + 46)
    colours = {file: f"f{place}" for place, file in enumerate(files_by_time(picture.blocks)[: len(COLOURS)])}
    legend = list(_legend(picture, colours))
    height = layout.bottom + 34 + 18 * math.ceil(len(legend) / 2) + MARGIN
    root = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height:g}", role="img")
    root.set("preserveAspectRatio", "xMidYMin meet")
    SubElement(root, "style").text = STYLE
    _rect(root, "paper", 0, 0, WIDTH, height)
    _text(root, MARGIN, MARGIN + 12, picture.title, "title")
    for line, (key, words) in enumerate(head):
        entry = _text(root, MARGIN, MARGIN + 38 + 18 * line, "")
        tspan = SubElement(entry, "tspan", {"class": "key"})
        tspan.text, tspan.tail = clean(f"{key}  "), clean(words)
    _draw_lanes(root, picture, layout)
    _draw_axis(root, picture, layout)
    _draw_blocks(root, picture, layout, colours)
    _draw_moments(root, picture.moments, layout)
    _draw_legend(root, legend, layout)
    return tostring(root, encoding="unicode")


def clean(text: str) -> str:
    """Return *text* without what XML 1.0 cannot hold: control characters, lone surrogates."""
    return "".join(
        c if c in "\t\n" or ((c.isprintable() or c.isspace()) and not _is_odd(c)) else "\ufffd" for c in text
    )


def tooltip(group: Group) -> str:
    """Return what is said of a test, or of several that are drawn as one."""
    if len(group) == 1:
        return "\n".join(_about(group[0]))
    busy_s = sum(block.seconds for block in group)
    bad = [block for block in group if block.outcome in BAD]
    lines = [f"{len(group)} tests, {seconds(busy_s)}", f"from {seconds(group[0].started_s)} on"]
    shown = (bad or list(group))[:NAMES_SHOWN]
    lines += [f"{block.outcome + ' ' if block.outcome in BAD else ''}{block.nodeid}" for block in shown]
    rest = len(bad or group) - len(shown)
    return "\n".join([*lines, *([f"... and {rest} more"] if rest else [])])


def ticks(end_s: float, *, most: int = 10) -> list[float]:
    """Return round moments from 0 to *end_s*, at most *most* and one."""
    if end_s <= 0:
        return [0.0]
    rough = end_s / most
    steps = [factor * 10.0**power for power in range(-4, 2) for factor in (1, 2, 5)]
    steps += [30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0]
    step = next((each for each in sorted(steps) if each >= rough), rough)
    return [step * number for number in range(int(end_s / step + 1e-9) + 1)]


def _is_odd(letter: str) -> bool:
    return "\ud800" <= letter <= "\udfff" or letter in "\ufffe\uffff" or letter < " "


def _about(block: Block) -> Iterator[str]:
    yield block.nodeid
    if block.outcome:
        again = f", attempt {block.number}" if block.number > 1 else ""
        yield f"{block.outcome} after {seconds(block.seconds)} on {block.lane.host} ({block.worker}){again}"
    else:
        yield f"planned for {block.lane.host}, worker {block.lane.place}"
    if block.q50_s > 0:
        cautious = f", nine of ten times within {seconds(block.q90_s)}" if block.q90_s > 0 else ""
        yield f"predicted {seconds(block.q50_s)}{cautious}"
    yield f"from {seconds(block.started_s)} to {seconds(block.ended_s)}"
    if block.rank_s > 0:
        yield f"{seconds(block.rank_s)} from its start to the end" + (", critical path" if block.is_critical else "")


def _head(picture: Picture) -> list[tuple[str, str]]:
    return [(key, words if len(words) <= 150 else f"{words[:149]}…") for key, words in picture.facts]


def _layout(picture: Picture, *, top: float) -> Layout:
    lanes = picture.lanes
    both = bool(picture.planned) and bool(picture.actual)
    height = min(34.0 if both else 24.0, max(5.0, 1600 / max(len(lanes), 1)))
    hosts = [lane.host for lane in lanes]
    widest = max((len(_shortened(host)) for host in hosts), default=0)
    left = MARGIN + 46 + 7.6 * widest
    rows, y = {}, top
    for _, of_host in groupby(lanes, key=lambda lane: lane.host):
        for lane in of_host:
            rows[lane] = y
            y += height
        y += 8
    inner = height - min(4.0, height / 4)
    share = 0.3 if both else 0.0
    planned = (0.0, inner * share) if both else (0.0, inner)
    actual = (inner * share + (1 if both else 0), inner * (1 - share) - (1 if both else 0))
    scale = (WIDTH - MARGIN - left) / (picture.end_s * 1.01 or 1.0)
    return Layout(left, top, scale, rows, planned, actual, y)


def _draw_lanes(root: Element, picture: Picture, layout: Layout) -> None:
    low = max(layout.planned[1], sum(layout.actual) if picture.actual else 0.0)
    names: dict[Lane, str] = {}
    for block in picture.actual:
        names.setdefault(block.lane, block.worker)
    told = ""
    for lane, y in layout.rows.items():
        _rect(root, "lane", layout.left, y, WIDTH - MARGIN - layout.left, low)
        if lane.host != told:
            told = lane.host
            _text(root, MARGIN, y + min(low, 24) / 2 + 4, _shortened(lane.host), "host")
        if low >= 11:
            _text(root, layout.left - 8, y + low / 2 + 4, names.get(lane, str(lane.place)), "faint right")


def _draw_axis(root: Element, picture: Picture, layout: Layout) -> None:
    for at_s in ticks(picture.end_s):
        x = layout.x(at_s)
        _line(root, "grid", x, layout.top - 6, layout.bottom - 8)
        _text(root, x, layout.bottom + 8, f"{at_s:g} s" if at_s < 600 else seconds(at_s), "faint middle")


def _draw_blocks(root: Element, picture: Picture, layout: Layout, colours: Mapping[str, str]) -> None:
    bands = 1 + bool(picture.planned and picture.actual)
    width = WIDTH - MARGIN - layout.left
    least_px = max(LEAST_WIDTH, bands * len(layout.rows) * width / MOST_GROUPS)
    for blocks, (below, height), more in (
        (picture.planned, layout.planned, " planned" if picture.actual else ""),
        (picture.actual, layout.actual, ""),
    ):
        for group in merged(blocks, least_s=least_px / layout.scale):
            start, end = layout.x(group[0].started_s), layout.x(max(block.ended_s for block in group))
            critical = " critical" if any(block.is_critical for block in group) else ""
            words = f"block {_colour(group, colours)}{more}{critical}"
            y = layout.rows[group[0].lane] + below
            shape = _rect(root, words, start, y, max(end - start, 1.0), height)
            SubElement(shape, "title").text = clean(tooltip(group))


def _colour(group: Group, colours: Mapping[str, str]) -> str:
    outcome = worst(group)
    if outcome in BAD:
        return "bad"
    if outcome in QUIET and len({block.outcome for block in group}) == 1:
        return "quiet"
    return colours.get(files_by_time(group)[0], "other")


def _draw_moments(root: Element, moments: Sequence[Moment], layout: Layout) -> None:
    """Draw the lines, and their names to their left above the lanes: the last one on top, or it would cross others."""
    ordered = sorted(moments, key=lambda moment: -moment.at_s)
    heights = [layout.top - 40 + 14 * row for row in range(len(ordered))]
    for moment, y in zip(ordered, heights, strict=True):
        name = "predicted" if moment.kind == "planned" else moment.kind
        _line(root, name, layout.x(moment.at_s), y - 2, layout.bottom - 8)
    for moment, y in zip(ordered, heights, strict=True):
        _text(root, layout.x(moment.at_s) - 5, y + 8, moment.label, "right halo")


def _legend(picture: Picture, colours: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    shown = picture.actual or picture.planned
    for file, name in colours.items():
        its = [block for block in shown if block.file == file]
        tests = f"{len(its)} test{'s' if len(its) != 1 else ''}"
        yield name, f"{file}: {tests}, {seconds(sum(block.seconds for block in its))}"
    if others := {block.file for block in shown if block.file not in colours}:
        yield "other", f"{len(others)} other file{'s' if len(others) > 1 else ''}"
    if any(block.outcome in BAD for block in shown):
        yield "bad", "failed, error or crashed"
    if any(block.outcome in QUIET for block in shown):
        yield "quiet", "skipped or failed as expected"
    if any(block.is_critical for block in shown):
        yield "lane block critical", "on the critical path"
    if picture.planned and picture.actual:
        yield "other planned", "thin and pale: as it was planned; broad: as it was"


def _draw_legend(root: Element, legend: Sequence[tuple[str, str]], layout: Layout) -> None:
    for place, (name, words) in enumerate(legend):
        x = MARGIN + (WIDTH - 2 * MARGIN) / 2 * (place % 2)
        y = layout.bottom + 34 + 18 * (place // 2)
        _rect(root, name, x, y - 10, 22, 12)
        _text(root, x + 30, y, words if len(words) <= 85 else f"…{words[-84:]}")


def _shortened(host: str) -> str:
    return host if len(host) <= LONGEST_HOST else f"{host[: LONGEST_HOST - 1]}…"


def _rect(parent: Element, name: str, x: float, y: float, width: float, height: float) -> Element:
    place = {"x": _n(x), "y": _n(y), "width": _n(width), "height": _n(height)}
    return SubElement(parent, "rect", {"class": name, **place})


def _line(parent: Element, name: str, x: float, top: float, bottom: float) -> None:
    SubElement(parent, "line", {"class": name, "x1": _n(x), "x2": _n(x), "y1": _n(top), "y2": _n(bottom)})


def _text(parent: Element, x: float, y: float, words: str, name: str = "") -> Element:
    element = SubElement(parent, "text", {"x": _n(x), "y": _n(y), **({"class": name} if name else {})})
    element.text = clean(words)
    return element


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
