"""The journal: what is written is what is read, cheaply, and never at the cost of the run."""

import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_disttest import wire
from pytest_disttest.model import Attempt, Case, Demand, Outcome, PhaseTime, Requirement
from pytest_disttest.store import Journal, run_id
from pytest_disttest.store.events import (
    CaseRecord,
    CasesPassed,
    CasesSeen,
    HostSeen,
    NoteTaken,
    RunFinished,
    RunStarted,
    from_line,
    to_line,
)
from pytest_disttest.store.stories import FilesSeen, ResultsKept, StoryHeard, StoryTold, WarningTold, WorkerTold

# A process in another directory finds this checkout, installed or not.
IMPORTABLE = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
texts = st.text(st.characters(codec=None, categories=None)) | st.sampled_from(
    ["a\nb", "\ud83d\ude00", "\udc80", "\x85\u2028"]
)
counts = st.integers(0, 2**31 - 1)
seconds = st.floats(allow_nan=False)
attempts = st.builds(
    Attempt,
    counts,
    counts,
    texts,
    texts,
    st.sampled_from(Outcome),
    seconds,
    st.builds(PhaseTime, seconds, seconds, seconds),
    texts,
    texts,
)
scalars = texts | st.integers() | seconds | st.booleans()
values = scalars | st.lists(scalars).map(tuple)
capabilities = st.dictionaries(texts, values).map(lambda known: tuple(known.items()))
lists = st.lists(texts, max_size=3).map(tuple)
records = st.builds(CaseRecord, counts, texts, counts, texts, texts, texts, st.none() | counts, lists, lists)
told = st.recursive(st.none() | scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5)
entries = st.lists(st.tuples(texts, texts, texts), max_size=2).map(tuple)
reports = st.lists(st.tuples(st.dictionaries(texts, told), st.booleans(), st.booleans()), max_size=2).map(tuple)
passes = st.tuples(counts, counts, seconds, seconds, seconds, seconds)
events = st.one_of(
    attempts,
    st.builds(
        CasesPassed,
        texts,
        texts,
        st.lists(passes, max_size=3).map(tuple),
        st.lists(st.none() | counts, max_size=3).map(tuple),
        st.lists(st.tuples(counts, told), max_size=2).map(tuple),
    ),
    st.builds(RunStarted, texts, seconds, texts, lists, texts, texts, texts),
    st.builds(FilesSeen, st.lists(st.tuples(texts, texts), max_size=3).map(tuple)),
    st.builds(ResultsKept, texts, st.lists(counts, max_size=3).map(tuple)),
    st.builds(StoryTold, counts, counts, st.booleans(), reports, entries, counts),
    st.builds(WarningTold, texts, st.dictionaries(texts, told), told),
    st.builds(WorkerTold, texts, texts, st.dictionaries(texts, told)),
    st.builds(HostSeen, texts, texts, texts, texts, texts, counts, capabilities, texts, texts),
    st.builds(CasesSeen, st.lists(records, max_size=3).map(tuple)),
    st.builds(NoteTaken, texts, texts, texts, texts, seconds),
    st.builds(RunFinished, st.integers(-9, 300), seconds),
)


@given(events)
def test_a_line_gives_back_the_event_it_was_made_of(event):
    """Whatever the texts hold: newlines, lone surrogates, pairs of them."""
    line = to_line(event)

    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert event == from_line(line)


@given(counts, counts, st.booleans(), reports, entries, counts)
def test_a_story_is_kept_as_it_came_and_read_as_what_it_tells(case, number, again, reports, junit, failed):
    """The messages of the worker stand in the line unchanged, whatever the texts in them hold."""
    lines = [wire.pack(["report", number, *report]).rstrip() for report in reports]
    line = StoryHeard(case, number, again, lines, junit, failed).line(to_line)

    arrived = tuple(tuple(wire.unpack(line)[2:]) for line in lines)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert StoryTold(case, number, again, arrived, junit, failed) == from_line(line)


@given(events, st.data())
def test_a_torn_line_is_refused_not_misread(event, data):
    """Every beginning of a line but the whole of it is a ValueError."""
    line = to_line(event).removesuffix(b"\n")

    with pytest.raises(ValueError):
        from_line(line[: data.draw(st.integers(0, len(line) - 1))])


@given(st.binary() | st.sampled_from([b"{}", b"[]", b'{"event":"attempt"}', b"[" * 9999, b'{"event":[]}', b"1" * 9999]))
def test_damage_is_a_value_error_and_nothing_else(line):
    """A flipped bit must not stop the ingestion of the lines around it."""
    with pytest.raises(ValueError):
        from_line(line)


def test_a_run_id_sorts_by_time_and_needs_entropy():
    """The name begins with the moment in UTC."""
    assert run_id(0, b"\x1a\x2b") == "19700101-000000-001a2b"
    assert run_id(1.5, b"\x00\x00") > run_id(1.25, b"\xff\xff")  # two runs within a second
    with pytest.raises(ValueError, match="2 bytes"):
        run_id(0, b"a")


def journal_in(directory: Path, name: str = "20261123-184500-1a2b3c") -> Journal:
    return Journal.create(
        directory, name, started_at=1.0, rootdir="/suite", args=["-q"], version="0.1", git_commit="abc"
    )


