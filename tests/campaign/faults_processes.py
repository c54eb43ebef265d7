"""Processes that are killed or stopped."""

from __future__ import annotations

import signal
from pathlib import Path

from campaign.fault import Fault
from campaign.scene import Scene
from rigs.processes import descendants


def kill_worker(scene: Scene) -> bool:
    """The worker that began the latest test, on a host by chance."""
    return scene.hit(scene.latest_on(scene.chance.choice(["local", "host1"])))


def stop_worker(scene: Scene) -> bool:
    return scene.hit(scene.latest_on(scene.chance.choice(["local", "host1"])), signal.SIGSTOP)


def kill_local_agent(scene: Scene) -> bool:
    return scene.hit_all(scene.agents("local"))


def kill_agent(scene: Scene) -> bool:
    return scene.hit_all(scene.agents("host1"))


def stop_agent(scene: Scene) -> bool:
    return scene.hit_all(scene.agents("host1"), signal.SIGSTOP)


def stop_local_agent(scene: Scene) -> bool:
    return scene.hit_all(scene.agents("local"), signal.SIGSTOP)


def sessions(scene: Scene) -> list[int]:
    """The sshd processes of the host below the one that listens, not what runs below these."""
    return [pid for pid in scene.host.processes() if Path(f"/proc/{pid}/comm").read_text().startswith("sshd")]


def kill_sshd_child(scene: Scene) -> bool:
    return scene.hit_all(sessions(scene))


def kill_ssh(scene: Scene) -> bool:
    found = [pid for pid, command in scene.processes().items() if command.startswith("ssh ")]
    return scene.hit_all(found)


def crash_host(scene: Scene) -> bool:
    scene.host.crash()
    return True


def kill_fork_server(scene: Scene) -> bool:
    """The process of this machine that workers are forked from."""
    assert scene.process is not None
    below = [pid for pid in descendants(scene.process.pid) if pid in scene.processes()]
    zygotes = [pid for pid in below if len(descendants(pid)) > 1]
    return scene.hit_all(zygotes)


def kill_controller(scene: Scene) -> bool:
    return not scene.is_over() and scene.hit(scene.process.pid if scene.process else None)


CRASH = r"(crashed while running|died \(killed by SIGKILL\)|killed by SIGKILL)"
LOST = r"host1.*(is lost|lost:|connection|ended before Python was ready|cannot be reached)"

FAULTS = (
    Fault("kill -9 of a worker", kill_worker, harm=1, words=(CRASH,), leased=True),
    Fault("SIGSTOP of a worker", stop_worker, harm=1, words=(r"stopped",), options=("--hw-heartbeat=2",), leased=True),
    Fault("kill -9 of a host's agent", kill_agent, words=(LOST,), early=True, leased=True),
    Fault("kill -9 of this machine's agent", kill_local_agent, words=(r"local.*lost",), early=True),
    Fault("SIGSTOP of a host's agent", stop_agent, words=(r"silent",), options=("--hw-heartbeat=2",), leased=True),
    Fault("SIGSTOP of this machine's agent", stop_local_agent, words=(r"silent",), options=("--hw-heartbeat=2",)),
    Fault("kill -9 of the host's sshd child", kill_sshd_child, words=(LOST,), early=True),
    # Not early: a host that is not open yet cannot be lost, and the screen says "ended before Python was ready" then.
    Fault("kill -9 of ssh here", kill_ssh, words=(LOST,)),
    # Early, it may strike before there is anything to lose, and the host opens as if nothing had been.
    Fault("crash of a host", crash_host, words=(LOST,)),
    Fault(
        "kill -9 of the fork server", kill_fork_server, rig="", hosts="local", ends=True, harm=2, words=(r"lost|died",)
    ),
    Fault("kill -9 of the controller", kill_controller, resumes=True, early=False, leased=True, clears_s=20),
)
