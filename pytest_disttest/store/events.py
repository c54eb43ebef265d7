r"""What a journal says, as values, and their form on a line.

One event is one line of JSON in UTF-8, ended by ``\n``. Text may hold lone surrogates (pytest node ids
of undecodable files do): they are written with ``surrogatepass``, so that what is read back equals what
was written. Only ``\n`` ends a line; JSON escapes it inside texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pytest_disttest.model import Attempt, Case, Outcome, Pass, PhaseTime, Value
from pytest_disttest.store.fields import LARGEST_COUNT, check_counts, check_types, count, fact, text

if TYPE_CHECKING:
    from pytest_disttest.store.seldom import Event as Seldom
    from pytest_disttest.store.stories import FilesSeen, ResultsKept, Story

FORMAT = 1

# Attempts and cases are rows, not objects: half the time to write, a quarter to read. The order of an
# attempt's row belongs to the format; it stands in the journal's first line for people who read one.
ATTEMPT_ROW = (
    "case", "number", "host", "worker", "outcome", "started_at", "setup_s", "call_s", "teardown_s", "message",
    "longrepr",
)  # fmt: skip
_ATTEMPT_TYPES = (int, int, str, str, str, str)

# Most attempts pass without a word, and arrive many at once: a line for all of them, of what tells them apart.
PASS_ROW = ("case", "number", "started_at", "setup_s", "call_s", "teardown_s")
_PASS_TYPES = (int, int, float, float, float, float)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_decode = json.JSONDecoder().raw_decode


class RunStarted(NamedTuple):
    """The first line of every journal. *started_at* is POSIX seconds, *resumes* the run that it goes on with."""

    run_id: str
    started_at: float
    rootdir: str = ""
    args: tuple[str, ...] = ()
    version: str = ""
    git_commit: str = ""
    resumes: str = ""


class HostSeen(NamedTuple):
    """A host as the run knows it now; a later event of the same name replaces an earlier one."""

    name: str
    transport: str
    address: str
    python: str
    platform: str
    workers: int
    capabilities: tuple[tuple[str, Value], ...] = ()
    state: str = "ready"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """What the store keeps of a case; *requirements* as the text that their ``str`` gives, *line* 0-based or None."""

    index: int
    nodeid: str
    occurrence: int = 0
    file: str = ""
    cls: str = ""
    path: str = ""
    line: int | None = None
    requirements: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    deselected: bool = False


class CasesSeen(NamedTuple):
    """A part of the table of cases."""

    cases: tuple[CaseRecord, ...]


class CasesPassed(NamedTuple):
    """Attempts of one worker that passed without a word, in the order in which they ended.

    *lines* are where the tests stand in their files, and *more* what else was told of some, by place in *rows*: a run
    that resumes this one tells pytest of them again.
    """

    host: str
    worker: str
    rows: tuple[Pass, ...]
    lines: tuple[int | None, ...] = ()
    more: tuple[tuple[int, Any], ...] = ()


class NoteTaken(NamedTuple):
    """Something worth remembering that is no attempt: a worker died, a host was lost. *at* is POSIX seconds."""

    kind: str
    text: str
    host: str = ""
    worker: str = ""
    at: float = 0.0


class RunFinished(NamedTuple):
    """The last line of a journal whose controller came to its end. *ended_at* is POSIX seconds."""

    exit_status: int
    ended_at: float


Basic = RunStarted | HostSeen | CasesSeen | CasesPassed | Attempt | NoteTaken | RunFinished
Event: TypeAlias = "Basic | FilesSeen | ResultsKept | Story | Seldom"


def record_of(case: Case) -> CaseRecord:
    """Return what the store keeps of *case*."""
    path, line, _ = case.location
    wishes = tuple(map(str, case.requirements))
    return CaseRecord(
        case.index, case.nodeid, case.occurrence, case.file, case.cls, path, line, wishes, case.groups, case.deselected
    )


def to_line(event: Event) -> bytes:
    """Return *event* as one line of a journal, its newline included."""
    pack = _PACK.get(type(event)) or _rare("PACK", type(event))
    return _encode(pack(event)).encode("utf-8", "surrogatepass") + b"\n"


def from_line(line: bytes) -> Event:
    """Return the event on *line*; ValueError for a torn, foreign or damaged one."""
    try:
        written = line.decode("utf-8", "surrogatepass")
        fields, end = _decode(written)  # without the search for blanks that loads() does: a fifth of its time
        if written[end:] not in ("", "\n"):
            raise ValueError(f"more than one value: {written[end:]!r}")
        unpack = _UNPACK.get(fields["event"]) or _rare("UNPACK", fields["event"])
        event: Event = unpack(fields)
        return event
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"no event of a journal: {line[:60]!r}") from error


def _rare(table: str, key: Any) -> Any:
    """Return what a *table* has of events that stand few times in a journal, if at all; imported where there is one."""
    from pytest_disttest.store import stories

    if key in getattr(stories, table):
        return getattr(stories, table)[key]
    from pytest_disttest.store import seldom

    return getattr(seldom, table)[key]


def _pack_run(event: RunStarted) -> dict[str, object]:
    return {
        "event": "run",
        "format": FORMAT,
        "attempt_row": ATTEMPT_ROW,
        "pass_row": PASS_ROW,
        "run": event.run_id,
        "started_at": event.started_at,
        "rootdir": event.rootdir,
        "args": event.args,
        "version": event.version,
        "git_commit": event.git_commit,
        **({"resumes": event.resumes} if event.resumes else {}),
    }


def _unpack_run(fields: Mapping[str, Any]) -> RunStarted:
    return RunStarted(
        text(fields["run"]),
        float(fields["started_at"]),
        text(fields.get("rootdir", "")),
        tuple(map(text, fields.get("args", ()))),
        text(fields.get("version", "")),
        text(fields.get("git_commit", "")),
        text(fields.get("resumes", "")),
    )


def _pack_host(event: HostSeen) -> dict[str, object]:
    return {
        "event": "host",
        "name": event.name,
        "transport": event.transport,
        "address": event.address,
        "python": event.python,
        "platform": event.platform,
        "workers": event.workers,
        "capabilities": dict(event.capabilities),
        "state": event.state,
        "reason": event.reason,
    }


def _unpack_host(fields: Mapping[str, Any]) -> HostSeen:
    capabilities = tuple((text(key), fact(value)) for key, value in fields["capabilities"].items())
    return HostSeen(
        text(fields["name"]),
        text(fields["transport"]),
        text(fields["address"]),
        text(fields["python"]),
        text(fields["platform"]),
        count(fields["workers"]),
        capabilities,
        text(fields["state"]),
        text(fields["reason"]),
    )


_CASE_COLUMNS = (
    "index", "nodeid", "occurrence", "file", "cls", "path", "line", "requirements", "groups", "deselected",
)  # fmt: skip
_CASE_TYPES = (int, str, int, str, str, str, int, list, list, bool)


def _pack_cases(event: CasesSeen) -> dict[str, object]:
    rows = [
        (
            c.index, c.nodeid, c.occurrence, c.file, c.cls, c.path, -1 if c.line is None else c.line,
            c.requirements, c.groups, c.deselected,
        )
        for c in event.cases
    ]  # fmt: skip
    return {"event": "cases", "columns": _CASE_COLUMNS, "rows": rows}


def _unpack_cases(fields: Mapping[str, Any]) -> CasesSeen:
    in_order = itemgetter(*map(fields["columns"].index, _CASE_COLUMNS))
    return CasesSeen(tuple(_unpack_case(in_order(row)) for row in fields["rows"]))


def _unpack_case(row: tuple[Any, ...]) -> CaseRecord:
    check_types(row, _CASE_TYPES)
    index, nodeid, occurrence, file, cls, path, line, requirements, groups, deselected = row
    check_counts(index, occurrence)
    return CaseRecord(
        index,
        nodeid,
        occurrence,
        file,
        cls,
        path,
        line if 0 <= line <= LARGEST_COUNT else None,
        tuple(map(text, requirements)),
        tuple(map(text, groups)),
        deselected,
    )


def _pack_attempt(event: Attempt) -> dict[str, object]:
    times = event.times
    row = (
        event.case, event.number, event.host, event.worker, event.outcome._value_, event.started_at,
        times.setup_s, times.call_s, times.teardown_s, event.message, event.longrepr,
    )  # fmt: skip
    return {"event": "attempt", "row": row}


def _unpack_attempt(fields: Mapping[str, Any]) -> Attempt:
    case, number, host, worker, outcome, started_at, setup_s, call_s, teardown_s, message, longrepr = fields["row"]
    check_types((case, number, host, worker, message, longrepr), _ATTEMPT_TYPES)
    check_counts(case, number)
    times = PhaseTime(float(setup_s), float(call_s), float(teardown_s))
    return Attempt(case, number, host, worker, _OUTCOMES[outcome], float(started_at), times, message, longrepr)


def _pack_passes(event: CasesPassed) -> dict[str, object]:
    fields: dict[str, object] = {
        "event": "passes",
        "host": event.host,
        "worker": event.worker,
        "rows": event.rows,
        "lines": event.lines,
    }
    return {**fields, "more": event.more} if event.more else fields


def _unpack_passes(fields: Mapping[str, Any]) -> CasesPassed:
    rows: tuple[Any, ...] = tuple(map(tuple, fields["rows"]))
    for row in rows:
        check_types(row, _PASS_TYPES)
        check_counts(row[0], row[1])
    lines, more = tuple(fields.get("lines", ())), tuple(map(tuple, fields.get("more", ())))
    return CasesPassed(text(fields["host"]), text(fields["worker"]), rows, lines, more)


def _pack_note(event: NoteTaken) -> dict[str, object]:
    texts = {"kind": event.kind, "text": event.text, "host": event.host, "worker": event.worker}
    return {"event": "note", **texts, "at": event.at}


def _unpack_note(fields: Mapping[str, Any]) -> NoteTaken:
    return NoteTaken(
        text(fields["kind"]),
        text(fields["text"]),
        text(fields["host"]),
        text(fields["worker"]),
        float(fields["at"]),
    )


def _pack_finish(event: RunFinished) -> dict[str, object]:
    return {"event": "finish", "exit_status": event.exit_status, "ended_at": event.ended_at}


def _unpack_finish(fields: Mapping[str, Any]) -> RunFinished:
    exit_status = int(fields["exit_status"])
    check_counts(abs(exit_status))
    return RunFinished(exit_status, float(fields["ended_at"]))


_OUTCOMES = {outcome.value: outcome for outcome in Outcome}

_PACK: Mapping[type, Callable[[Any], dict[str, object]]] = {
    RunStarted: _pack_run,
    HostSeen: _pack_host,
    CasesSeen: _pack_cases,
    CasesPassed: _pack_passes,
    Attempt: _pack_attempt,
    NoteTaken: _pack_note,
    RunFinished: _pack_finish,
}

_UNPACK: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "run": _unpack_run,
    "host": _unpack_host,
    "cases": _unpack_cases,
    "passes": _unpack_passes,
    "attempt": _unpack_attempt,
    "note": _unpack_note,
    "finish": _unpack_finish,
}
