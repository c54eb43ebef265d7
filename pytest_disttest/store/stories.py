r"""What a journal keeps for the sake of a run that goes on where this one was cut off.

``FilesSeen`` and ``ResultsKept`` stand in the journal. ``StoryTold``, ``WarningTold`` and ``WorkerTold`` are all that
pytest was told of tests, beyond what the history keeps of them; they lie in a file beside the journal,
``runs/ID.stories``, in the same form, and that goes as soon as nothing is missing any more. As long as it is there, the
run can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from pytest_disttest.store.fields import count, text

LATE = 0
"""The number of the attempt in a story that came after its test had ended."""


class FilesSeen(NamedTuple):
    """The files whose change would make results worthless, and a fingerprint of each."""

    rows: tuple[tuple[str, str], ...]


class ResultsKept(NamedTuple):
    """All that stands before this line is of an earlier run, whose *cases*, by its own numbers, had a result there.

    A journal that resumes a run and lacks this line was cut off before it ran a test: it says nothing new.
    """

    run_id: str
    cases: tuple[int, ...]


class StoryTold(NamedTuple):
    """The reports of one attempt as they were told, each with two words of its worker on it (see ``replay``).

    *again* says that the attempt had failed and was to be made once more. *junit* and *failed_subtests* are what was
    told beside the reports. *number* is ``LATE`` for a report that came after the end.
    """

    case: int
    number: int
    again: bool
    reports: Sequence[Sequence[Any]]
    junit: Sequence[Sequence[str]] = ()
    failed_subtests: int = 0


class StoryHeard(NamedTuple):
    """The same where it is written first: *lines* are the messages ``report`` of its worker, as they came.

    To encode the reports once more would be most of what it costs to keep them. It is read as a ``StoryTold``.
    """

    case: int
    number: int
    again: bool
    lines: Sequence[bytes]
    junit: Sequence[Sequence[str]] = ()
    failed_subtests: int = 0

    def line(self, encode: Callable[[StoryTold], bytes]) -> bytes:
        """Return it as one line of a journal, its newline included; *encode* makes such a line of the rest of it."""
        bare = encode(StoryTold(self.case, self.number, self.again, (), self.junit, self.failed_subtests))
        return b"%b%b]}\n" % (bare.removesuffix(b"]}\n"), b",".join(self.lines))


class WarningTold(NamedTuple):
    """A warning that was recorded while a test ran, as it was told."""

    nodeid: str
    told: Mapping[str, Any]
    location: Any


class WorkerTold(NamedTuple):
    """What a worker told of its interpreter: reporters show it beside what failed there."""

    host: str
    worker: str
    told: Mapping[str, Any]


def _pack_files(event: FilesSeen) -> dict[str, object]:
    return {"event": "files", "rows": event.rows}


def _unpack_files(fields: Mapping[str, Any]) -> FilesSeen:
    return FilesSeen(tuple((text(file), text(fingerprint)) for file, fingerprint in fields["rows"]))


def _pack_kept(event: ResultsKept) -> dict[str, object]:
    return {"event": "kept", "run": event.run_id, "cases": event.cases}


def _unpack_kept(fields: Mapping[str, Any]) -> ResultsKept:
    return ResultsKept(text(fields["run"]), tuple(map(count, fields["cases"])))


def _pack_story(event: StoryTold) -> dict[str, object]:
    fields = event._asdict()
    reports = fields.pop("reports")
    heard = [("report", event.case, *report) for report in reports]
    return {"event": "story", **fields, "heard": heard}  # at the end, where ``StoryHeard.line`` adds to it


def _unpack_story(fields: Mapping[str, Any]) -> StoryTold:
    heard = fields["heard"]
    reports = tuple((dict(told), bool(is_words), bool(is_renamed)) for _, _, told, is_words, is_renamed in heard)
    junit = tuple((text(method), text(name), text(value)) for method, name, value in fields["junit"])
    return StoryTold(
        count(fields["case"]), count(fields["number"]), bool(fields["again"]), reports, junit,
        count(fields["failed_subtests"]),
    )  # fmt: skip


def _pack_warning(event: WarningTold) -> dict[str, object]:
    return {"event": "warning", **event._asdict()}


def _unpack_warning(fields: Mapping[str, Any]) -> WarningTold:
    return WarningTold(text(fields["nodeid"]), dict(fields["told"]), fields["location"])


def _pack_worker(event: WorkerTold) -> dict[str, object]:
    return {"event": "worker", **event._asdict()}


def _unpack_worker(fields: Mapping[str, Any]) -> WorkerTold:
    return WorkerTold(text(fields["host"]), text(fields["worker"]), dict(fields["told"]))


Story: TypeAlias = StoryHeard | StoryTold | WarningTold | WorkerTold
Event: TypeAlias = FilesSeen | ResultsKept | StoryTold | WarningTold | WorkerTold
PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {
    FilesSeen: _pack_files,
    ResultsKept: _pack_kept,
    StoryTold: _pack_story,
    WarningTold: _pack_warning,
    WorkerTold: _pack_worker,
}
UNPACK: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "files": _unpack_files,
    "kept": _unpack_kept,
    "story": _unpack_story,
    "warning": _unpack_warning,
    "worker": _unpack_worker,
}
