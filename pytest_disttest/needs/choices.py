"""``any_of`` multiplied out: a choice is a list of alternatives, each a list of requirements that hold together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from pytest_disttest.errors import BadMarker
from pytest_disttest.model import Requirement

from .combining import combined, contradiction, narrowed

MOST = 64
"""More alternatives than these are nobody's intention: seven ``any_of`` of two on one test are 128."""

Alternative = tuple[Requirement, ...]
Choice = tuple[Alternative, ...]


def alternatives(choices: Sequence[Choice], place: str) -> tuple[Alternative, ...]:
    """Return the alternatives of which one must hold where one of each of *choices* must; sorted, each once.

    Those that no host can be are dropped; raises BadMarker where none is left, or where there are more than `MOST`.
    """
    together = [r for choice in choices if len(choice) == 1 for r in choice[0]]
    open_ones = sorted({tuple(sorted(set(choice), key=str)) for choice in choices if len(choice) > 1}, key=str)
    count = prod(map(len, open_ones))
    if count > MOST:
        raise BadMarker(
            f"hw(any_of=…): the marks of this test have {count} alternatives together",
            place=place,
            hint=f"at most {MOST} are read: 'os in (a, b)' says several values in one condition",
        )
    if not open_ones:
        return (combined(together, place),)
    found: dict[tuple[object, ...], Alternative] = {}
    refused: list[Alternative] = []
    for picked in product(*open_ones):
        kept, excluding = narrowed([*together, *(r for part in picked for r in part)])
        if excluding:
            refused.append(excluding)
            continue
        # whoever wrote it: of equal alternatives the first by its words stays
        said = tuple((r.key, r.operator, r.value) for r in kept)
        found[said] = min(kept, found.get(said, kept), key=str)
    if not found:
        raise _impossible(refused, place)
    return tuple(sorted(found.values(), key=str))


def _impossible(refused: Sequence[Alternative], place: str) -> BadMarker:
    first = min(refused, key=str)
    if len(refused) == 1:
        return contradiction(first, place)
    written = " and ".join(r.origin for r in first)
    return BadMarker(
        f"hw(any_of=…): none of its {len(refused)} alternatives can be; the first asks for {written}",
        place=place,
        hint="drop one of the conditions that exclude each other",
    )
