"""Circles and order in graphs."""

from __future__ import annotations

import itertools

import pytest

from gitops_core.model.resources import ResourceKey
from gitops_core.planning.order import arranged, circles, path_around


def k(name):
    return ResourceKey("", "Thing", "", name)


def graph(**edges):
    return {k(node): {k(other) for other in needs} for node, needs in edges.items()}


def test_a_graph_without_circles_has_none():
    assert circles(graph(a="bc", b="c", c="", d="a")) == []


def test_each_circle_is_found_once_with_all_of_its_nodes():
    found = circles(graph(a="b", b="c", c="a", d="e", e="d", f="f", g="a", h="unknown"))
    assert {frozenset(map(k, "abc")), frozenset(map(k, "de")), frozenset(map(k, "f"))} == set(found)
    assert len(found) == 3


def test_the_path_around_a_circle_is_short_begins_and_ends_at_its_smallest_node_and_follows_edges():
    edges = graph(b="c", c="da", d="b", a="b")
    (circle,) = circles(edges)
    path = path_around(circle, edges)
    assert [k(n) for n in "abca"] == list(path)
    assert all(there in edges[here] for here, there in itertools.pairwise(path))
    assert (k("x"), k("x")) == path_around({k("x")}, graph(x="x"))


def test_prerequisites_come_first_and_ties_are_broken_by_rank_then_key():
    order = arranged(map(k, "dcba"), graph(a="d", b="zz"), lambda key: key.name == "b")
    assert [k(n) for n in "cdab"] == order


@pytest.mark.parametrize("size", [20_000])
def test_a_long_chain_is_no_recursion(size):
    edges = {k(f"{n:06}"): {k(f"{n + 1:06}")} for n in range(size)}
    assert circles(edges) == []
    assert k(f"{size - 1:06}") == arranged(edges, edges, lambda _: 0)[0]
