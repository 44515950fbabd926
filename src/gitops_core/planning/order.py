"""Directed graphs: circles, and one deterministic order in which prerequisites come first. Iterative: depth is no limit."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from gitops_core.model.resources import ResourceKey

K = ResourceKey
T = TypeVar("T")

Edges = Mapping[K, Collection[K]]
"""From each node to what must come before it. A node that is not a key needs nothing."""


def circles(edges: Edges) -> list[frozenset[K]]:
    """
    Return each set of nodes that need each other (or one that needs itself), in an order that depends on *edges* only.

    Source: Kosaraju's strongly connected components, without recursion. Cost: O(nodes log nodes + edges log edges).
    """
    against: dict[K, list[K]] = defaultdict(list)
    for node in sorted(edges):
        for other in edges[node]:
            against[other].append(node)
    seen: set[K] = set()
    found = []
    for root in reversed(_finished(edges)):
        if root not in seen:
            group = _reach(root, against, seen)
            if len(group) > 1 or root in edges.get(root, ()):
                found.append(frozenset(group))
    return found


def _finished(edges: Edges) -> list[K]:
    """Depth first, nodes in the order in which they are left."""
    done: list[K] = []
    seen: set[K] = set()
    for root in sorted(edges):
        work: list[tuple[K, Iterator[K]]] = []
        if root not in seen:
            seen.add(root)
            work.append((root, iter(sorted(edges[root]))))
        while work:
            node, rest = work[-1]
            step = next((n for n in rest if n not in seen), None)
            if step is None:
                done.append(node)
                work.pop()
            else:
                seen.add(step)
                work.append((step, iter(sorted(edges.get(step, ())))))
    return done


def _reach(root: K, edges: Edges, seen: set[K]) -> set[K]:
    group, work = {root}, [root]
    seen.add(root)
    while work:
        fresh = [n for n in edges.get(work.pop(), ()) if n not in seen]
        seen.update(fresh)
        group.update(fresh)
        work.extend(fresh)
    return group


def path_around(circle: Collection[K], edges: Edges) -> tuple[K, ...]:
    """Return a shortest way through *circle* from its smallest node back to itself, that node first and last."""
    start = min(circle)
    came_from: dict[K, K] = {}
    work = [start]
    while start not in came_from:
        here = work.pop(0)
        for step in sorted(n for n in edges.get(here, ()) if n in circle and n not in came_from):
            came_from[step] = here
            work.append(step)
    path = [start, came_from[start]]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))


def arranged(keys: Iterable[K], edges: Edges, rank: Callable[[K], Any]) -> list[K]:
    """
    Return *keys* with what *edges* demand before what needs it; among the free ones the smallest (*rank*, key) comes first.

    *edges* among *keys* must hold no circle. Cost: O(keys log keys + edges).
    """
    nodes = [key for _, key in sorted([(rank(key), key) for key in dict.fromkeys(keys)])]
    if not edges:
        return nodes
    place = {key: number for number, key in enumerate(nodes)}
    waiting = {place[key]: {place[n] for n in needs if n in place} for key, needs in edges.items() if key in place}
    dependents: dict[int, list[int]] = defaultdict(list)
    for number, needs in waiting.items():
        for need in needs:
            dependents[need].append(number)
    free = [number for number in range(len(nodes)) if not waiting.get(number)]  # sorted, so it is a heap
    order = []
    while free:
        number = heapq.heappop(free)
        order.append(nodes[number])
        for other in dependents.get(number, ()):
            waiting[other].discard(number)
            if not waiting[other]:
                heapq.heappush(free, other)
    return order
