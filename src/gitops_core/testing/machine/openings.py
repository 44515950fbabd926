"""Situations in which engines go wrong: short stories, each about one promise. The machine goes on from there by chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gitops_core.testing.machine.scenario import Scenario

Opening = Callable[[Scenario], None]


def _begun(s: Scenario) -> None:
    """Have three objects, applied."""
    s.declare("a", color="red", zone="1")
    s.declare("b", color="red", note="x")
    s.declare("pw-x", color="red")
    s.reconcile()


def crash_after_a_create(s: Scenario) -> None:
    """Promise 1: the process dies when an object has just been made."""
    s.declare("a", color="red")
    s.reconcile(at=4, what="crash after")


def refused_delete(s: Scenario) -> None:
    """Promise 1: the API refuses a delete."""
    _begun(s)
    s.undeclare("b")
    s.deny("b")
    s.reconcile()
    s.heal()


def crash_in_a_replace(s: Scenario) -> None:
    """Promise 1: the process dies between or after the halves of a replace, and the declaration goes."""
    _begun(s)
    s.declare("a", color="red", zone="2")
    s.reconcile(at=7, what="crash after")
    s.undeclare("a")
    s.reconcile()


def blind_delete(s: Scenario) -> None:
    """Promise 1: what is no longer declared cannot be looked at."""
    _begun(s)
    s.undeclare("b")
    s.blind("b")
    s.reconcile()
    s.heal()


def abandoned_move(s: Scenario) -> None:
    """Promise 1: the process dies before the object is taken over by the application that it has moved to, and that one drops it."""
    _begun(s)
    s.declare("b", app="two", color="green")
    s.reconcile("two")
    s.undeclare("b")
    s.reconcile()
    s.reconcile("two", at=4, what="crash before")
    s.reconcile()
    s.undeclare("b", app="two")
    s.reconcile("two")


def refused_look(s: Scenario) -> None:
    """Promise 2: nothing at all can be listed."""
    _begun(s)
    s.undeclare("b")
    s.refuse_lists()
    s.reconcile()
    s.heal()


def two_engines(s: Scenario) -> None:
    """Promise 1 and 7: a lease runs out, and another engine does everything in the midst of a create."""
    s.declare("a", color="red")
    s.reconcile(at=4, what="second engine")


def made_anew_by_hand(s: Scenario) -> None:
    """Promise 2: another object has taken the name of ours, which is no longer declared."""
    _begun(s)
    s.remove("b")
    s.put("b", color="theirs")
    s.undeclare("b")
    s.reconcile()


def half_a_file(s: Scenario) -> None:
    """Promise 2: a declaration cannot be rendered."""
    _begun(s)
    s.half("b")
    s.reconcile()


def protected(s: Scenario) -> None:
    """Promise 2: a declaration that asked for protection goes."""
    s.declare("a", color="red", protect=True)
    s.declare("b", color="red")
    s.reconcile()
    s.undeclare("a")
    s.reconcile()


def moved(s: Scenario) -> None:
    """Promise 2: an object has moved to an application that has not looked yet."""
    _begun(s)
    s.declare("c", app="two", color="red")
    s.reconcile("two")
    s.move("b")
    s.reconcile()


def moved_back(s: Scenario) -> None:
    """Promise 2: an object moves back to the application that it came from, before that one has seen it taken over."""
    _begun(s)
    s.move("b")
    s.reconcile("two")
    s.reconcile()
    s.reconcile("two")
    s.move("b", "two", "one")
    s.reconcile()
    s.reconcile("two")
    s.let_pass(61)
    s.reconcile("two")


def crash_in_a_delete(s: Scenario) -> None:
    """Promise 3: the process dies before a delete."""
    _begun(s)
    s.undeclare("b")
    s.reconcile(at=4, what="crash before")
    s.reconcile()


def unseen_edit(s: Scenario) -> None:
    """Promise 4: an edit that nothing tells of, and the memo's age goes by."""
    _begun(s)
    s.reconcile()
    s.edit("b", unseen=True, color="green")
    s.let_pass(601.0)
    s.reconcile()


def dropped_field(s: Scenario) -> None:
    """Promise 4: a field is declared no longer."""
    _begun(s)
    s.declare("b", color="red")
    s.reconcile()


def deaf_api(s: Scenario) -> None:
    """Promise 4: the API says yes and does nothing."""
    _begun(s)
    s.declare("b", color="green", note="x")
    s.ignore("b")
    s.reconcile()
    s.heal()


def plan_of_what_is_gone(s: Scenario) -> None:
    """Promise 4: a plan is made when something that is declared no longer is gone already."""
    _begun(s)
    s.undeclare("b")
    s.remove("b")
    s.plan()


def failed_dependency(s: Scenario) -> None:
    """Promise 5: what another object needs cannot be made; something else can."""
    s.declare("a", color="red")
    s.declare("b", color="red", needs="a")
    s.declare_many(24)
    s.deny("a")
    s.reconcile()
    s.heal()


