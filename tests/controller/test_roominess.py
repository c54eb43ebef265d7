"""What a test is given that ran out of memory: twice what it had, as far as that goes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_disttest.controller.roominess import alone, memory_of, roomier, with_memory, words_of
from pytest_disttest.model import NOTHING, Capabilities, Demand, Requirement

GIB = 2**30
LINUX = Requirement("os", "=", "linux")


def memory(gib: int, operator: str = ">=") -> Requirement:
    return Requirement("memory", operator, gib * GIB)


def run_on(**hosts: tuple[int, int]) -> Any:
    """Return what stands for a run on hosts that have so many GiB (0: nobody knows) and workers."""
    links = {
        name: SimpleNamespace(
            host=SimpleNamespace(name=name),
            capabilities=Capabilities({"memory": gib * GIB} if gib else {}),
            workers=workers,
        )
        for name, (gib, workers) in hosts.items()
    }
    return SimpleNamespace(ready_links=list(links.values()), fleet=SimpleNamespace(links=links))


@pytest.mark.parametrize(
    ("demand", "hosts", "expected"),
    [
        (Demand(((memory(4),),)), {"a": (64, 4)}, 8),
        (Demand(((memory(48),),)), {"a": (64, 4)}, 64),
        (Demand(((memory(48),),)), {"a": (64, 4), "b": (256, 1)}, 96),
        (NOTHING, {"a": (64, 4)}, 32),
        (NOTHING, {"a": (64, 1)}, None),
        (NOTHING, {"a": (64, 1), "b": (96, 1)}, 96),
        (Demand(((memory(64),),)), {"a": (64, 4)}, None),
        (Demand(exclusive="host"), {"a": (64, 4)}, None),
    ],
)
def test_twice_as_much_but_no_more_than_the_largest_host_has(demand, hosts, expected):
    """What was declared, or the share of a host that several workers have."""
    found = roomier(run_on(**hosts), demand, "a")

    assert (None if found is None else memory_of(found)) == (expected and expected * GIB)


def test_where_nobody_knows_a_host_for_itself_is_more_and_nothing_is_more_than_that():
    """That much can be given without asking."""
    found = roomier(run_on(a=(0, 4)), NOTHING, "a")

    assert alone(NOTHING) == found
    assert "with its host for itself" == words_of(alone(NOTHING))
    assert None is roomier(run_on(a=(0, 4)), alone(NOTHING), "a")


def test_every_alternative_asks_for_it_and_what_else_was_asked_stays():
    """A greater bound stays too, so that it is never less than before; "2 GiB" is what people read."""
    demand = Demand(((LINUX, memory(1)), (memory(8),), (memory(1, "<"),)), share=0.5)

    more = with_memory(demand, 2 * GIB)

    assert [2 * GIB, 8 * GIB, 2 * GIB] == [memory_of(Demand((each,))) for each in more.alternatives]
    assert LINUX in more.alternatives[0] and memory(1, "<") in more.alternatives[2] and 0.5 == more.share
    assert words_of(more).startswith("with 2 GiB")
