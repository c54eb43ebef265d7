"""``disttest runs``, ``show`` and ``ingest`` after real runs: what happened, and nothing that did not."""

from __future__ import annotations

import shutil
import signal

import pytest
from rigs.processes import descendants, is_running, wait_until

from pytest_disttest.store import MOST_WAITING, durations

SUITE = {
    "disttest.toml": '[hosts.desk]\naddress = "local"\nworkers = 2\ntags = ["oak"]\n',
    "test_a.py": """
        import os, pytest, sys, time
        @pytest.mark.dependency
        def test_fails(): assert "left" == "right"
        @pytest.mark.dependency(depends=["test_fails"])
        def test_is_blocked(): pass
        @pytest.mark.hw(tags="moon")
        def test_is_unplaced(): pass
        def test_skips(): pytest.skip("because")
        @pytest.mark.xfail
        def test_xfails(): assert 0
        @pytest.mark.xfail
        def test_xpasses(): pass
        @pytest.fixture
        def broken(): raise RuntimeError("no kettle")
        def test_errors(broken): pass
        def test_slow(): time.sleep(0.3)
        @pytest.mark.parametrize("n", range(3))
        def test_quick(n): pass
        """,
    "test_b.py": """
        import os, sys
        def test_crashes():
            sys.stderr.write("last words\\n")
            sys.stderr.flush()
            os.abort()
        """,
}
OUTCOMES = {
    "passed": 4, "failed": 1, "error": 1, "crashed": 1, "skipped": 1, "xfailed": 1, "xpassed": 1, "blocked": 1,
    "unplaced": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def past(shared_suite):
    """A suite with two runs behind it: everything that can happen, then one test that passes."""
    made = shared_suite(SUITE)
    made.first = made.distributed("--hw-hosts=desk", workers=None)
    made.second = made.distributed("-k", "slow", workers=1)
    return made


def test_runs_lists_both(past):
    """Newest first, with exit status and every outcome; as a table and as JSON."""
    newest, first = past.json("runs")
    table = past.command("runs").stdout.splitlines()

    assert past.first.exit_code == 1 and past.second.exit_code == 0, past.first
    assert (newest["exit_status"], newest["cases"], newest["outcomes"]) == (0, 1, {"passed": 1})
    assert (first["state"], first["exit_status"], first["cases"]) == ("finished", 1, 12), first
    assert first["outcomes"] == OUTCOMES
    assert first["args"][-2:] == ["--dist-hw", "--hw-hosts=desk"]
    assert newest["run_id"] in table[1] and first["run_id"] in table[2]
    assert "1 failed, 1 error, 1 crashed, 4 passed, 1 skipped, 1 blocked, 1 unplaced" in table[2]


def test_show_tells_each_failure_with_its_message(past):
    """Of the run named by its id, the beginning of its id; with the crashed worker's last words."""
    run_id = past.json("runs")[1]["run_id"]
    told = past.json("show", run_id)

    failures = {row["nodeid"]: row for row in told["failures"]}
    assert {nodeid: row["outcome"] for nodeid, row in failures.items()} == {
        "test_a.py::test_fails": "failed", "test_a.py::test_errors": "error", "test_b.py::test_crashes": "crashed",
    }  # fmt: skip
    assert "assert 'left' == 'right'" in failures["test_a.py::test_fails"]["message"]
    assert "no kettle" in failures["test_a.py::test_errors"]["longrepr"]
    assert "SIGABRT" in failures["test_b.py::test_crashes"]["message"], failures
    assert told["slowest"][0]["nodeid"] == "test_a.py::test_slow" and told["slowest"][0]["duration_s"] >= 0.3
    assert [(host["name"], host["state"], host["workers"]) for host in told["hosts"]] == [("desk", "ready", 2)]
    assert told["hosts"][0]["capabilities"]["tag"] == ["oak"]


def test_show_tells_why_tests_were_not_run(past):
    """Those that no host fits and those that waited for a failure; they are no failures."""
    run_id = past.json("runs")[1]["run_id"]

    assert past.json("show", run_id)["not_run"] == [
        {"nodeid": "test_a.py::test_is_blocked", "occurrence": 0, "outcome": "blocked",
         "message": "test_is_blocked depends on test_fails"},
        {"nodeid": "test_a.py::test_is_unplaced", "occurrence": 0, "outcome": "unplaced",
         "message": "tag = moon: desk does not offer it"},
    ]  # fmt: skip


def test_show_can_be_read_by_people(past):
    """Sections for what there is, none for what there is not."""
    first = past.command("show", past.json("runs")[1]["run_id"]).stdout
    last = past.command("show", "last").stdout
    failed = past.command("show", past.json("runs")[1]["run_id"], "--failed").stdout

    assert "3 failures\n" in first and "not run\n" in first and "hosts\n" in first
    assert "test_a.py::test_fails: failed on desk (gw" in first
    assert "failures\n" not in last and "not run\n" not in last and "outcomes  1 passed; 1 test, 1 attempt" in last
    assert "    E   AssertionError: assert 'left' == 'right'" in failed
    assert failed.count("killed by SIGABRT") == 1 and "    last words" in failed, failed


@pytest.fixture
def killed(suite):
    """A suite whose run was killed by ``kill -9`` after its first test, and the processes that the run had."""
    made = suite({"test_a.py": "import time\ndef test_quick(): pass\ndef test_slow(): time.sleep(60)\n"})
    process = made.start("--dist-hw", "--hw-workers=1")
    journals = made.directory / ".disttest/runs"
    assert wait_until(lambda: any('"passes"' in file.read_text() for file in journals.glob("*")), timeout_s=60)
    others = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return made, others


def test_a_run_that_was_killed_can_be_brought_in(killed):
    """``disttest ingest``: what had ended is there, the run is called interrupted, nobody stays behind."""
    made, others = killed

    ingested = made.json("ingest")

    [run] = made.json("runs")
    assert (run["state"], run["exit_status"], run["outcomes"]) == ("interrupted", None, {"passed": 1}), run
    assert ingested["runs"] == ingested["interrupted"] == [run["run_id"]]
    assert "interrupted before its end" in made.command("show", "last").stdout
    assert others and wait_until(lambda: not any(map(is_running, others)), timeout_s=10)


def test_a_run_that_was_killed_is_listed_with_the_next(killed):
    """Without a word too many."""
    made, _ = killed

    ran = made.distributed("-k", "quick", workers=1)

    assert ran.exit_code == 0, ran
    assert [run["state"] for run in made.json("runs")] == ["finished", "interrupted"]


def test_a_short_run_leaves_its_journal_to_whoever_looks(suite):
    """DuckDB costs a short run more than its tests; what was measured is at hand for the next plan all the same."""
    made = suite({"test_a.py": "import time\ndef test_a(): time.sleep(0.1)\n"})
    store = made.directory / ".disttest"
    ran = made.distributed(workers=1)
    kept = sorted(path.name for path in store.iterdir())

    assert ran.exit_code == 0, ran
    assert kept == [".gitignore", "README.txt", "durations.ndjson", "runs"]
    assert list(durations(store)) == ["test_a.py::test_a"] and durations(store)["test_a.py::test_a"] >= 0.1
    assert [run["outcomes"] for run in made.json("runs")] == [{"passed": 1}]
    assert (store / "history.duckdb").exists()


def test_when_many_journals_wait_a_short_run_ingests_and_tells_of_a_damaged_history(suite):
    """So that they do not pile up where nobody ever looks; nothing of what it says is lost on the user."""
    made = suite({"test_a.py": "def test_a(): pass\n"})
    runs = made.directory / ".disttest/runs"
    made.distributed(workers=1)
    [journal] = runs.glob("*.ndjson")
    for number in range(MOST_WAITING):
        shutil.copy(journal, runs / f"20200101-000000-{number:06}.ndjson")
    (runs.parent / "history.duckdb").write_bytes(b"garbage" * 1000)
    ran = made.distributed(workers=1)

    assert ran.exit_code == 0 and "moved to history.duckdb.corrupt-" in ran.output, ran
    assert not list(runs.glob("*.ndjson"))
    assert len(made.json("runs", "--limit=1000")) == MOST_WAITING + 2


def test_without_a_store_the_command_says_what_to_do(suite):
    """No traceback, exit code 1; a wrong command is a usage error."""
    made = suite({})

    nothing, wrong, unknown = made.command("runs"), made.command("rnus"), made.command("show", "last")

    assert nothing.returncode == unknown.returncode == 1 and wrong.returncode == 4
    assert "there is no store at" in nothing.stderr and "run `pytest --dist-hw` first" in nothing.stderr
    assert "rnus" in wrong.stderr and "Traceback" not in wrong.stderr + nothing.stderr + unknown.stderr
