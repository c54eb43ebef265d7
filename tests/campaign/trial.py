"""One trial: a real run of a generated suite, one fault at a seeded moment, and what held."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

from campaign import suite
from campaign.fault import Fault
from campaign.ground import Ground
from campaign.scene import Scene
from campaign.verdict import Verdict, judge

SETTLED_S = 0.2


def attempt(fault: Fault, ground: Ground, place: Path, *, engine: str, seed: int) -> Verdict:
    """Run *fault* once below *place*, which is removed when all went well, and return the verdict."""
    chance = random.Random(f"{fault.name}-{seed}")
    verdict = Verdict(fault.name, engine, seed)
    place.mkdir(parents=True)
    scene = Scene(place, ground, fault.rig, engine, chance)
    with scene.stack:
        scene.stack.callback(scene.sweep)
        total = set_up(fault, scene)
        began = time.monotonic()
        code = play(fault, scene, verdict, total=total)
        verdict.seconds = time.monotonic() - began
        await_the_end(fault, scene, verdict)
        judge(verdict, fault, scene, total=total, code=code)
    if verdict.is_good:
        shutil.rmtree(place, ignore_errors=True)
    return verdict


def set_up(fault: Fault, scene: Scene) -> int:
    """Write the suite and everything about the hosts; return how many tests there are."""
    leased = fault.leased and scene.engine == "disttest"
    lab = suite.write_lab(scene.place) if leased else None
    if fault.before is not None:
        fault.before(scene)
    scene.write_wrappers(lab)
    scene.write_inventory()
    return suite.write_suite(
        scene.root, scene.ledger, tests=fault.tests, pace_s=fault.pace_s, leased=leased, fault=fault.victims
    )


def play(fault: Fault, scene: Scene, verdict: Verdict, *, total: int) -> int | None:
    """Start the run, strike, and wait for its end; return its exit status, None for one that hangs."""
    give_up = time.monotonic() + fault.limit_s
    scene.start(fault.hosts, fault.options)
    if fault.strike is not None:
        moment(fault, scene, total=total)
        verdict.struck = fault.strike(scene)
    code = end_of_run(scene, give_up, verdict)
    if fault.resumes and code is not None and verdict.struck and scene.engine == "disttest":
        scene.screen.rename(scene.place / "screen-1")
        scene.start(fault.hosts, (*fault.options, "--hw-resume"))
        code = end_of_run(scene, time.monotonic() + fault.limit_s, verdict)
    return code


def moment(fault: Fault, scene: Scene, *, total: int) -> None:
    """Wait for the seeded moment: early on, or when some of the tests have begun."""
    if fault.early and scene.chance.random() < 0.3:
        time.sleep(scene.chance.uniform(0.05, 1.0))
        return
    begun = scene.chance.randint(2, max(2, total // 3))
    scene.wait_for(lambda: len(scene.ran()) >= begun, limit_s=fault.limit_s / 2)


def end_of_run(scene: Scene, give_up: float, verdict: Verdict) -> int | None:
    """Wait for the run; one that is late is killed, which is noted."""
    assert scene.process is not None
    while scene.process.poll() is None:
        if time.monotonic() > give_up:
            verdict.hung.append("the run did not end within its limit")
            scene.sweep()
            scene.process.wait(10)
            return None
        time.sleep(0.01)
    return scene.process.returncode


def await_the_end(fault: Fault, scene: Scene, verdict: Verdict) -> None:
    """Give what is left of the run the time that it may take to end by itself, and note who does not."""
    give_up = time.monotonic() + fault.clears_s
    while (left := scene.processes()) and time.monotonic() < give_up:
        time.sleep(0.05)
    verdict.left += [f"process {pid}: {command[:80]}" for pid, command in left.items()]
