"""The journal of a run: every event on its line, in the kernel's hands before the call returns.

The controller writes it while tests run, so it is cheap (one ``json`` encoding, one ``write``), needs only
the standard library, and never raises: a disk that fills up costs history, not the run. What was written
survives ``kill -9`` of the controller, since nothing waits in a buffer of ours.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_disttest.model import Attempt, Case, Outcome, Pass, Value
from pytest_disttest.store import layout
from pytest_disttest.store.events import (
    CasesPassed,
    CasesSeen,
    Event,
    HostSeen,
    NoteTaken,
    RunFinished,
    RunStarted,
    record_of,
    to_line,
)
from pytest_disttest.store.stories import FilesSeen, ResultsKept, Story
from pytest_disttest.store.storybook import Storybook
from pytest_disttest.store.timings import Measured

if TYPE_CHECKING:
    from pytest_disttest.store.failures import FailureTold
    from pytest_disttest.store.hardware import Chosen, DemandExplained, Given, HostProfiled
    from pytest_disttest.store.plans import RunJudged, RunPlanned
    from pytest_disttest.store.recoveries import RecoveryTried
    from pytest_disttest.store.stream import Stream

CASES_A_LINE = 500


def run_id(now: float, entropy: bytes) -> str:
    """Return a run's name that sorts by time: UTC date and time of *now*, then three bytes in hex.

    The first of them tells 1/256 s, so that two short runs of one second stand in their order; the others are
    *entropy*. Raises ValueError for less than two bytes of that.
    """
    if len(entropy) < 2:
        raise ValueError("a run id needs 2 bytes of entropy")
    fraction = int(now % 1 * 256)
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{fraction:02x}{entropy[:2].hex()}"


class Journal:
    """The open journal of one run.

    ``fault`` is None while all is well, else the first thing that went wrong, as one sentence; ``lost``
    counts the events that are not on the disk because of it. ``measured`` is how long each attempt took, and where, for
    later plans. A *stream* hears each line, too.
    """

    __slots__ = ("_descriptor", "_stories", "_stream", "_torn", "fault", "lost", "measured", "path")

    def __init__(self, path: Path, descriptor: int, stream: Stream | None = None) -> None:
        self.path = path
        self.fault: str | None = None
        self.lost = 0
        self.measured = Measured()
        self._descriptor = descriptor
        self._stories = Storybook(layout.stories_path(path))
        self._torn = False
        self._stream = stream

    @classmethod
    def create(
        cls,
        directory: Path,
        run_id: str,
        *,
        started_at: float,
        rootdir: str,
        args: Sequence[str],
        version: str,
        git_commit: str = "",
        stream: Stream | None = None,
        resumes: str = "",
    ) -> Journal:
        """Return the journal of a new run in the store *directory*, which is made if it is missing.

        *resumes* is the run that this one goes on with.

        Where it cannot be made (a read-only disk), the journal returned keeps nothing and says so in ``fault``.
        """
        path = layout.journal_path(directory, run_id)
        journal = cls(path, -1, stream)
        try:
            layout.prepare(directory)
            # No fork without exec may inherit the lock; Python's descriptors are closed on exec.
            journal._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o644)
            layout.lock_forever(journal._descriptor)
            journal._stories.open()
        except OSError as error:
            journal._fail(error)
        journal._append(RunStarted(run_id, started_at, rootdir, tuple(args), version, git_commit, resumes))
        return journal

    def host(
        self,
        name: str,
        *,
        transport: str,
        address: str,
        python: str,
        platform: str,
        workers: int,
        capabilities: Mapping[str, Value],
        state: str = "ready",
        reason: str = "",
    ) -> None:
        """Record a host, or what has become of it: the last record of a name counts."""
        known = tuple(capabilities.items())
        self._append(HostSeen(name, transport, address, python, platform, workers, known, state, reason))

    def cases(self, cases: Iterable[Case]) -> None:
        """Record collected cases; may be called again with more."""
        records = map(record_of, cases)
        while part := tuple(islice(records, CASES_A_LINE)):
            self._append(CasesSeen(part))

    def began(self, case: int, host: str, worker: str) -> None:
        """Tell a reader of the stream that a worker begins a case; nothing of that is recorded."""
        if self._stream is not None:
            from pytest_disttest.store.stream import CaseBegan

            self._stream.write(to_line(CaseBegan(case, host, worker, time.time())))

    def attempt(self, attempt: Attempt) -> None:
        """Record one attempt; a case's result is its attempt with the highest number, the later of equals."""
        if attempt.worker:
            self.measured.at(attempt.host, attempt.worker)
        if attempt.outcome is Outcome.PASSED:
            self.measured.add(attempt.case, *attempt.times)
        elif attempt.worker:
            self.measured.add_other(attempt.case)
        self._append(attempt)

    def passes(
        self,
        host: str,
        worker: str,
        passes: Sequence[Pass],
        *,
        lines: Sequence[int | None] = (),
        more: Iterable[tuple[int, Any]] = (),
    ) -> None:
        """Record attempts of one worker that passed without a word, all on one line; see ``CasesPassed``."""
        self.measured.at(host, worker)
        for case, _, _, setup_s, call_s, teardown_s in passes:
            self.measured.add(case, setup_s, call_s, teardown_s)
        self._append(CasesPassed(host, worker, tuple(passes), tuple(lines), tuple(more)))

    def story(self, event: Story) -> None:
        """Keep what pytest is told of a test, for a run that resumes this one; before the attempt is recorded."""
        self._stories.write(event)

    def files(self, fingerprints: Mapping[str, str]) -> None:
        """Record the files whose change makes results worthless, with a fingerprint of each."""
        self._append(FilesSeen(tuple(fingerprints.items())))

    def keep(self, event: HostSeen | Attempt | CasesPassed | ResultsKept) -> None:
        """Record what an earlier run has recorded before: this one measured nothing of it."""
        self._append(event)

    def hardware(self, event: HostProfiled | DemandExplained | Given | Chosen) -> None:
        """Record what a host has, what a demand met, or what an attempt was given."""
        self._append(event)

    def plan(self, event: RunPlanned | RunJudged) -> None:
        """Record what was expected of the run, or what it came to."""
        self._append(event)

    def recovery(self, event: RecoveryTried) -> None:
        """Record a recovery step that came to its end."""
        self._append(event)

    def failure(self, event: FailureTold) -> None:
        """Record what a failed attempt was taken for."""
        self._append(event)

    def note(self, kind: str, text: str, host: str = "", worker: str = "") -> None:
        """Record something else worth remembering; *kind* is one of a short, stable set of words."""
        self._append(NoteTaken(kind, text, host, worker, time.time()))

    def finish(self, *, exit_status: int, ended_at: float, is_whole: bool = True) -> None:
        """Record that the run came to its end; a journal without this line is an interrupted run's.

        One that *is_whole* cannot be resumed: no test of it is missing.
        """
        self._append(RunFinished(exit_status, ended_at))
        if is_whole:
            self._stories.remove()

    def close(self) -> None:
        """Release the journal for ingestion; harmless when repeated."""
        self._stories.close()
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
        if self._stream is not None:
            self._stream.close()

    def _append(self, event: Event) -> None:
        line = to_line(event)
        if self._stream is not None:
            self._stream.write(line)
        if self._torn:  # end the half line of an earlier fault, so that this one can be read
            line = b"\n" + line
        try:
            written = os.write(self._descriptor, line)
            self._torn = written != len(line)
            if self._torn:  # a disk that is nearly full: the next write tells why
                self._torn = os.write(self._descriptor, line[written:]) != len(line) - written
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self.lost += 1
        if self.fault is None:
            reason = error.strerror or str(error)
            self.fault = f"cannot write the run's journal {self.path}: {reason}"
