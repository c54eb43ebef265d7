"""A project of a user's, run by pytest in a process of its own, on this machine and on hosts behind sshd."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import duckdb
from rigs.sshd import SshHost

from pytest_disttest.store import ingest

MARK = "DISTTEST_ACCEPTANCE"
"""The variable by which every process of one project is known, on all hosts: see ``Project.processes``."""

TIME_LIMIT_S = 90.0


@dataclass(frozen=True)
class Ran:
    """A finished pytest process; *outcomes* counts (file, class and name, outcome)."""

    code: int
    out: str
    err: str
    seconds: float
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def text(self) -> str:
        """Both streams, for messages."""
        return f"{self.out}\n--- stderr ---\n{self.err}"

    @property
    def summary(self) -> str:
        """The last line that says something."""
        return self.out.strip().splitlines()[-1].strip("= ") if self.out.strip() else ""

    def named(self, outcome: str) -> set[str]:
        """Return the names of the tests with this outcome, their classes left out."""
        return {name.rsplit(" ", 1)[-1] for _, name, found in self.outcomes if found == outcome}

    def lines(self, *words: str) -> list[str]:
        """Return the lines of the output in which all *words* occur."""
        return [line for line in self.out.splitlines() if all(word in line for word in words)]


@dataclass(frozen=True)
class Attempt:
    """A row of the store."""

    nodeid: str
    host: str
    worker: str
    outcome: str
    message: str


class Project:
    """A directory with tests, the hosts it may use, and the pytest that runs it.

    Every process of its runs carries ``MARK`` in its environment, remote ones too: the hosts' Python is a script
    that sets it. *inside* turns the argv of a run into one that reaches the hosts.
    """

    def __init__(self, place: Path, hosts: Sequence[SshHost]) -> None:
        self.root = place / "project"
        self.root.mkdir(parents=True)
        self.place = place
        self.hosts = tuple(hosts)
        self.inside: Callable[[Sequence[str]], list[str]] = list
        self.mark = f"{os.getpid()}-{place}"
        self.python = place / "python"
        self.python.write_text(f"#!/bin/sh\nexport {MARK}='{self.mark}'\nexec {sys.executable} \"$@\"\n")
        self.python.chmod(0o755)
        self.inventory = place / "hosts.toml"
        self.describe()

    def describe(self, more: str = "", **changes: Mapping[str, str]) -> None:
        """Write the inventory: each host has one worker and its own name as a tag.

        *changes* give a host other words than the usual, as TOML values; *more* is added.
        """
        parts = [more, '[hosts.local]\nworkers = 1\ntags = ["local"]\n']
        for host in self.hosts:
            words = {
                "address": f'"{host.name}"',
                "ssh_config": f'"{host.ssh_config}"',
                "directory": f'"{self.place / host.name}"',
                "python": f'"{self.python}"',
                "tags": f'["{host.name}"]',
                "workers": "1",
                **changes.get(host.name, {}),
            }
            parts.append(f"[hosts.{host.name}]\n" + "".join(f"{key} = {value}\n" for key, value in words.items()))
        self.inventory.write_text("\n".join(parts))

    def write(self, **files: str) -> Project:
        """Write files: ``test_a`` is ``test_a.py``."""
        return self.write_files({f"{name}.py": text for name, text in files.items()})

    def write_files(self, files: Mapping[str, str]) -> Project:
        """Write files by their paths; common indentation is removed."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return self

    def tree(self, host: str) -> Path:
        """Return the copy of the project on a host."""
        [tree] = (self.place / host).glob("*/tree")
        return tree

    def command(self, *words: str | Path, hosts: str = "local,host1,host2") -> list[str]:
        """Return the argv of a run on *hosts*, on "" that of plain pytest."""
        base = [sys.executable, "-m", "pytest", "-p", "pytest_disttest.plugin"]
        # "=", because pytest takes an existing path after a plugin's option for a test path and moves its rootdir
        spread = ["--dist-hw", f"--hw-inventory={self.inventory}", f"--hw-hosts={hosts}"] if hosts else []
        return [*base, *spread, *map(str, words)]

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a run."""
        return {
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            MARK: self.mark,
            **more,
        }

    def start(
        self, *words: str | Path, hosts: str = "local,host1,host2", cwd: Path | None = None, **environment: str
    ) -> subprocess.Popen[str]:
        """Start pytest in a session of its own."""
        return subprocess.Popen(
            self.inside(self.command(*words, hosts=hosts)),
            cwd=cwd or self.root,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )

    def run(
        self, *words: str | Path, hosts: str = "local,host1,host2", cwd: Path | None = None, **environment: str
    ) -> Ran:
        """Run pytest to its end."""
        report = self.place / "report.xml"
        report.unlink(missing_ok=True)
        more = (f"--junitxml={report}", "-ojunit_family=xunit1")
        return self.finish(self.start(*more, *words, hosts=hosts, cwd=cwd, **environment))

    def finish(self, process: subprocess.Popen[str], *, within_s: float = TIME_LIMIT_S) -> Ran:
        """Wait for a started pytest and return what it said; one that does not end is killed, and fails the test."""
        begun = time.monotonic()
        try:
            out, err = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.sweep()
            out, err = process.communicate()
            words = f"{out[-6000:]}\n--- stderr ---\n{err[-3000:]}"
            raise AssertionError(f"did not end within {within_s} s\n{words}") from None
        return Ran(process.returncode, out, err, time.monotonic() - begun, outcomes_of(self.place / "report.xml"))

    def command_line(self, *words: str) -> str:
        """Return what the ``disttest`` command prints in the project, which must not fail."""
        argv = [sys.executable, "-c", "import sys; from pytest_disttest.cli import main; sys.exit(main())", *words]
        done = subprocess.run(argv, cwd=self.root, env=self.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempts(self, run: int = 1) -> list[Attempt]:
        """Return what the store keeps of the newest run (2: of the one before), in the order of arrival."""
        with self._history() as store:
            rows = store.execute(
                "SELECT nodeid, host, worker, outcome, message FROM attempts JOIN cases USING (run_id, case_index) "
                "WHERE run_id = (SELECT run_id FROM runs ORDER BY run_id DESC LIMIT 1 OFFSET ?) ORDER BY sequence",
                [run - 1],
            ).fetchall()
        return [Attempt(*row) for row in rows]

    def _history(self) -> duckdb.DuckDBPyConnection:
        """Return the history, the journals that waited brought in."""
        store = self.root / ".disttest"
        ingest(store)
        return duckdb.connect(str(store / "history.duckdb"), read_only=True)

    def newest_run(self) -> tuple[str, int | None]:
        """Return state and exit status of the newest run in the store."""
        with self._history() as store:
            row = store.execute("SELECT state, exit_status FROM runs ORDER BY run_id DESC LIMIT 1").fetchone()
        assert row is not None
        return row

    def agents(self, host: SshHost) -> list[int]:
        """Return the ids of this project's agents on *host*."""
        below = host.processes()
        return [pid for pid, command in self.processes().items() if pid in below and "sys.stdin.readline" in command]

    def processes(self) -> dict[int, str]:
        """Return all processes of this project's runs, by id, with their command lines."""
        return marked_processes(self.mark)

    def sweep(self) -> None:
        """Kill what is left of this project's runs: none may outlive its test."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def marked_processes(mark: str) -> dict[int, str]:
    """Return the processes with *mark* in their environment, by id, with their command lines; no zombies."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def outcomes_of(report: Path) -> Counter[tuple[str, str, str]]:
    """Return the cases of a JUnit report as (file, class and name, outcome); a missing report has none."""
    if not report.exists():
        return Counter()
    return Counter(
        (case.get("file", ""), f"{case.get('classname')} {case.get('name')}", "+".join(_kinds(case)) or "passed")
        for case in ElementTree.parse(report).iter("testcase")
    )


def _kinds(case: ElementTree.Element) -> list[str]:
    return sorted(child.tag for child in case if child.tag in ("failure", "error", "skipped"))
