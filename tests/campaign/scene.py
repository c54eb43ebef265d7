"""One trial's stage: its suite, its hosts as the run sees them, its processes, and how to find who is to be hit."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from acceptance.hosts.bench import MARK, marked_processes
from campaign import suite
from campaign.ground import Ground
from rigs.processes import descendants, is_running
from rigs.sshd import SshHost

ROOT = Path(__file__).parents[2]
DISTTEST, XDIST = "disttest", "xdist"


@dataclass
class Scene:
    """What a fault needs to strike: who runs, where, and a source of chance. *rig* names the kind of remote hosts.

    *stack* holds what the trial undoes at its end; *memory* is for what a fault remembers between its acts.
    *environment* is the controller's, *everywhere* is set on hosts too.
    """

    place: Path
    ground: Ground
    rig: str
    engine: str
    chance: random.Random
    ssh_config: Path | None = None
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    environment: dict[str, str] = field(default_factory=dict)
    everywhere: dict[str, str] = field(default_factory=dict)
    wrapper: dict[str, str] = field(default_factory=dict)
    host_words: dict[str, str] = field(default_factory=dict)
    memory: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.root = self.place / "project"
        self.ledger = self.place / "ledger"
        self.screen = self.place / "screen"
        self.junit = self.place / "report.xml"
        self.mark = f"{os.getpid()}-{self.place}"

    # hosts

    @property
    def remote(self) -> tuple[SshHost, ...]:
        """The hosts of the trial beside this machine."""
        if self.rig == "ssh":
            return self.ground.ssh
        return self.ground.netns.hosts if self.rig == "netns" else ()

    @property
    def host(self) -> SshHost:
        """The remote host that faults strike."""
        return self.remote[0]

    def write_wrappers(self, lab: Path | None) -> None:
        """Write each remote host's Python: a script that sets what ssh does not bring along."""
        for host in self.remote:
            words = {
                MARK: self.mark,
                "CAMPAIGN_WHERE": host.name,
                "DISTTEST_LEASES": str(self.place / "leases"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                **({"PYTHONPATH": str(lab)} if lab else {}),
                **self.everywhere,
            }
            lines = [f"export {key}='{value}'" for key, value in words.items()]
            more = self.wrapper.get(host.name, "")
            path = self.place / f"python-{host.name}"
            path.write_text("\n".join(["#!/bin/sh", *lines, more, f'exec {sys.executable} "$@"']) + "\n")
            path.chmod(0o755)

    def write_inventory(self) -> Path:
        """Write the inventory: one worker on each host."""
        parts = ["[hosts.local]\nworkers = 2\n"]
        for host in self.remote:
            words = {
                "address": host.name,
                "ssh_config": str(self.ssh_config or host.ssh_config),
                "directory": str(self.place / host.name),
                "python": str(self.place / f"python-{host.name}"),
                **(self.host_words if host is self.host else {}),
            }
            tags = f'workers = 2\ntags = ["{host.name}"]\n'
            parts.append(f"[hosts.{host.name}]\n{tags}" + "".join(f'{key} = "{word}"\n' for key, word in words.items()))
        path = self.place / "hosts.toml"
        path.write_text("\n".join(parts))
        return path

    # the run

    def command(self, hosts: str, options: tuple[str, ...]) -> list[str]:
        """Return the argv of the run."""
        base = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rfE", f"--junitxml={self.junit}"]
        if self.engine == DISTTEST:
            spread = ["-p", "pytest_disttest.plugin", "--dist-hw", f"--hw-inventory={self.place / 'hosts.toml'}"]
            words = [*base, *spread, f"--hw-hosts={hosts}", *options]
        else:
            words = [*base, "-p", "xdist.plugin", "-p", "no:disttest", *self._xdist_words(hosts)]
        return self.ground.netns.inside(words) if self.rig == "netns" else words

    def _xdist_words(self, hosts: str) -> list[str]:
        if hosts == "local":
            return ["-n", "2"]
        words = ["-d", "--tx", "2*popen"]
        for name in hosts.split(","):
            if name == "local":
                continue
            host = next(host for host in self.remote if host.name == name)
            config = self.ssh_config or host.ssh_config
            python = self.place / f"python-{name}"
            words += ["--tx", f"2*ssh=-F {config} {name}//python={python}//chdir={self.root}"]
        return words

    def start(self, hosts: str, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
        """Start the run in a session of its own; what it says goes into a file."""
        environment = {
            **{key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"},
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(self.place / "lab")]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "DISTTEST_LEASES": str(self.place / "leases"),
            "CAMPAIGN_WHERE": "local",
            MARK: self.mark,
            **self.everywhere,
            **self.environment,
        }
        with self.screen.open("ab") as screen:
            self.process = subprocess.Popen(
                self.command(hosts, options),
                cwd=self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.process is None or self.process.poll() is not None

    def ran(self) -> list[suite.Ran]:
        """Return what ran so far."""
        return suite.read_ledger(self.ledger)

    def wait_for(self, condition: Callable[[], object], *, limit_s: float = 20.0) -> bool:
        """Wait until *condition* holds; false when the run, or the time, is over first."""
        give_up = time.monotonic() + limit_s
        while not condition():
            if self.is_over() or time.monotonic() > give_up:
                return False
            time.sleep(0.005)
        return True

    # whom to hit

    def processes(self) -> dict[int, str]:
        """Return all processes of this trial, by id, with their command lines."""
        return marked_processes(self.mark)

    def latest_on(self, where: str) -> int | None:
        """Return the process that began the latest test on a host (not one in namespaces), if it is there."""
        pids = [ran.pid for ran in reversed(self.ran()) if ran.where == where]
        return next((pid for pid in pids if is_running(pid)), None)

    def agents(self, where: str) -> list[int]:
        """Return the agents on a host: processes of ours there with several threads, the controller apart."""
        found = self.processes()
        if where == "local":
            below = set(descendants(self.process.pid)) if self.process else set()
        else:
            below = set(self.host.processes())
        return [pid for pid in found if pid in below and threads_of(pid) > 1 and not found[pid].startswith("ssh ")]

    def hit(self, pid: int | None, number: int = signal.SIGKILL) -> bool:
        """Send a signal to a process, and return whether there was one."""
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def hit_all(self, pids: Iterable[int], number: int = signal.SIGKILL) -> bool:
        """Send a signal to each of these processes, and return whether there was any."""
        return [self.hit(pid, number) for pid in pids].count(True) > 0

    def sweep(self) -> None:
        """Kill what is left of the trial."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def threads_of(pid: int) -> int:
    """Return how many threads a process has; 0 for one that is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0
