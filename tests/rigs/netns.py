"""Hosts that can fall silent: each a network, process and hostname namespace with an sshd, on a bridge of its own.

The controller's end is a namespace too, without a default route: with the bridge in the machine's own namespace,
a cut link would remove the route and spill packets into the machine's real network. So whatever shall reach the
hosts runs inside that namespace::

    with namespace_hosts(tmp_path, 2) as rig:
        subprocess.run(rig.inside([sys.executable, "-m", "pytest", "--dist-hw", f"--hw-hosts=..."]))
        rig.link_down(rig.hosts[0])
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from rigs.ci import ON_CI
from rigs.processes import is_running, wait_until
from rigs.sshd import SshHost, make_key, require_sshd, start_sshd, write_client_files

SUBNET = "10.77.0"


@dataclass(frozen=True)
class NamespaceHosts:
    """The running hosts; *prefix* begins the names of their namespaces, *controller* is the one to run in."""

    hosts: tuple[SshHost, ...]
    prefix: str

    @property
    def controller(self) -> str:
        """The name of the namespace that sees the hosts."""
        return f"{self.prefix}ctl"

    def inside(self, command: Sequence[str]) -> list[str]:
        """Return the argv that runs *command* where the hosts can be reached."""
        return ["ip", "netns", "exec", self.controller, *command]

    def link_down(self, host: SshHost) -> None:
        """Cut the cable: packets vanish in both directions, and nobody is told."""
        ip("-n", self.controller, "link", "set", f"to-{host.name}", "down")

    def link_up(self, host: SshHost) -> None:
        """Mend the cable."""
        ip("-n", self.controller, "link", "set", f"to-{host.name}", "up")

    def drop(self, host: SshHost, *, percent: int, one_way: bool = False) -> None:
        """Let so many of a hundred packets vanish, by chance, in both directions, or only those that come from there.

        By nftables: this kernel may lack ``netem``.
        """
        drops = "drop" if percent >= 100 else f"numgen random mod 100 < {percent} drop"
        chain = "chain {hook} {{ type filter hook {hook} priority 0\nip {side} {ip} {drops}\n}}\n"
        rules = chain.format(hook="input", side="saddr", ip=host.ip, drops=drops)
        if not one_way:
            rules += chain.format(hook="output", side="daddr", ip=host.ip, drops=drops)
        self._nft(f"table ip losses {{\n{rules}}}\n")

    def drop_nothing(self) -> None:
        """Let all packets through again."""
        self._nft("delete table ip losses")

    def _nft(self, rules: str) -> None:
        subprocess.run(self.inside(["nft", "-f", "-"]), input=rules, text=True, check=True, capture_output=True)

    def crash(self, host: SshHost) -> None:
        """Kill every process of the host, and wait until none is left; its sshd does not come back."""
        processes = host.processes()
        kill_namespace(host.pid)
        assert wait_until(lambda: not any(map(is_running, processes))), processes


def require_namespaces() -> None:
    """Skip the test without root or ip(8); on CI fails instead when only ip(8) is missing."""
    if os.geteuid() != 0:
        pytest.skip("needs root to make network namespaces")
    if not (shutil.which("ip") and shutil.which("unshare")):
        message = "needs ip and unshare: apt-get install iproute2 util-linux"
        if ON_CI:
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    probe = f"dtprobe{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make network namespaces")
    ip("netns", "del", probe)


@contextlib.contextmanager
def namespace_hosts(directory: Path, count: int) -> Iterator[NamespaceHosts]:
    """Yield a rig of *count* hosts whose files lie below *directory*; everything is taken down afterwards."""
    sshd = require_sshd()
    require_namespaces()
    directory.mkdir(parents=True, exist_ok=True)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    make_key(directory / "client_key")
    prefix = f"dt{os.getpid()}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(controller_namespace(f"{prefix}ctl"))
        numbers = range(1, count + 1)
        hosts = tuple(stack.enter_context(namespace_host(sshd, directory, prefix, number)) for number in numbers)
        write_client_files(directory, hosts)
        yield NamespaceHosts(hosts, prefix)


@contextlib.contextmanager
def namespace(name: str) -> Iterator[None]:
    """Hold a network namespace with nothing but its loopback device."""
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        ip("netns", "del", name)


@contextlib.contextmanager
def controller_namespace(name: str) -> Iterator[None]:
    """Hold the namespace with the bridge that all hosts hang on."""
    with namespace(name):
        ip("-n", name, "link", "add", "br0", "type", "bridge")
        ip("-n", name, "addr", "add", f"{SUBNET}.1/24", "dev", "br0")
        ip("-n", name, "link", "set", "br0", "up")
        yield


@contextlib.contextmanager
def namespace_host(sshd: str, directory: Path, prefix: str, number: int) -> Iterator[SshHost]:
    """Hold one host: a namespace, its cable to the bridge, and an sshd as the only process group in it."""
    name, address = f"host{number}", f"{SUBNET}.{number + 10}"
    home = directory / name
    home.mkdir(exist_ok=True)
    make_key(home / "host_key")
    with namespace(f"{prefix}{name}"):
        connect(prefix, name, address)
        outer = ["ip", "netns", "exec", f"{prefix}{name}", "unshare", "--uts", "--pid", "--fork", "--mount-proc"]
        launcher = home / "launch"
        launcher.write_text(f'#!/bin/sh\nhostname {name}\nexec {sshd} "$@"\n')
        launcher.chmod(0o755)
        process = start_sshd([*outer, "--kill-child", str(launcher)], home, address, 22)
        try:
            await_answer(f"{prefix}ctl", address, home)
            yield SshHost(name, address, 22, home, directory / "ssh_config", process.pid)
        finally:
            kill_namespace(process.pid)
            process.wait(10)


def connect(prefix: str, name: str, address: str) -> None:
    """Lay the cable between the bridge and a host."""
    controller, host = f"{prefix}ctl", f"{prefix}{name}"
    ip("-n", controller, "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", host)
    ip("-n", controller, "link", "set", f"to-{name}", "master", "br0", "up")
    ip("-n", host, "addr", "add", f"{address}/24", "dev", "eth0")
    ip("-n", host, "link", "set", "eth0", "up")


def await_answer(controller: str, address: str, home: Path) -> None:
    """Wait until the host's sshd can be reached from the controller's namespace."""
    scan = ["ip", "netns", "exec", controller, "ssh-keyscan", "-T", "1", "-t", "ed25519", address]
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        if subprocess.run(scan, capture_output=True).stdout:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{address} does not answer: {(home / 'sshd.log').read_text()[-2000:]}")


def kill_namespace(pid: int) -> None:
    """Kill the launcher of a host; with its first process gone, the kernel ends all others of the namespace."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def ip(*words: str) -> None:
    """Change the network by one command of iproute2; what it refuses is an error."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
