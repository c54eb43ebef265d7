"""Plays incidents through on made-up fleets, by the learned order of recovery steps and by the fixed one.

    python tests/bench/recoveries.py [--seeds 20] [--incidents 400]

Two rows: the *lab*, three classes of hosts whose rates of success and costs are written out below (invented, but each
for a reason that labs know), on which the fixed order is often wrong; and *any fleet*, whose rates are drawn evenly
from 5 to 95 % and whose costs are the usual ones times or divided by 3, on which it is wrong by chance only. Incidents
come at random. One arm tries the steps in the fixed order, the other in the order that the record of its own tries
advises, which is empty at first; the second half of the incidents is compared. What a step would cost and whether it
would help is the same for both. Where all fail, the host is quarantined, and its work waits for a minute.

Exit code 2: the target, for the lab, was missed.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.pop(0)  # tests/bench: its profile.py would hide the standard library's
    sys.path.insert(0, str(ROOT))

from pytest_disttest.recovery.classes import FailureClass  # noqa: E402 -- the path comes first
from pytest_disttest.recovery.record import Record, StepTried  # noqa: E402
from pytest_disttest.recovery.steps import Step, fixed_order  # noqa: E402

CLASSES = tuple(failure for failure in FailureClass if failure.is_infrastructure)
CRASH, LOST, DEVICE, ENVIRONMENT = (
    FailureClass.CRASH, FailureClass.HOST_LOST, FailureClass.DEVICE, FailureClass.ENVIRONMENT
)  # fmt: skip
GIVEN_UP_S = 60.0
LEAST_GAIN = 0.30

Cell = tuple[Step, FailureClass, str]


class Truth(NamedTuple):
    """What a step is really like: the *rate* at which it helps, its typical *cost_s*, and that where it does not."""

    rate: float
    cost_s: float
    in_vain_s: float


Fleet = Mapping[Cell, Truth]

LAB: Fleet = {
    # a rack of servers: a GPU that is lost stays lost, and so does one that is not reset by its owner
    (Step.RESPAWN_WORKER, CRASH, "server"): Truth(0.85, 1.5, 1.5),
    (Step.MOVE, CRASH, "server"): Truth(0.9, 5, 8),
    (Step.RECONNECT, LOST, "server"): Truth(0.4, 5, 32),
    (Step.RESPAWN_AGENT, LOST, "server"): Truth(0.8, 4, 30),
    (Step.MOVE, LOST, "server"): Truth(0.97, 6, 10),
    (Step.REPROBE, DEVICE, "server"): Truth(0.1, 2, 3),
    (Step.RESET_DEVICE, DEVICE, "server"): Truth(0.3, 15, 25),
    (Step.MOVE, DEVICE, "server"): Truth(0.95, 6, 10),
    (Step.RESYNC, ENVIRONMENT, "server"): Truth(0.1, 3, 3),
    (Step.REPROBE, ENVIRONMENT, "server"): Truth(0.1, 2, 3),
    (Step.MOVE, ENVIRONMENT, "server"): Truth(0.9, 5, 8),
    # boards on USB: one that hangs does not answer, but a reset helps; others like it are few and busy
    (Step.RESPAWN_WORKER, CRASH, "board"): Truth(0.5, 3, 4),
    (Step.MOVE, CRASH, "board"): Truth(0.9, 5, 8),
    (Step.RECONNECT, LOST, "board"): Truth(0.1, 8, 32),
    (Step.RESPAWN_AGENT, LOST, "board"): Truth(0.05, 5, 30),
    (Step.MOVE, LOST, "board"): Truth(0.95, 5, 10),
    (Step.REPROBE, DEVICE, "board"): Truth(0.3, 3, 5),
    (Step.RESET_DEVICE, DEVICE, "board"): Truth(0.9, 8, 15),
    (Step.MOVE, DEVICE, "board"): Truth(0.5, 20, 25),
    (Step.RESYNC, ENVIRONMENT, "board"): Truth(0.7, 4, 4),
    (Step.REPROBE, ENVIRONMENT, "board"): Truth(0.05, 3, 5),
    (Step.MOVE, ENVIRONMENT, "board"): Truth(0.8, 10, 15),
    # laptops: they sleep and wake up; what they lack they lack for good
    (Step.RESPAWN_WORKER, CRASH, "laptop"): Truth(0.9, 0.5, 0.5),
    (Step.MOVE, CRASH, "laptop"): Truth(0.9, 8, 12),
    (Step.RECONNECT, LOST, "laptop"): Truth(0.6, 12, 32),
    (Step.RESPAWN_AGENT, LOST, "laptop"): Truth(0.2, 5, 30),
    (Step.MOVE, LOST, "laptop"): Truth(0.95, 6, 10),
    (Step.REPROBE, DEVICE, "laptop"): Truth(0.1, 2, 3),
    (Step.RESET_DEVICE, DEVICE, "laptop"): Truth(0.05, 10, 15),
    (Step.MOVE, DEVICE, "laptop"): Truth(0.95, 6, 10),
    (Step.RESYNC, ENVIRONMENT, "laptop"): Truth(0.05, 4, 4),
    (Step.REPROBE, ENVIRONMENT, "laptop"): Truth(0.05, 2, 3),
    (Step.MOVE, ENVIRONMENT, "laptop"): Truth(0.97, 6, 10),
}
HARDWARE = ("server", "board", "laptop")


class Incident(NamedTuple):
    """A failure, and what each step would do about it: seconds, and whether it helps."""

    failure: FailureClass
    hw_class: str
    steps: dict[Step, tuple[float, bool]]


class Score(NamedTuple):
    """Mean seconds to recovery by the fixed order and by the learned one; *late* over the second half only."""

    fixed_s: float
    learned_s: float
    late_fixed_s: float
    late_learned_s: float

    @property
    def gain(self) -> float:
        """How much sooner the learned order recovers once it has learned, as a part of the fixed one's time."""
        return 1.0 - self.late_learned_s / self.late_fixed_s

    @property
    def whole_gain(self) -> float:
        """The same from the first incident on, when nothing is recorded yet."""
        return 1.0 - self.learned_s / self.fixed_s


