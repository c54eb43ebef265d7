"""The graph of who waits for whom: cycles, and orders that respect it. All of networkx is behind this file.

Edges run from a prerequisite to its dependents, through one *hub* per target: members -> hub -> dependents.
So the graph grows with the number of names written, not with members times dependents, and each pair still
has exactly one path. Cases (and units) are nodes >= 0, hubs are nodes < 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import networkx as nx

from pytest_disttest.model import Unit
from pytest_disttest.plan.names import Target, Wants

Edge = tuple[int, int]


def smallest_cycle(wants: Wants) -> tuple[int, ...]:
    """Return the shortest cycle, each case before the one it waits for, or () where there is none.

    Of several equally short ones it is the one whose smallest index is smallest; it starts there and
    ends with the same case again.
    """
    if all(want.target.providers[-1] < index for index, wanted in wants.items() for want in wanted):
        return ()  # every test waits for earlier ones only, as in most suites
    graph = nx.DiGraph((after, before) for before, after in _edges(wants))
    knotted = {node for knot in nx.strongly_connected_components(graph) if len(knot) > 1 for node in knot}
    rest = nx.DiGraph(edge for edge in graph.edges if knotted.issuperset(edge))
    best: tuple[int, ...] = ()
    for start in sorted(node for node in knotted if node >= 0):
        if len(best) == 2:  # a self-dependency: nothing is shorter
            break
        if start in rest:
            best = _cycle_through(start, rest, longest=len(best) - 2 if best else len(rest)) or best
            _drop(start, rest)
    return best


def arrange(units: Sequence[Unit], wants: Wants) -> tuple[Unit, ...]:
    """Return *units* in an order that respects *wants*, and the cases of each as well.

    Units come in the order of collection and move only where a dependency demands it; so do the cases
    of a unit. Units that wait for each other in a circle (their cases do not) stay neighbours, and the
    cases of such a circle get one common order, from which each unit takes its own.
    *wants* must be acyclic and name only cases of *units*.
    """
    home = {index: number for number, unit in enumerate(units) for index in unit.cases}
    knots = _unit_order(units, wants, home)
    knot_of = {number: position for position, knot in enumerate(knots) for number in knot}
    inner = _case_order(wants, {index: knot_of[number] for index, number in home.items()})
    moved: defaultdict[int, list[int]] = defaultdict(list)
    for index in inner:
        moved[home[index]].append(index)
    ordered = (number for knot in knots for number in knot)
    return tuple(units[n]._replace(cases=tuple(moved[n])) if n in moved else units[n] for n in ordered)


def _edges(wants: Wants) -> Iterator[Edge]:
    drawn: set[int] = set()
    for index, wanted in wants.items():
        for target in (want.target for want in wanted):
            hub = -1 - target.number
            yield hub, index
            if hub not in drawn:
                drawn.add(hub)
                yield from ((provider, hub) for provider in target.providers)


def _cycle_through(start: int, graph: nx.DiGraph, *, longest: int) -> tuple[int, ...]:
    """Return the shortest cycle through *start* of at most *longest* cases, or ()."""
    came_from: dict[int, int] = {}
    frontier = [start]
    for _ in range(longest):
        hubs = _step(frontier, graph, came_from)
        if not hubs:
            break
        for hub in hubs:
            if graph.has_edge(hub, start):
                return (*_way_back(came_from[hub], start, came_from), start)
        frontier = _step(hubs, graph, came_from)
    return ()


def _step(frontier: Sequence[int], graph: nx.DiGraph, came_from: dict[int, int]) -> list[int]:
    fresh = []
    for node in frontier:
        for successor in graph[node]:
            if successor not in came_from:
                came_from[successor] = node
                fresh.append(successor)
    return fresh


def _way_back(node: int, start: int, came_from: Mapping[int, int]) -> tuple[int, ...]:
    """Return the cases on the way from *start* to *node*, both included."""
    way = [node]
    while way[-1] != start:
        way.append(came_from[came_from[way[-1]]])
    return tuple(reversed(way))


def _drop(node: int, graph: nx.DiGraph) -> None:
    """Take *node* out, and then all that no cycle can pass through any more."""
    dead = [node]
    while dead:
        gone = dead.pop()
        if gone not in graph:
            continue
        near = [*graph.predecessors(gone), *graph.successors(gone)]
        graph.remove_node(gone)
        dead += [n for n in near if n in graph and not (graph.in_degree(n) and graph.out_degree(n))]


def _unit_order(units: Sequence[Unit], wants: Wants, home: Mapping[int, int]) -> list[list[int]]:
    """Return the numbers of the units in running order, those in one circle together."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(units)))
    graph.add_edges_from(dict.fromkeys(_unit_edges(wants, home)))
    circles = nx.condensation(graph)
    members = {node: sorted(n for n in found if n >= 0) for node, found in circles.nodes(data="members")}
    order = nx.lexicographical_topological_sort(circles, key=lambda node: members[node][0] if members[node] else -1)
    return [members[node] for node in order if members[node]]


def _unit_edges(wants: Wants, home: Mapping[int, int]) -> Iterator[Edge]:
    """Yield who waits for whom among units, past the hub where a target lies in one unit."""
    sources: dict[int, set[int]] = {}
    for index, wanted in wants.items():
        for target in (want.target for want in wanted):
            hub = -1 - target.number
            if hub not in sources:
                sources[hub] = {home[provider] for provider in target.providers}
                if len(sources[hub]) > 1:
                    yield from ((unit, hub) for unit in sorted(sources[hub]))
            before = hub if len(sources[hub]) > 1 else min(sources[hub])
            if before != home[index]:
                yield before, home[index]


def _case_order(wants: Wants, part_of: Mapping[int, int]) -> list[int]:
    """Return the cases of every part that is not in order yet, in an order that is right.

    A part is a unit, or units in a circle. Dependencies between parts do not count here. A part whose
    dependencies all look back keeps the order of collection and is left out.
    """
    inner = list(_inner_edges(wants, part_of))
    disordered = {part_of[after] for before, _, after in inner if before[-1] >= after}
    if not disordered:
        return []
    graph = nx.DiGraph()
    graph.add_nodes_from(index for index, part in part_of.items() if part in disordered)
    for before, hub, after in inner:
        if after in graph:
            if hub not in graph:
                graph.add_edges_from((provider, hub) for provider in before)
            graph.add_edge(hub, after)
    # A hub leaves the queue before any case, so that it delays nobody.
    order = nx.lexicographical_topological_sort(graph, key=lambda node: max(node, -1))
    return [node for node in order if node >= 0]


def _inner_edges(wants: Wants, part_of: Mapping[int, int]) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """Yield (prerequisites, hub, dependent) for the dependencies that stay inside one part."""
    split: dict[int, dict[int, tuple[tuple[int, ...], int]]] = {}
    hubs = 0
    for index, wanted in wants.items():
        for target in (want.target for want in wanted):
            if target.number not in split:
                parts = _by_part(target, part_of)
                split[target.number] = {part: (found, -1 - hubs - n) for n, (part, found) in enumerate(parts.items())}
                hubs += len(parts)
            if part_of[index] in split[target.number]:
                yield *split[target.number][part_of[index]], index


def _by_part(target: Target, part_of: Mapping[int, int]) -> dict[int, tuple[int, ...]]:
    parts: defaultdict[int, list[int]] = defaultdict(list)
    for provider in target.providers:
        parts[part_of[provider]].append(provider)
    return {part: tuple(found) for part, found in parts.items()}