def bad_replacement(s: Scenario) -> None:
    """Promise 6: a replacement that the API never takes."""
    _begun(s)
    s.declare("a", color="red", zone="bad")
    s.reconcile()


def failing_rename(s: Scenario) -> None:
    """Promise 6: the new name cannot be made, and the old one is not to be lost for it."""
    _begun(s)
    s.rename("b", "c")
    s.deny("c")
    s.reconcile()
    s.heal()


def forbidden_rename(s: Scenario) -> None:
    """Promise 6: a policy denies the new name."""
    _begun(s)
    s.rename("b", "c")
    s.deny("c", by="policy")
    s.reconcile()
    s.heal()


def foreign_takeover(s: Scenario) -> None:
    """Promise 7: another owner has made it his."""
    _begun(s)
    s.take_over("b")
    s.reconcile()


def large_undeclare(s: Scenario) -> None:
    """Promise 8: three of fewer than a dozen go at once."""
    _begun(s)
    s.declare_many(6)
    s.reconcile()
    s.undeclare("m0", "m1", "m2")
    s.reconcile()


def nothing_declared(s: Scenario) -> None:
    """Promise 8: everything is declared no longer."""
    s.declare("a", color="red")
    s.declare("b", color="red")
    s.reconcile()
    s.undeclare("a", "b")
    s.reconcile()


def namespace_gone(s: Scenario) -> None:
    """Promise 8: a Namespace is declared no longer."""
    s.declare("ns-n")
    s.declare("a", color="red")
    s.reconcile()
    s.undeclare("ns-n")
    s.reconcile()


def many_edits(s: Scenario) -> None:
    """Promise 8: more than half of the objects differ."""
    s.declare_many(4)
    s.reconcile()
    for name in ("m0", "m1", "m2"):
        s.edit(name, color="green")
    s.reconcile()


def old_approval(s: Scenario) -> None:
    """Promise 8: a permission has run out."""
    s.declare("a", color="red")
    s.declare("b", color="red")
    s.reconcile()
    s.approve("empty")
    s.undeclare("a", "b")
    s.let_pass(301.0)
    s.reconcile()


def newer_revision(s: Scenario) -> None:
    """Promise 9: a push arrives while a pass is under way."""
    s.declare("a", color="red")
    s.reconcile(at=3, what="push")
    s.reconcile()


def stopped(s: Scenario) -> None:
    """Promise 9: the host asks to stop in the midst of a pass."""
    s.declare_many(4)
    s.reconcile(at=4, what="stop")


def out_of_time(s: Scenario) -> None:
    """Promise 9: a slow API, and a deadline."""
    s.declare_many(9)
    s.slow(20.0)
    s.reconcile()
    s.heal()


def told_secret(s: Scenario) -> None:
    """Promise 10: an API that repeats what it was sent in its errors."""
    s.declare("pw-x", color="red")
    s.deny("pw-x")
    s.reconcile()
    s.heal()


def failing_writes(s: Scenario) -> None:
    """Promise 11: writes fail again and again, of one object and then of another."""
    s.declare("a", color="red")
    s.declare("b", color="red")
    s.fail("a", 4)
    s.fail("b", 4)
    s.reconcile()
    s.heal()


def too_many_requests(s: Scenario) -> None:
    """Promise 11: the API asks for a pause."""
    s.declare("a", color="red")
    s.throttle(40.0)
    s.reconcile()


def different_lists(s: Scenario) -> None:
    """Promise 12: a plan of several edits, whatever the order in which they are listed."""
    s.declare_many(4)
    s.reconcile()
    s.edit("m0", color="green")
    s.edit("m1", color="green")
    s.plan()


def mixed_outcomes(s: Scenario) -> None:
    """Promise 12: outcomes of different kinds are told in the order of the plan."""
    s.declare("a", color="red")
    s.declare("b", color="red", zone="bad")
    s.declare("c", color="red")
    s.ignore("a")
    s.reconcile()
    s.heal()


STORIES: Final[Mapping[int, tuple[Opening, ...]]] = {
    1: (crash_after_a_create, abandoned_move, refused_delete, crash_in_a_replace, blind_delete, two_engines),
    2: (refused_look, made_anew_by_hand, half_a_file, protected, moved, moved_back),
    3: (crash_in_a_delete,),
    4: (unseen_edit, dropped_field, deaf_api, plan_of_what_is_gone),
    5: (failed_dependency,),
    6: (bad_replacement, failing_rename, forbidden_rename),
    7: (foreign_takeover,),
    8: (large_undeclare, nothing_declared, namespace_gone, many_edits, old_approval),
    9: (newer_revision, stopped, out_of_time),
    10: (told_secret,),
    11: (failing_writes, too_many_requests),
    12: (different_lists, mixed_outcomes),
}
"""The openings by the number of the promise that they are about."""

OPENINGS: Final[Mapping[str, Opening]] = {story.__name__: story for stories in STORIES.values() for story in stories}
"""Every opening by name."""