def any_fleet(rng: random.Random) -> Fleet:
    """Return the lab with rates drawn evenly, and costs times or divided by 3."""
    factors = {cell: rng.lognormvariate(0.0, 1.1) for cell in LAB}
    usual = {step: fmean(true.cost_s for (each, *_), true in LAB.items() if each is step) for step, *_ in LAB}
    return {
        cell: Truth(rng.uniform(0.05, 0.95), usual[cell[0]] * factor, usual[cell[0]] * factor)
        for cell, factor in factors.items()
    }


def incidents(fleet: Fleet, count: int, rng: random.Random) -> list[Incident]:
    """Return so many failures; single costs vary by half around what is typical."""

    def one() -> Incident:
        failure, hw_class = rng.choice(CLASSES), rng.choice(HARDWARE)
        steps = {}
        for step in fixed_order(failure):
            if true := fleet.get((step, failure, hw_class)):
                helps = rng.random() < true.rate
                steps[step] = (true.cost_s if helps else true.in_vain_s) * rng.lognormvariate(0.0, 0.5), helps
        return Incident(failure, hw_class, steps)

    return [one() for _ in range(count)]


def tried(incident: Incident, order: Sequence[Step]) -> Iterator[StepTried]:
    """Yield the tries of *order* up to the first that helps."""
    for step in order:
        if step in incident.steps:
            seconds, helps = incident.steps[step]
            yield StepTried(step, incident.failure, incident.hw_class, seconds, helps)
            if helps:
                return


def seconds_of(tries: Sequence[StepTried]) -> float:
    """Return how long an incident lasted."""
    return math.fsum(one.seconds for one in tries) + (0.0 if any(one.succeeded for one in tries) else GIVEN_UP_S)


def learned(told: Sequence[Incident]) -> list[float]:
    """Return the seconds of each incident where the order follows the record, which is made anew for each."""
    record: list[StepTried] = []
    seconds = []
    for incident in told:
        tries = list(tried(incident, Record(record).order(incident.failure, incident.hw_class)))
        record += tries
        seconds.append(seconds_of(tries))
    return seconds


def fixed(told: Sequence[Incident]) -> list[float]:
    """Return the seconds of each incident where the order is the fixed one."""
    return [seconds_of(list(tried(incident, fixed_order(incident.failure)))) for incident in told]


def score(seed: int, count: int, *, is_lab: bool) -> Score:
    """Return how both arms do in the lab, or on a fleet of the *seed*, with *count* incidents."""
    rng = random.Random(seed)
    told = incidents(LAB if is_lab else any_fleet(rng), count, rng)
    by_fixed, by_learned = fixed(told), learned(told)
    half = count // 2
    return Score(fmean(by_fixed), fmean(by_learned), fmean(by_fixed[half:]), fmean(by_learned[half:]))


def scores(seeds: int, count: int, *, is_lab: bool) -> list[Score]:
    """Return the scores of seeds 1, 2 and so on."""
    return [score(seed, count, is_lab=is_lab) for seed in range(1, seeds + 1)]


def together(each: Sequence[Score]) -> Score:
    """Return the means of all seeds."""
    return Score(*map(fmean, zip(*each, strict=True)))


def row(name: str, each: Sequence[Score]) -> str:
    """Return a line of the table: seconds to recovery of both, and by how much the learned order is sooner."""
    mean = together(each)
    gains = sorted(one.gain for one in each)
    return (
        f"| {name} | {mean.late_fixed_s:.1f} s | {mean.late_learned_s:.1f} s | {mean.gain:.0%} "
        f"({gains[0]:.0%} to {gains[-1]:.0%}) | {mean.whole_gain:.0%} |"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; return 2 where the target is missed."""
    parser = argparse.ArgumentParser(description="How soon do learned and fixed orders of steps recover?")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--incidents", type=int, default=400)
    asked = parser.parse_args(argv)
    lab = scores(asked.seeds, asked.incidents, is_lab=True)
    print("| fleet | fixed order | learned order | sooner by (from seed to seed) | from the first incident on |")
    print("|---|---|---|---|---|")
    print(row("the lab", lab))
    print(row("any fleet", scores(asked.seeds, asked.incidents, is_lab=False)))
    return 0 if together(lab).gain >= LEAST_GAIN else 2


if __name__ == "__main__":
    sys.exit(main())
