"""What watches have shown: it is relied on while one stands, and counted by whom it is about."""

from __future__ import annotations

import attrs

from gitops_core.model.applications import Owner
from gitops_core.targets.kubernetes.live import Sight
from gitops_core.targets.kubernetes.marks import Marks
from gitops_core.targets.kubernetes.watched import Watched

KIND = ("", "ConfigMap")
A, B = ("shop", "a"), ("shop", "b")
ME = Marks(Owner("example.org", "tests"), "me")
SIGHT = Sight(uid="1", version="v1", revision="10", owner="me")


def standing(*objects, namespace="shop", watch=1):
    watched = Watched()
    watched.reset(KIND, namespace, dict(objects), watch)
    watched.relies_on("me", {(KIND, "shop")})
    return watched


# -- what is known ---------------------------------------------------------------------------------------------------------------


def test_nothing_is_known_of_what_nobody_watches():
    watched = Watched()
    assert not watched.covers(KIND)
    assert watched.sights(KIND, [A], ME) is None
    assert not watched.has_passed(KIND, A, "1")
    watched.interrupted(KIND, "shop", 1)
    assert not watched.covers(KIND)


def test_a_watch_that_stands_knows_what_is_there_and_what_is_not():
    watched = standing((A, SIGHT))
    assert watched.covers(KIND)
    assert watched.sights(KIND, [A, B], ME) == {A: SIGHT}


def test_a_watch_of_all_namespaces_knows_each_of_them():
    assert standing((A, SIGHT), namespace="").sights(KIND, [A, ("other", "c")], ME) == {A: SIGHT}


def test_places_of_which_one_is_not_watched_are_not_known_at_all():
    assert standing((A, SIGHT)).sights(KIND, [A, ("other", "c")], ME) is None


def test_an_object_of_another_application_is_not_said_to_be_ours_and_nobodys_may_be():
    theirs, nobodys = attrs.evolve(SIGHT, owner="other"), attrs.evolve(SIGHT, owner="")
    assert standing((A, theirs), (B, nobodys)).sights(KIND, [A, B], ME) == {B: nobodys}


def test_a_broken_watch_knows_nothing_until_it_stands_again():
    watched = standing((A, SIGHT))
    watched.interrupted(KIND, "shop", 1)
    assert (watched.covers(KIND), watched.sights(KIND, [A], ME), watched.token("me")) == (False, None, None)
    watched.reset(KIND, "shop", {A: SIGHT}, 1)
    assert watched.sights(KIND, [A], ME) == {A: SIGHT}


def test_of_two_watches_of_one_kind_one_is_enough():
    watched = standing((A, SIGHT))
    watched.reset(KIND, "shop", {A: SIGHT}, 2)
    watched.interrupted(KIND, "shop", 1)
    assert watched.covers(KIND)
    watched.interrupted(KIND, "shop", 2)
    assert not watched.covers(KIND)


# -- how new it is -----------------------------------------------------------------------------------------------------------------


def test_a_watch_has_passed_a_revision_when_it_has_shown_a_newer_one():
    watched = standing((A, SIGHT))
    assert watched.has_passed(KIND, A, "9")
    assert not watched.has_passed(KIND, A, "10")
    assert not watched.has_passed(KIND, A, "11")
    assert watched.has_passed(KIND, A, "not a number")


def test_an_object_that_went_has_passed_the_revisions_before_it_went():
    watched = standing((A, SIGHT))
    watched.drop(KIND, "shop", A, "20")
    assert watched.has_passed(KIND, A, "15")
    assert not watched.has_passed(KIND, A, "25")
    assert not watched.has_passed(KIND, B, "1"), "it was never there"
    watched.put(KIND, "shop", A, attrs.evolve(SIGHT, revision="30"))
    assert watched.has_passed(KIND, A, "25")


# -- the token --------------------------------------------------------------------------------------------------------------------


def token_after(watched, act):
    before = watched.token("me")
    act(watched)
    return before != watched.token("me")


def test_the_token_moves_with_what_is_ours_and_with_what_is_nobodys():
    assert token_after(standing(), lambda w: w.put(KIND, "shop", A, SIGHT))
    assert token_after(standing(), lambda w: w.put(KIND, "shop", A, attrs.evolve(SIGHT, owner="")))
    assert token_after(standing((A, SIGHT)), lambda w: w.drop(KIND, "shop", A, "11"))
    assert token_after(standing((A, SIGHT)), lambda w: w.reset(KIND, "shop", {}, 1))
    assert token_after(standing((A, SIGHT)), lambda w: w.put(KIND, "shop", A, attrs.evolve(SIGHT, owner="other", version="v2")))
    assert token_after(standing((A, SIGHT)), lambda w: w.put(KIND, "shop", A, attrs.evolve(SIGHT, uid="2")))


def test_the_token_does_not_move_with_a_status_nor_with_what_belongs_to_others():
    assert not token_after(standing((A, SIGHT)), lambda w: w.put(KIND, "shop", A, attrs.evolve(SIGHT, revision="11")))
    assert not token_after(standing((A, SIGHT)), lambda w: w.reset(KIND, "shop", {A: SIGHT}, 1))
    assert not token_after(standing(), lambda w: w.put(KIND, "shop", A, attrs.evolve(SIGHT, owner="other")))
    assert not token_after(standing(), lambda w: w.drop(KIND, "shop", A, "11"))


def test_an_application_of_which_nothing_is_known_has_no_token():
    watched = standing()
    assert watched.token("other") is None
    watched.relies_on("other", {(KIND, "elsewhere")})
    assert watched.token("other") is None


def test_an_application_relies_on_more_with_every_look():
    watched = standing()
    watched.relies_on("me", {(KIND, "elsewhere")})
    assert watched.token("me") is None


def test_what_an_application_has_no_more_keeps_it_from_a_token_once_only():
    watched = standing()
    before = watched.token("me")
    watched.relies_on("me", {(KIND, "elsewhere")})
    assert (watched.token("me"), watched.token("me")) == (None, None)
    watched.relies_on("me", {(KIND, "shop")})
    assert watched.token("me") not in (None, before), "what happened elsewhere meanwhile was not seen"