def test_every_event_is_on_the_disk_when_its_call_returns(tmp_path):
    """Nothing waits in a buffer of ours, so nothing dies with the controller."""
    journal = journal_in(tmp_path)
    attempt = Attempt(0, 1, "local", "gw0", Outcome.PASSED, 2.0)
    case = Case(
        0, "a.py::t", location=("a.py", 4, "t"), demand=Demand(((Requirement("cores", ">=", 4),),)), groups=("db",)
    )
    journal.host(
        "local", transport="local", address="", python="3.11", platform="linux", workers=2, capabilities={"a": 1}
    )
    journal.cases([case])
    journal.attempt(attempt)
    journal.passes("local", "gw1", [(1, 1, 2.0, 0.1, 0.2, 0.3), (2, 1, 2.5, 0.1, 0.2, 0.3)])
    journal.finish(exit_status=0, ended_at=3.0)

    assert [from_line(line) for line in journal.path.read_bytes().splitlines()] == [
        RunStarted("20261123-184500-1a2b3c", 1.0, "/suite", ("-q",), "0.1", "abc"),
        HostSeen("local", "local", "", "3.11", "linux", 2, (("a", 1),)),
        CasesSeen((CaseRecord(0, "a.py::t", 0, "", "", "a.py", 4, ("cores >= 4",), ("db",)),)),
        attempt,
        CasesPassed("local", "gw1", ((1, 1, 2.0, 0.1, 0.2, 0.3), (2, 1, 2.5, 0.1, 0.2, 0.3))),
        RunFinished(0, 3.0),
    ]
    assert journal.fault is None
    journal.close()


def test_the_store_keeps_itself_out_of_version_control(tmp_path):
    """A new store ignores all of itself, and says what it is."""
    journal_in(tmp_path / ".disttest").close()

    assert (tmp_path / ".disttest/.gitignore").read_text() == "*\n"
    assert "pytest-disttest" in (tmp_path / ".disttest/README.txt").read_text()


def test_many_cases_take_few_lines(tmp_path):
    """Five hundred cases share a line."""
    journal = journal_in(tmp_path)
    journal.cases(Case(i, f"t{i}") for i in range(1001))
    journal.close()

    assert len(journal.path.read_bytes().splitlines()) == 1 + math.ceil(1001 / 500)


def test_a_store_that_cannot_be_made_costs_the_history_not_the_run(tmp_path):
    """The journal then keeps nothing and says why, in one sentence."""
    (tmp_path / ".disttest").write_text("a file where the store should be")
    journal = journal_in(tmp_path / ".disttest")
    journal.attempt(Attempt(0, 1, "local", "gw0", Outcome.PASSED, 2.0))
    journal.close()
    journal.close()

    assert journal.fault is not None and "cannot write the run's journal" in journal.fault
    assert journal.lost > 0


FULL_DISK = """
import resource, sys
from pathlib import Path
from pytest_disttest.model import Attempt, Outcome
from pytest_disttest.store import Journal

journal = Journal.create(Path(sys.argv[1]), "r", started_at=1.0, rootdir="", args=[], version="")
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
for number in range(50):
    journal.attempt(Attempt(number, 1, "local", "gw0", Outcome.PASSED, 2.0, message="x" * 100))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.attempt(Attempt(99, 1, "local", "gw0", Outcome.PASSED, 2.0))
print(journal.fault)
print(journal.lost)
"""


def test_a_full_disk_is_remembered_and_what_comes_after_it_can_be_read(tmp_path):
    """A write that the kernel cuts short leaves half a line; the next one starts afresh."""
    done = subprocess.run([sys.executable, "-c", IMPORTABLE + FULL_DISK, tmp_path], capture_output=True, text=True)
    fault, lost = done.stdout.splitlines()
    readable = []
    for line in (tmp_path / "runs/r.ndjson").read_bytes().splitlines():
        try:
            readable.append(from_line(line))
        except ValueError:
            continue

    assert "cannot write the run's journal" in fault, done.stderr
    assert isinstance(readable[-1], Attempt) and readable[-1].case == 99
    assert len([event for event in readable if isinstance(event, Attempt)]) == 51 - int(lost)


def test_an_attempt_costs_microseconds(tmp_path):
    """About 6 measured; the bound leaves room for a slow machine, not for a flush to the disk."""
    journal = journal_in(tmp_path)
    attempt = Attempt(0, 1, "local", "gw0", Outcome.PASSED, 2.0, PhaseTime(0.1, 0.2, 0.3))
    costs = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(2000):
            journal.attempt(attempt)
        costs.append((time.process_time() - began) / 2000)
    journal.close()

    assert min(costs) < 30e-6


def test_the_journal_and_the_package_do_not_import_duckdb(tmp_path):
    """Only an ingestion and a question to the history do: a plan's durations, and the end of a short run, do not."""
    code = (
        "import sys; from pathlib import Path; from pytest_disttest import store; d = Path(sys.argv[1])\n"
        "store.Journal.create(d, 'r', started_at=1.0, rootdir='', args=[], version='').close()\n"
        "store.remember_durations(d, [('a', 1.0)])\n"
        "assert store.durations(d) == {'a': 1.0} and not store.is_ingestion_due(d, lasted_s=1)\n"
        "d = d / 'none'\n"
        "assert store.durations(d) == {} and store.ingest(d) == store.IngestSummary() and not d.exists()\n"
        "assert not {'duckdb', 'rich', 'networkx', 'execnet'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", IMPORTABLE + code, tmp_path], check=True)
