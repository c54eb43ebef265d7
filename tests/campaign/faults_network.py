"""Links that are cut, lossy, late or slower and slower, and a host that shows another key."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from campaign.fault import Fault
from campaign.means import no_drops, no_namespaces
from campaign.scene import DISTTEST, Scene
from rigs.sshd import make_key

DELAYED = Path(__file__).with_name("delayed.py")
SHORT = ("--hw-heartbeat=2",)


def cut(scene: Scene) -> bool:
    """The cable is out until the trial is over."""
    scene.ground.netns.link_down(scene.host)
    scene.stack.callback(scene.ground.netns.link_up, scene.host)
    return True


def cut_for(scene: Scene, seconds: float) -> bool:
    cut(scene)
    time.sleep(seconds)
    scene.ground.netns.link_up(scene.host)
    return True


def blip(scene: Scene) -> bool:
    return cut_for(scene, scene.chance.uniform(0.3, 1.2))


def partition_that_heals(scene: Scene) -> bool:
    """By then the host is given up, and its agent has given up the controller."""
    return cut_for(scene, scene.chance.uniform(3.0, 8.0))


def drop(scene: Scene, percent: int, *, one_way: bool = False) -> bool:
    scene.ground.netns.drop(scene.host, percent=percent, one_way=one_way)
    scene.stack.callback(scene.ground.netns.drop_nothing)
    return True


def lose_some(scene: Scene) -> bool:
    return drop(scene, 30)


def lose_all_one_way(scene: Scene) -> bool:
    """What the host says is heard no more; it hears us."""
    return drop(scene, 100, one_way=True)


def delay(scene: Scene, seconds: float) -> Path:
    """Put a relay into the path to the host, which delays each byte; return the file that says how long."""
    file = scene.place / "delay"
    file.write_text(str(seconds))
    host = scene.host
    lines = f"Host {host.name}\n  ProxyCommand {sys.executable} {DELAYED} {host.ip} {host.port} {file}\n"
    scene.ssh_config = scene.place / "ssh_config"
    scene.ssh_config.write_text(lines + host.ssh_config.read_text())
    return file


def half_a_second(scene: Scene) -> None:
    delay(scene, 0.25)


def begin_slow(scene: Scene) -> None:
    scene.memory["delay"] = delay(scene, 0.01)


def slower_and_slower(scene: Scene) -> bool:
    """Each third of a second, every byte takes half as long again as before."""
    over = threading.Event()
    thread = threading.Thread(target=_slow_down, args=(scene.memory["delay"], over))
    thread.start()
    scene.stack.callback(thread.join)
    scene.stack.callback(over.set)
    return True


def _slow_down(file: Path, over: threading.Event) -> None:
    seconds = 0.05
    while not over.wait(0.3):
        seconds = min(seconds * 1.5, 60.0)
        file.write_text(str(seconds))


def change_host_key(scene: Scene) -> None:
    """What ssh knows of the host is another key."""
    make_key(scene.place / "other_key")
    kind, key = (scene.place / "other_key.pub").read_text().split()[:2]
    known = scene.place / "known_hosts"
    known.write_text(f"[{scene.host.ip}]:{scene.host.port} {kind} {key}\n")
    scene.ssh_config = scene.place / "ssh_config"
    lines = f"Host {scene.host.name}\n  UserKnownHostsFile {known}\n"
    scene.ssh_config.write_text(lines + scene.host.ssh_config.read_text())


SILENT = r"host1 is lost: silent"
NETNS = {"rig": "netns", "needs": no_namespaces, "tests": 60, "clears_s": 15.0}

FAULTS = (
    Fault("a link that is cut", cut, words=(SILENT,), options=SHORT, leased=True, **NETNS),
    Fault("a link that is cut for a moment", blip, never=(r"is lost",), options=("--hw-heartbeat=6",), **NETNS),
    Fault("a partition that heals", partition_that_heals, words=(SILENT,), options=SHORT, **NETNS),
    Fault("a link that carries one way only", lose_all_one_way, words=(SILENT,), options=SHORT,
          **{**NETNS, "needs": no_drops}),
    Fault("30 % loss", lose_some, limit_s=90, **{**NETNS, "needs": no_drops}),
    Fault("500 ms latency", before=half_a_second, never=(r"is lost",), limit_s=90),
    Fault("a host that answers ever slower", slower_and_slower, before=begin_slow, options=("--hw-heartbeat=3",),
          tests=60, clears_s=20),
    Fault("a changed host key", before=change_host_key, words=(r"host1.*host key is not the one",),
          engines=(DISTTEST,)),
)  # fmt: skip
