"""What people have ordered about an application."""

from __future__ import annotations

from gitops_core.model.orders import HANDLED_KEPT, Orders, Suspension
from gitops_core.model.resources import ResourceKey

A, B = (ResourceKey("", "Thing", "", name) for name in "ab")
SUSPENDED = Suspension("upgrade", "ann", since=1.0, until=2.0)


def test_drift_under_a_suspension_is_kept_once_for_each_object_in_order() -> None:
    assert SUSPENDED.also([B]).also([A, B]).drifted == (A, B)
    assert SUSPENDED.also([]) == SUSPENDED


def test_the_drift_of_a_suspension_is_told_when_there_was_any() -> None:
    assert SUSPENDED.drift == ""
    assert SUSPENDED.also([B, A]).drift == "; drifted meanwhile: Thing/a, Thing/b"


def test_a_token_that_was_handled_is_kept_once() -> None:
    once = Orders().handling("t")
    assert once.handled == ("t",)
    assert once.handling("t") is once


def test_a_trigger_without_a_token_leaves_nothing_behind() -> None:
    orders = Orders()
    assert orders.handling("") is orders


def test_the_oldest_tokens_are_forgotten_first() -> None:
    orders = Orders()
    for number in range(HANDLED_KEPT + 2):
        orders = orders.handling(str(number))
    assert orders.handled == tuple(str(number) for number in range(2, HANDLED_KEPT + 2))
