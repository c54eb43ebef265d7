"""What was measured, what it should have been, and whether it was: values and arithmetic only."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Verdict(enum.StrEnum):
    """What became of a target, worst last."""

    PASS = "pass"
    VOID = "void"
    """A peer that it is compared with gave wrong outcomes, or the value is impossible and so only noise."""
    MISS = "MISS"
    FAILED = "FAILED"
    """Our outcomes, or plain pytest's, were not as they should be: a fast wrong run is no run."""


@dataclass(frozen=True, slots=True)
class Target:
    """*value* must not exceed *limit*; *subject* ends the sentence ``0.49 <= 0.57 ...``.

    *peers* are the runners it is compared with; a value below *least* cannot be true.
    """

    value: float
    limit: float
    subject: str
    peers: tuple[str, ...] = ()
    least: float = 0.0

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        return f"{figure(self.value)} {'≤' if self.is_met else '>'} {figure(self.limit)} {self.subject}"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: medians by runner, in *unit*; *wrong* says of a runner how its outcomes were wrong."""

    case: str
    medians: Mapping[str, float]
    unit: str = "s"
    targets: tuple[Target, ...] = ()
    wrong: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    samples: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict for each target, in their order."""
        return tuple(self._verdict(target) for target in self.targets)

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict; None for a line that only informs, and is right."""
        if "ours" in self.wrong or "plain" in self.wrong:
            return Verdict.FAILED
        return max(self.verdicts, key=list(Verdict).index, default=None)

    def ratio(self, other: str) -> float | None:
        """Return ours as a part of *other*, None where one was not measured."""
        mine, theirs = self.medians.get("ours"), self.medians.get(other)
        return mine / theirs if mine is not None and theirs else None

    def _verdict(self, target: Target) -> Verdict:
        if "ours" in self.wrong or "plain" in self.wrong:
            return Verdict.FAILED
        if target.value < target.least or any(peer in self.wrong for peer in target.peers):
            return Verdict.VOID
        return Verdict.PASS if target.is_met else Verdict.MISS


def ratio_targets(medians: Mapping[str, float], limits: Mapping[str, float]) -> tuple[Target, ...]:
    """Return a target for each runner of *limits*: ours at most that part of it."""
    return tuple(
        Target(medians["ours"] / medians[peer], limit, f"of {peer}", (peer,)) for peer, limit in limits.items()
    )


def makespan_s(durations_s: tuple[float, ...], workers: int) -> float:
    """Return the time that no schedule can beat, in seconds."""
    return max(sum(durations_s) / workers, *durations_s)


def figure(value: float) -> str:
    """Return *value* with two decimals, and with none from a hundred on."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"
