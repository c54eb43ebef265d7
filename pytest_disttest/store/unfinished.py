"""A run that did not come to its end, and what a run that goes on with it needs to know.

Which one: the last that has stories, whose journal nobody writes, and that was not resumed already. What of it counts
as a result is decided test by test: the last attempt must be told in full, and no other may have been to come.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pytest_disttest.model import Attempt, Pass
from pytest_disttest.store import layout
from pytest_disttest.store.events import (
    CaseRecord,
    CasesPassed,
    CasesSeen,
    Event,
    HostSeen,
    RunStarted,
    from_line,
)
from pytest_disttest.store.stories import LATE, FilesSeen, ResultsKept, StoryTold, WarningTold, WorkerTold


class PlainPass(NamedTuple):
    """An attempt that passed without a word. *line* and *more* are what was told beside it."""

    host: str
    worker: str
    passed: Pass
    line: int | None = None
    more: Any = ()


class Told(NamedTuple):
    """An attempt with its reports."""

    attempt: Attempt
    story: StoryTold


Tried = PlainPass | Told


@dataclass(slots=True)
class Unfinished:
    """What a run left: *tried* are the attempts of each case by its number there, in the order of their numbers.

    *late* are reports that came after the end of their cases. *not_run* are cases that were reported, and did not run.
    """

    run_id: str
    started: RunStarted
    cases: dict[int, CaseRecord] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, HostSeen] = field(default_factory=dict)
    tried: dict[int, list[Tried]] = field(default_factory=dict)
    late: dict[int, list[StoryTold]] = field(default_factory=dict)
    not_run: set[int] = field(default_factory=set)
    warnings: list[WarningTold] = field(default_factory=list)
    workers: dict[tuple[str, str], WorkerTold] = field(default_factory=dict)


class Candidate(NamedTuple):
    """A run that can be resumed, with its journal, which is *claimed* until that descriptor is closed."""

    run_id: str
    started: RunStarted
    journal: Path
    claimed: int

    def release(self) -> None:
        """Let others resume or ingest it."""
        os.close(self.claimed)

    def conclude(self) -> None:
        """Its results are another run's now, so it cannot be resumed a second time."""
        layout.stories_path(self.journal).unlink(missing_ok=True)
        self.release()


def candidates(directory: Path) -> Iterator[Candidate]:
    """Yield the runs in the store *directory* that can be resumed, the newest first; release those you do not take.

    Stories that nobody will ask for are removed on the way.
    """
    for stories in layout.stories(directory):
        journal = layout.find_journal(directory, stories.stem)
        if journal is None or layout.is_alive(journal):
            continue
        started = _beginning(journal)
        claimed = layout.claim(journal) if started is not None else None
        if started is None or claimed is None:
            continue
        candidate = Candidate(journal.stem, started, journal, claimed)
        if _is_spent(directory, candidate):
            candidate.conclude()
        else:
            yield candidate


def read_unfinished(candidate: Candidate) -> Unfinished:
    """Return what the run left. Lines that are torn or damaged cost what stood on them: those tests run again."""
    found = Unfinished(candidate.run_id, candidate.started)
    stories = _read_stories(layout.stories_path(candidate.journal), found)
    for case, by_number in _read_journal(candidate.journal, found, stories).items():
        numbers = sorted(by_number)
        if by_number[numbers[-1]] is not None:
            found.tried[case] = [each for number in numbers if (each := by_number[number]) is not None]
    return found


def _read_stories(path: Path, found: Unfinished) -> dict[tuple[int, int], StoryTold]:
    """Return the story of each attempt, by case and number; what else there is goes into *found*."""
    stories: dict[tuple[int, int], StoryTold] = {}
    for event in _events(path):
        match event:
            case StoryTold(number=number) if number == LATE:
                found.late.setdefault(event.case, []).append(event)
            case StoryTold():
                stories[event.case, event.number] = event
            case WarningTold():
                found.warnings.append(event)
            case WorkerTold():
                found.workers[event.host, event.worker] = event
    return stories


def _read_journal(
    path: Path, found: Unfinished, stories: Mapping[tuple[int, int], StoryTold]
) -> dict[int, dict[int, Tried | None]]:
    """Return the attempts of each case by number, None for one that is not told in full; the rest goes into *found*."""
    attempts: dict[int, dict[int, Tried | None]] = defaultdict(dict)
    for event in _events(path):
        match event:
            case CasesSeen():
                found.cases |= {case.index: case for case in event.cases}
            case FilesSeen():
                found.files = dict(event.rows)
            case HostSeen():
                found.hosts[event.name] = event
            case CasesPassed():
                for each in _plain_passes(event):
                    attempts[each.passed[0]][each.passed[1]] = each
            case Attempt(worker=""):
                found.not_run.add(event.case)
                attempts[event.case][event.number] = None
            case Attempt():
                story = stories.get((event.case, event.number))
                attempts[event.case][event.number] = Told(event, story) if story is not None else None
    return attempts


def is_open(tried: Sequence[Tried]) -> bool:
    """Whether another attempt was to be made when the run was cut off."""
    last = tried[-1]
    return isinstance(last, Told) and last.story.again


def _plain_passes(event: CasesPassed) -> Iterator[PlainPass]:
    more = dict(event.more)
    lines = event.lines if len(event.lines) == len(event.rows) else (None,) * len(event.rows)
    for place, (passed, line) in enumerate(zip(event.rows, lines, strict=True)):
        yield PlainPass(event.host, event.worker, passed, line, more.get(place, ()))


def _beginning(journal: Path) -> RunStarted | None:
    """Return the first line of a journal, None where it is none."""
    try:
        with journal.open("rb") as lines:
            started = from_line(lines.readline())
    except (OSError, ValueError):
        return None
    return started if isinstance(started, RunStarted) else None


def _is_spent(directory: Path, candidate: Candidate) -> bool:
    """Whether another run has all that this one has to give: it was resumed, or cut off as it began to resume."""
    if candidate.started.resumes and not any(isinstance(event, ResultsKept) for event in _events(candidate.journal)):
        return True
    newer = (path for path in (*layout.done(directory), *layout.waiting(directory)) if path.stem > candidate.run_id)
    for path in newer:
        started = _beginning(path)
        if started is not None and started.resumes == candidate.run_id and _has_kept(path, candidate.run_id):
            return True
    return False


def _has_kept(journal: Path, run_id: str) -> bool:
    return any(isinstance(event, ResultsKept) and event.run_id == run_id for event in _events(journal))


def _events(path: Path) -> Iterator[Event]:
    try:
        with path.open("rb") as lines:
            for line in lines:
                try:
                    yield from_line(line)
                except ValueError:
                    continue
    except FileNotFoundError:
        return
