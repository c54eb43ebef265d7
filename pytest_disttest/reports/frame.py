"""The picture of a live view: a board becomes lines that fit a terminal. Imports rich."""

from __future__ import annotations

import io
import os

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pytest_disttest.reports.board import READY, UNUSABLE, Board, Place
from pytest_disttest.reports.wording import clock, printable

MOST_WORKERS = 16
"""Workers with a line of their own; of more, those that run their test for the longest time."""

FULL_HEIGHT = 4
"""Lines of a terminal below which only the figures are shown."""

SHORTEST_BAR, LONGEST_BAR, LONGEST_HOST = 8, 30, 20

FRESH_S = 1.0
"""How long an idle worker still shows the test that it ended: between two short tests it is idle for a moment."""

OUTCOMES = (
    ("failed", "bold red"),
    ("error", "bold red"),
    ("crashed", "bold red"),
    ("passed", "green"),
    ("skipped", "yellow"),
    ("xfailed", "yellow"),
    ("xpassed", "yellow"),
    ("blocked", "yellow"),
    ("unplaced", "yellow"),
    ("cancelled", "yellow"),
)
HOST_STYLES = {READY: "", UNUSABLE: "red"}


class Frame:
    """Draws boards for one terminal, whose *encoding* decides about line-drawing characters."""

    def __init__(self, *, colour: bool, encoding: str) -> None:
        is_utf8 = encoding.lower().startswith("utf")
        self._ellipsis = "…" if is_utf8 else "."
        self._overflow: OverflowMethod = "ellipsis" if is_utf8 else "crop"
        self._console = Console(
            file=io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace"),
            force_terminal=True,
            color_system="standard" if colour else None,
            no_color=not colour,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def lines(self, board: Board, now: float, size: os.terminal_size) -> list[str]:
        """Return the lines of a live view, the first one blank: each narrower than *size*, fewer than its lines."""
        width, height = max(1, size.columns - 1), max(1, size.lines - 1)
        self._console.size = (width, height)
        parts: list[RenderableType] = []
        if height >= FULL_HEIGHT:
            parts.append(self._hosts(board))
            parts += self._workers(board, now, width=width, limit=min(MOST_WORKERS, height - 3))
        parts.append(self._progress(board, now, width))
        with self._console.capture() as capture:
            self._console.print(Group(*parts))
        return ["", *capture.get().splitlines()][-height:]

    def _hosts(self, board: Board) -> Text:
        text = Text(" hosts  ", no_wrap=True, overflow=self._overflow, style="dim")
        for number, (name, host) in enumerate(board.hosts.items()):
            text.append(" · " if number else "", style="dim")
            words = f"{board.busy_on(name)}/{host.workers} busy" if host.state == READY else host.state
            text.append(f"{printable(name)} {words}", HOST_STYLES.get(host.state, "cyan"))
        return text

    def _workers(self, board: Board, now: float, *, width: int, limit: int) -> list[Text]:
        """Return a line for each worker. Made by hand: rich's tables took three quarters of a drawing's time."""
        rows = [_cells(worker, place, now) for worker, place in _shown(board, limit)]
        worker_width, host_width, age_width = (max((cell_len(row[n]) for row in rows), default=0) for n in (0, 1, 3))
        room = width - worker_width - host_width - age_width - 4
        return [
            Text.assemble(
                f" {worker:<{worker_width}} ",
                (set_cell_size(host, host_width), "dim"),
                (f" {set_cell_size(tail(test, room, self._ellipsis), max(0, room))} ", "" if age else "dim"),
                f"{age:>{age_width}}",
                no_wrap=True,
                overflow="crop",
            )
            for worker, host, test, age in rows
        ]

    def _progress(self, board: Board, now: float, width: int) -> RenderableType:
        text = self._words(board, now)
        bar_width = min(LONGEST_BAR, width - cell_len(text.plain) - 2)
        if board.total is None or bar_width < SHORTEST_BAR:
            return text
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(), _bar(board, bar_width), text)
        return line

    def _words(self, board: Board, now: float) -> Text:
        """Return the figures, those first that a narrow terminal shall keep."""
        text = Text(no_wrap=True, overflow=self._overflow)
        if board.total is None:
            return text.append(f" collecting {clock(board.elapsed_s(now))}")
        text.append(f" {board.done}/{board.total}", "bold")
        for outcome, style in OUTCOMES:
            if board.counts[outcome]:
                text.append(f"  {board.counts[outcome]} {outcome}", style)
        eta_s = board.eta_s(now)
        left = self._ellipsis if eta_s is None else clock(eta_s)
        return text.append(f"  {clock(board.elapsed_s(now))}  ETA {left}")


def tail(text: str, width: int, ellipsis: str) -> str:
    """Return *text*, or *ellipsis* and as much of its end as fits *width* cells."""
    if cell_len(text) <= width:
        return text
    room, start = width - cell_len(ellipsis), len(text)
    while start and room >= get_character_cell_size(text[start - 1]):
        start -= 1
        room -= get_character_cell_size(text[start])
    return (ellipsis + text[start:]) if width > 0 else ""


def _bar(board: Board, width: int) -> ProgressBar:
    """Return a bar that is red from the first failure on."""
    style = "red" if any(board.counts[outcome] for outcome in ("failed", "error", "crashed")) else "green"
    done, total = board.done, max(1, board.total or 0)
    return ProgressBar(total, done, width=width, style="bright_black", complete_style=style, finished_style=style)


def _cells(worker: str, place: Place, now: float) -> tuple[str, str, str, str]:
    """Return worker, host, test and age; no age for an idle worker."""
    host, test = printable(place.host), printable(place.nodeid)
    host = set_cell_size(host, min(cell_len(host), LONGEST_HOST))
    if place.busy:
        return worker, host, test, clock(now - place.since)
    return worker, host, test if now - place.since <= FRESH_S else "idle", ""


def _shown(board: Board, limit: int) -> list[tuple[str, Place]]:
    """Return all workers, or the *limit* busiest of them, in the order of their numbers."""
    places = list(board.places.items()) if len(board.places) <= limit else board.busy()[:limit]
    return sorted(places, key=lambda pair: (len(pair[0]), pair[0]))
