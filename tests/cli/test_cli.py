"""The `disttest` command: what it prints, and how it refuses."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pytest_disttest import __version__
from pytest_disttest.cli import main
from pytest_disttest.model import Attempt, Case, Outcome, PhaseTime
from pytest_disttest.store import Journal

OLD, NEW = "20261123-184500-aaaaaa", "20261123-190000-bbbbbb"
ROOT = Path(__file__).parents[2]
COMMAND = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pytest_disttest.cli import main; sys.exit(main())",
]


def write_run(directory: Path, run_id: str, *, finished: bool = True) -> None:
    """A run with a pass, a failure, a test that passed at its second attempt, and one that fits no host."""
    journal = Journal.create(
        directory,
        run_id,
        started_at=1e9,
        rootdir="/suite",
        args=["-k", "a b"],
        version="0.1",
        git_commit="abcdef0123456",
    )
    known = {"python": "3.11", "platform": "linux", "workers": 2, "capabilities": {"cores": 2}}
    journal.host("here", transport="local", address="", **known)
    journal.host("gpu", transport="ssh", address="me@gpu", state="lost", reason="silent for 30 s", **known)
    journal.cases([*(Case(i, f"a.py::t{i}") for i in range(3)), Case(3, "a.py::t[\udc80\x1b]"), Case(4, "b.py::never")])
    journal.attempt(Attempt(0, 1, "here", "gw0", Outcome.PASSED, 1e9, PhaseTime(0, 1.5, 0)))
    journal.attempt(
        Attempt(1, 1, "here", "gw0", Outcome.FAILED, 1e9, message="assert 1 == 2\nmore", longrepr="E  boom\x1b[31m")
    )
    journal.attempt(Attempt(2, 1, "gpu", "gw1", Outcome.CRASHED, 1e9, message="killed by SIGSEGV"))
    journal.attempt(Attempt(2, 2, "here", "gw0", Outcome.PASSED, 1e9, PhaseTime(0, 70, 0)))
    journal.attempt(Attempt(3, 1, "", "", Outcome.UNPLACED, 1e9, message="no host has gpu >= 1"))
    if finished:
        journal.finish(exit_status=1, ended_at=1e9 + 90)
    journal.close()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with two runs, the older one killed; the current directory lies deep in it."""
    write_run(tmp_path / ".disttest", OLD, finished=False)
    write_run(tmp_path / ".disttest", NEW)
    (tmp_path / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep/er")
    return tmp_path


@pytest.fixture
def disttest(capsys):
    """Run the command; returns exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as ending:
            code = ending.code
        return code, *capsys.readouterr()

    return run


def test_runs_lists_the_newest_first(project, disttest):
    """Journals that wait are brought in first, so that a killed run is listed, too."""
    code, out, err = disttest("runs")

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{'run':22}  started (UTC)        took  state        exit  tests  {'outcomes':30}  commit",
        f"{NEW}  2001-09-09 01:46:40  1:30  finished        1      5  1 failed, 2 passed, 1 unplaced  abcdef0123",
        f"{OLD}  2001-09-09 01:46:40  1:10  interrupted            5  1 failed, 2 passed, 1 unplaced  abcdef0123",
    ]


def test_runs_can_be_limited_and_read_by_programs(project, disttest):
    """The JSON holds the whole header."""
    code, out, _ = disttest("runs", "--limit", "1", "--json")

    assert code == 0
    assert json.loads(out) == [
        {
            "run_id": NEW, "state": "finished", "started_at": 1e9, "ended_at": 1e9 + 90, "exit_status": 1,
            "rootdir": "/suite", "args": ["-k", "a b"], "version": "0.1", "git_commit": "abcdef0123456",
            "cases": 5, "attempts": 5, "unreadable_lines": 0, "outcomes": {"failed": 1, "passed": 2, "unplaced": 1},
        }
    ]  # fmt: skip


SHOWN = rf"""run {NEW}: exit status 1
  started   2001-09-09 01:46:40 UTC, took 1:30
  command   pytest -k 'a b'
  in        /suite, commit abcdef0123456, pytest-disttest 0.1
  outcomes  1 failed, 2 passed, 1 unplaced; 5 tests, 5 attempts

hosts
host  address  workers  attempts    busy  state                  python  platform
gpu   me@gpu         2         1  0.00 s  lost: silent for 30 s  3.11    linux
here  local          2         3    1:11  ready                  3.11    linux

slowest
  took  outcome  host  test
  1:10  passed   here  a.py::t2
1.50 s  passed   here  a.py::t0

1 failure
a.py::t1: failed on here (gw0)
  assert 1 == 2

not run
test                 outcome   reason
a.py::t[\udc80\x1b]  unplaced  no host has gpu >= 1

flaky: passed after a failed attempt
test      attempts  failed on  first failure
a.py::t2         2  gpu        killed by SIGSEGV
"""


@pytest.mark.parametrize("wanted", ["last", NEW, "20261123-19"])
def test_show_tells_about_one_run(project, disttest, wanted):
    """By id, by a unique beginning of it, or the last one."""
    assert disttest("show", wanted) == (0, SHOWN, "")


def test_show_failed_adds_the_tracebacks(project, disttest):
    """And leaves out all else; terminal codes in them are harmless."""
    code, out, err = disttest("show", "last", "--failed")

    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"run {NEW}: 1 failure",
        "",
        "a.py::t1: failed on here (gw0)",
        "  assert 1 == 2",
        "    E  boom\\x1b[31m",
    ]


def test_show_can_be_read_by_programs(project, disttest):
    """All parts of a report, or only the failures."""
    whole = json.loads(disttest("show", OLD, "--json")[1])
    failed = json.loads(disttest("show", OLD, "--json", "--failed")[1])

    assert list(whole) == ["run", "hosts", "slowest", "failures", "not_run", "flaky", "notes", "changes"]
    assert whole["run"]["state"] == "interrupted"
    assert whole["hosts"][0]["capabilities"] == {"cores": 2}
    assert failed == {"run": whole["run"], "failures": whole["failures"]}
    assert [failure["nodeid"] for failure in whole["failures"]] == ["a.py::t1"]
    assert [(row["nodeid"], row["outcome"]) for row in whole["not_run"]] == [("a.py::t[\\udc80\x1b]", "unplaced")]


@pytest.mark.parametrize(
    ("wanted", "said", "hint"),
    [
        ("20261123-1", "2 runs begin with '20261123-1'", f"newest of them: {NEW}, {OLD}"),
        ("20261123-184500-aaaaab", "no run begins with", f"did you mean '{OLD}'"),
        ("x", "no run begins with 'x'", f"the last runs: {NEW}, {OLD}"),
        ("", "no run begins with ''", f"the last runs: {NEW}, {OLD}"),
    ],
)
def test_a_run_that_is_not_there_is_a_usage_error_that_names_others(project, disttest, wanted, said, hint):
    """Exit code 4, one fact, one hint."""
    code, out, err = disttest("show", wanted)

    assert (code, out) == (4, "")
    assert said in err and f"hint: {hint}" in err


@pytest.mark.parametrize(
    "arguments",
    [(), ("rnus",), ("runs", "--limit", "0"), ("runs", "--limit", "x"), ("show",), ("runs", "--lim", "3"), ("--nope",)],
)
def test_a_wrong_command_line_ends_with_pytests_code(disttest, arguments):
    """And with a hint where to look."""
    code, out, err = disttest(*arguments)

    assert (code, out) == (4, "")
    assert "hint: `disttest" in err


@pytest.mark.parametrize("command", [("runs",), ("show", "last"), ("ingest",)])
def test_without_a_store_there_is_one_clear_line(tmp_path, monkeypatch, disttest, command):
    """Nothing is made by looking."""
    monkeypatch.chdir(tmp_path)
    code, out, err = disttest(*command)

    assert (code, out) == (1, "")
    assert "there is no store at" in err and "--store DIR" in err
    assert not list(tmp_path.iterdir())


def test_an_empty_store_has_no_runs(tmp_path, disttest):
    """Which is an answer for a list, and an error for one run."""
    (tmp_path / "runs").mkdir()

    assert disttest("runs", "--store", str(tmp_path))[:2] == (
        0, f"no runs are kept in {tmp_path}; `pytest --dist-hw` makes one\n",
    )  # fmt: skip
    assert disttest("show", "last", "--store", str(tmp_path))[0] == 1


def test_ingest_says_what_it_did(project, disttest):
    """As text, and as JSON."""
    assert disttest("ingest") == (0, "ingested 2 runs with 10 attempts, 1 interrupted\n", "")
    assert json.loads(disttest("ingest", "--json")[1])["runs"] == []


def test_a_damaged_history_is_mended_by_looking_at_it(project, disttest):
    """One sentence on stderr, and the runs on stdout."""
    disttest("ingest")
    (project / ".disttest/history.duckdb").write_bytes(b"garbage" * 1000)
    code, out, err = disttest("runs")

    assert code == 0
    assert NEW in out and OLD in out
    assert "moved to history.duckdb.corrupt-" in err


def test_a_history_of_another_program_is_one_clear_line(project, disttest):
    """Never a traceback."""
    with duckdb.connect(str(project / ".disttest/history.duckdb")) as connection:
        connection.execute("CREATE TABLE other (x INTEGER)")
    code, out, err = disttest("runs")

    assert (code, out) == (1, "")
    assert "holds no history of pytest-disttest" in err and "hint: move it away" in err


def test_version(disttest):
    """Of the package."""
    assert disttest("--version") == (0, f"disttest {__version__}\n", "")


def test_a_reader_that_goes_away_is_no_error(project):
    """`disttest runs | head -1` ends quietly."""
    with subprocess.Popen(
        [*COMMAND, "show", "last"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_a_terminal_of_few_letters_shows_the_rest_escaped(project):
    """A node id that ASCII cannot hold does not stop the table."""
    write_run(project / ".disttest", "20261124-000000-é")
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([*COMMAND, "runs"], capture_output=True, env=environ)

    assert done.returncode == 0, done.stderr
    assert rb"20261124-000000-\xe9" in done.stdout


@pytest.mark.parametrize(("environ", "drawn"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_tables_are_drawn_on_a_terminal_unless_no_color_is_set(project, environ, drawn):
    """The same content either way."""
    controller, terminal = pty.openpty()
    settings = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen(
        [*COMMAND, "runs"],
        stdout=terminal,
        stderr=subprocess.PIPE,
        env={**settings, "TERM": "xterm", "COLUMNS": "160", **environ},
    ) as process:
        os.close(terminal)
        shown = io.BytesIO()
        try:
            while piece := os.read(controller, 65536):
                shown.write(piece)
        except OSError:  # how Linux says that the other end of a pty is gone
            pass
        os.close(controller)
        assert process.wait() == 0, process.stderr.read()

    text = shown.getvalue().decode()
    assert NEW in text
    assert ("─" in text and "\x1b[" in text) == drawn


INVENTORY = """
[hosts.gpu]
address = "me@gpu:2222"
workers = 4
tags = ["cuda", "fast"]
environment = { TOKEN = "secret" }

[hosts.old]
address = "old"
enabled = false
"""


def test_hosts_lists_the_inventory(project, disttest):
    """Disabled hosts, too; the project is found from a directory deep in it."""
    (project / "disttest.toml").write_text(INVENTORY)
    code, out, err = disttest("hosts")
    titles, *rows = out.splitlines()

    assert (code, err) == (0, "")
    assert titles.split("  ")[0] == "host"
    assert [row.split()[:7] for row in rows] == [
        ["gpu", "ssh", "me@gpu:2222", "4", "cuda,", "fast", "not"],
        ["old", "ssh", "old", "auto", "disabled", *rows[1].split()[5:7]],
    ]


def test_hosts_for_programs_keeps_secrets(project, disttest):
    """Of the environment only the names."""
    (project / "mine.toml").write_text(INVENTORY)
    code, out, _ = disttest("hosts", "--json", "--inventory", str(project / "mine.toml"))

    assert code == 0
    assert [(host["name"], host["environment"], host["enabled"]) for host in json.loads(out)] == [
        ("gpu", ["TOKEN"], True),
        ("old", [], False),
    ]
    assert "secret" not in out


def test_without_an_inventory_the_command_says_what_happens_then(project, disttest):
    """The machine itself is the one host."""
    (project / "pytest.ini").touch()

    assert disttest("hosts")[1] == "no hosts are described; without any, `pytest --dist-hw` uses this machine\n"


def test_a_wrong_inventory_is_a_usage_error(project, disttest):
    """It names the place."""
    (project / "disttest.toml").write_text("[hosts.gpu]\naddres = 'x'\n")
    code, out, err = disttest("hosts")

    assert (code, out) == (4, "")
    assert "disttest.toml" in err and "address" in err
