"""Ranks, deadlines and the critical path."""

from __future__ import annotations

import time
from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan.heft import COMPUTE_S, PUBLISHED_MAKESPAN_S, PUBLISHED_RANKS, TRANSFER_S, heft, prerequisites_of

from pytest_disttest.plan.ranks import latest_ends, longest_path, upward_ranks

seconds = st.floats(0.001, 100.0)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, float], dict[int, tuple[int, ...]]]:
    """Draw up to 12 cases with their seconds, and what each waits for; some share one tuple."""
    count = draw(st.integers(1, 12))
    names = draw(st.permutations(range(count)))
    before: dict[int, tuple[int, ...]] = {}
    for place in range(1, count):
        shared = before.get(names[place - 1])
        if shared and draw(st.booleans()):
            before[names[place]] = shared
        elif chosen := draw(st.sets(st.sampled_from(names[:place]), max_size=3)):
            before[names[place]] = tuple(sorted(chosen))
    return {name: draw(seconds) for name in names}, before


def as_graph(work_s: dict[int, float], before: dict[int, tuple[int, ...]]) -> nx.DiGraph:
    """Return prerequisite -> dependent, as networkx sees it."""
    graph = nx.DiGraph()
    graph.add_nodes_from(work_s)
    graph.add_edges_from((a, b) for b, every in before.items() for a in every)
    return graph


def test_ranks_are_those_that_were_published():
    """Topcuoglu's ten tasks have the ranks of the paper, whose table rounds to three digits."""
    mean_s = {task: sum(row) / 3 for task, row in COMPUTE_S.items()}

    found = upward_ranks(mean_s, prerequisites_of(TRANSFER_S), TRANSFER_S)

    assert PUBLISHED_RANKS == {task: round(rank, 3) for task, rank in found.items()}


def test_a_static_plan_from_these_ranks_takes_as_long_as_published():
    """HEFT with insertion needs 80 for the example, and keeps every law."""
    placed = heft(COMPUTE_S, TRANSFER_S)

    assert PUBLISHED_MAKESPAN_S == max(end for _, _, end in placed.values())
    for (a, b), transfer in TRANSFER_S.items():
        assert placed[b][1] >= placed[a][2] + (transfer if placed[a][0] != placed[b][0] else 0)


@given(graphs())
def test_a_rank_is_the_longest_way_to_the_end(graph: tuple[dict[int, float], dict[int, tuple[int, ...]]]):
    """Written out plainly: own seconds, and of all dependents' ranks the largest."""
    work_s, before = graph
    drawn = as_graph(work_s, before)

    found = upward_ranks(work_s, before)

    for case in work_s:
        after = max((found[dependent] for dependent in drawn.successors(case)), default=0.0)
        assert found[case] == pytest.approx(work_s[case] + after)
        assert all(found[case] > found[dependent] for dependent in drawn.successors(case))


@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_says_nothing(graph, shuffled):
    """The same cases in another order have the same ranks, deadlines and critical path."""
    work_s, before = graph
    mixed, mixed_before = list(work_s), list(before)
    shuffled.shuffle(mixed)
    shuffled.shuffle(mixed_before)
    again = {case: work_s[case] for case in mixed}
    again_before = {case: before[case] for case in mixed_before}
    due = {max(work_s): 50.0, min(work_s): 70.0}

    assert upward_ranks(work_s, before) == upward_ranks(again, again_before)
    assert latest_ends(due, work_s, before) == latest_ends(due, again, again_before)
    assert longest_path(work_s, before) == longest_path(again, again_before)


@given(graphs())
def test_the_critical_path_is_as_long_as_the_largest_rank(graph):
    """It is a way through the graph, and networkx finds none that is longer."""
    work_s, before = graph
    path = longest_path(work_s, before)
    drawn = as_graph(work_s, before)
    for a, b in drawn.edges:
        drawn.edges[a, b]["weight"] = work_s[b]  # an edge costs what it leads to
    drawn.add_weighted_edges_from(("start", case, work_s[case]) for case in work_s)

    assert all(a in before[b] for a, b in pairwise(path))
    assert sum(work_s[case] for case in path) == pytest.approx(nx.dag_longest_path_length(drawn))
    assert sum(work_s[case] for case in path) == pytest.approx(max(upward_ranks(work_s, before).values()))


@given(graphs())
def test_whoever_ends_by_then_leaves_time_for_what_follows(graph):
    """A case's latest end is its own deadline, or the latest start of what waits for it, whichever comes first."""
    work_s, before = graph
    drawn = as_graph(work_s, before)
    due = {case: 100.0 + case for case in work_s if not case % 3}

    found = latest_ends(due, work_s, before)

    for case in work_s:
        limits = [found[b] - work_s[b] for b in drawn.successors(case) if b in found]
        limits += [due[case]] if case in due else []
        assert found.get(case) == pytest.approx(min(limits)) if limits else case not in found


def test_edges_cost_what_they_are_said_to():
    """What lies between two cases counts on the way, once for each edge."""
    found = upward_ranks({1: 1.0, 2: 2.0, 3: 3.0}, {2: (1,), 3: (1,)}, {(1, 2): 5.0})

    assert {1: 8.0, 2: 2.0, 3: 3.0} == found


def test_what_is_done_already_is_left_out():
    """A prerequisite without work is no prerequisite any more."""
    assert {2: 2.0} == upward_ranks({2: 2.0}, {2: (1,)})


def test_a_circle_is_refused():
    """Cases that wait for each other have no rank."""
    with pytest.raises(ValueError, match="2 cases wait for each other"):
        upward_ranks({1: 1.0, 2: 1.0, 3: 1.0}, {1: (2,), 2: (1,)})


def test_a_group_costs_its_members_and_its_dependents_not_their_product():
    """5,000 cases that wait for one group of 5,000 (25 million pairs) take a moment."""
    group = tuple(range(5_000))
    work_s = dict.fromkeys(range(10_000), 1.0)
    before = dict.fromkeys(range(5_000, 10_000), group)
    began = time.process_time()

    ranks = upward_ranks(work_s, before)

    assert {2.0, 1.0} == {ranks[0], ranks[9_999]}
    assert (0, 5_000) == longest_path(work_s, before)
    assert time.process_time() - began < 2.0
