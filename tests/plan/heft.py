"""Static HEFT with insertion, as a reference to compare ranks and schedules with; it is not used for running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_disttest.plan.ranks import upward_ranks

Slot = tuple[float, float, int]

COMPUTE_S = {
    1: (14, 16, 9),
    2: (13, 19, 18),
    3: (11, 13, 19),
    4: (13, 8, 17),
    5: (12, 13, 10),
    6: (13, 16, 9),
    7: (7, 15, 11),
    8: (5, 11, 14),
    9: (18, 12, 20),
    10: (21, 7, 16),
}
"""Topcuoglu's example (IEEE TPDS 13(3), 2002, figure 2): seconds of ten tasks on three processors."""

TRANSFER_S = {
    (1, 2): 18.0,
    (1, 3): 12.0,
    (1, 4): 9.0,
    (1, 5): 11.0,
    (1, 6): 14.0,
    (2, 8): 19.0,
    (2, 9): 16.0,
    (3, 7): 23.0,
    (4, 8): 27.0,
    (4, 9): 23.0,
    (5, 9): 13.0,
    (6, 8): 15.0,
    (7, 10): 17.0,
    (8, 10): 11.0,
    (9, 10): 13.0,
}
"""Its edges and what lies between two tasks on different processors."""

PUBLISHED_RANKS = {
    1: 108.0,
    2: 77.0,
    3: 80.0,
    4: 80.0,
    5: 69.0,
    6: 63.333,
    7: 42.667,
    8: 35.667,
    9: 44.333,
    10: 14.667,
}
PUBLISHED_MAKESPAN_S = 80.0


def prerequisites_of(edges: Mapping[tuple[int, int], float]) -> dict[int, tuple[int, ...]]:
    """Return by dependent what it waits for."""
    return {after: tuple(a for a, b in edges if b == after) for _, after in edges}


def heft(
    compute_s: Mapping[int, Sequence[float]], transfer_s: Mapping[tuple[int, int], float]
) -> dict[int, tuple[int, float, float]]:
    """Return (processor, start, end) of each task: by falling rank, each where it ends first, in gaps if it fits."""
    before = prerequisites_of(transfer_s)
    mean_s = {task: sum(row) / len(row) for task, row in compute_s.items()}
    ranks = upward_ranks(mean_s, before, transfer_s)
    placed: dict[int, tuple[int, float, float]] = {}
    busy: list[list[Slot]] = [[] for _ in next(iter(compute_s.values()))]
    for task in sorted(ranks, key=lambda task: (-ranks[task], task)):
        offers = []
        for processor, taken in enumerate(busy):
            ready = max(
                (
                    placed[a][2] + (transfer_s[a, task] if placed[a][0] != processor else 0.0)
                    for a in before.get(task, ())
                ),
                default=0.0,
            )
            start = _gap(taken, ready, compute_s[task][processor])
            offers.append((start + compute_s[task][processor], processor, start))
        end, processor, start = min(offers)
        placed[task] = processor, start, end
        busy[processor].append((start, end, task))
        busy[processor].sort()
    return placed


def _gap(taken: Sequence[Slot], ready: float, seconds: float) -> float:
    """Return the earliest start from *ready* on between or behind what is taken."""
    start = ready
    for begin, end, _ in taken:
        if start + seconds <= begin:
            break
        start = max(start, end)
    return start
