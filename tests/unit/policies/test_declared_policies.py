"""Allow, deny, labels, protection and budget: what they object to, where, and in which words."""

import threading

import attrs
import pytest

from gitops_core.errors import Cancelled, ConfigError
from gitops_core.interfaces import Subject
from gitops_core.model.applications import Owner
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan
from gitops_core.model.resources import Origin, Resource, ResourceKey, as_key
from gitops_core.model.revisions import Revision
from gitops_core.model.verdicts import Severity, Violation
from gitops_core.policies.access import Allow, Deny
from gitops_core.policies.budget import ChangeBudget
from gitops_core.policies.labels import RequiredLabels
from gitops_core.policies.protection import ProtectedObjects
from gitops_core.policies.selectors import Selector
from gitops_core.testing.contexts import make_context


def unread():
    pytest.fail("the body was decoded although only key and file matter")


def declared(key, path="all.yaml", body=None):
    """A resource whose body must not be touched, unless one is given."""
    if body is None:
        return Resource(as_key(key), "digest", Origin(path=path, line=3), unread)
    return Resource.of(body, Origin(path=path, line=3), key=as_key(key))


def review(policy, *resources, plan=None, ctx=None):
    subject = Subject("example.org/tests/app", Owner("example.org", "tests"), Revision("r1"), tuple(resources), plan)
    return list(policy.review(ctx or make_context(), subject))


def plan_of(*changes):
    return Plan("example.org/tests/app", "r1", changes=changes)


WEB = ResourceKey("apps", "Deployment", "shop", "web")
SITE = as_key(("ConfigMap", "shop", "site"))
SHOP = as_key("Namespace/shop")


# -- allow and deny --------------------------------------------------------------------------------------------------------
def test_what_is_denied_is_named_with_the_reason_and_the_place():
    found = review(Deny(kinds="Config*", reason="they are made elsewhere"), declared(SITE), declared(WEB))
    message = "objects of kinds Config* are denied: remove it, or change it so that it is none (they are made elsewhere)"
    assert found == [Violation(SITE, message, Severity.DENY, "/kind")]


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        (Deny(namespaces="shop"), "/metadata/namespace"),
        (Deny(names="site"), "/metadata/name"),
        (Deny(paths="legacy/"), ""),
        (Deny(namespaces="shop", paths="legacy/"), "/metadata/namespace"),
    ],
)
def test_a_denial_points_at_the_first_list(policy, pointer):
    assert [v.pointer for v in review(policy, declared(SITE, "legacy/a.yaml"))] == [pointer]


def test_what_is_not_allowed_is_told_what_is():
    found = review(Allow(kinds=("ConfigMap", "Service")), declared(SITE), declared(WEB))
    message = 'the kind "Deployment" is not allowed; allowed is ConfigMap, Service: change it, remove the object, or add it to Allow\'s kinds'
    assert found == [Violation(WEB, message, Severity.DENY, "/kind")]


def test_objects_without_a_namespace_are_let_in_by_the_empty_pattern():
    assert [v.pointer for v in review(Allow(namespaces="shop"), declared(SHOP))] == ["/metadata"]
    assert review(Allow(namespaces=("shop", "")), declared(SHOP)) == []


def test_a_rule_may_be_about_some_objects_only():
    policy = Allow(namespaces="edge", where=Selector(paths="teams/edge/"))
    assert [v.key for v in review(policy, declared(SITE, "teams/edge/a.yaml"), declared(WEB, "teams/web/a.yaml"))] == [SITE]
    assert review(Deny(kinds="*", where=Selector(paths="teams/edge/")), declared(WEB, "teams/web/a.yaml")) == []


@pytest.mark.parametrize("word", ["namespaces", "names", "paths"])
def test_allow_names_the_list_that_did_not_fit(word):
    (found,) = review(Allow(**{word: "other"}), declared(SITE))
    assert f"the {word[:-1]} " in found.message
    assert f"Allow's {word}" in found.message


@pytest.mark.parametrize("cls", [Allow, Deny])
def test_a_rule_about_nothing_is_refused(cls):
    with pytest.raises(ConfigError, match="selects nothing; say kinds, namespaces, names or paths"):
        cls()


# -- labels ----------------------------------------------------------------------------------------------------------------
def labelled(labels, key=WEB):
    return declared(key, body={"kind": key.kind, "metadata": {"name": key.name, "labels": labels}})


def test_a_missing_label_is_named_at_the_nearest_place_there_is():
    policy = RequiredLabels("team")
    bodies = [
        {"kind": "A", "name": "a"},
        {"kind": "A", "metadata": {"name": "a"}},
        {"kind": "A", "metadata": {"name": "a", "labels": {"x": "y"}}},
    ]
    found = [review(policy, declared(WEB, body=body))[0] for body in bodies]
    assert [v.pointer for v in found] == ["", "/metadata", "/metadata/labels"]
    assert found[0].message == 'the label "team" is missing: add it to metadata.labels'


def test_a_label_with_a_slash_is_found_and_pointed_at():
    policy = RequiredLabels({"example.org/tier": ("front", "back")})
    (missing,) = review(policy, labelled({}))
    assert missing.message.endswith("add it to metadata.labels, with a value that fits front, back")
    assert review(policy, labelled({"example.org/tier": "back"})) == []
    (found,) = review(policy, labelled({"example.org/tier": "side"}))
    assert found.pointer == "/metadata/labels/example.org~1tier"
    assert found.message == 'the label "example.org/tier" is "side": change it to fit front, back'


def test_a_label_that_is_no_text_is_refused():
    (found,) = review(RequiredLabels("team"), labelled({"team": 7}))
    assert (found.pointer, found.message) == ("/metadata/labels/team", 'the label "team" is 7, which is no text: quote it')


def test_bodies_that_are_not_meant_are_not_decoded():
    assert review(RequiredLabels("team", where=Selector(kinds="Service")), declared(SITE)) == []


def test_labels_survive_a_copy_with_another_severity():
    policy = RequiredLabels({"b": "x", "a": "*"})
    assert attrs.evolve(policy, severity="warn") == RequiredLabels({"a": "*", "b": "x"}, severity=Severity.WARN)


def test_requiring_no_label_is_refused():
    with pytest.raises(ConfigError, match="requires no label"):
        RequiredLabels(())


# -- protection ------------------------------------------------------------------------------------------------------------
def test_a_protected_object_is_neither_deleted_nor_replaced_but_may_be_changed():
    policy = ProtectedObjects({SHOP}, where=Selector(paths="prod/"))
    origin = Origin(path="prod/a.yaml", line=9)
    changes = [
        Change(SHOP, Action.DELETE),
        Change(WEB, Action.REPLACE, ChangeState.REFUSED, origin=origin),
        Change(SITE, Action.UPDATE, origin=origin),
        Change(as_key("ConfigMap/b"), Action.DELETE),
    ]
    found = review(policy, plan=plan_of(*changes))
    assert [(v.key, v.origin.line) for v in found] == [(SHOP, 0), (WEB, 9)]
    assert found[0].message == "it is protected and would be deleted: declare it again, or take it out of ProtectedObjects"
    assert "would be replaced: take back the change" in found[1].message


def test_keys_may_be_written_as_text():
    assert ProtectedObjects({"Namespace/shop"}).keys == {SHOP}


def test_protecting_nothing_is_refused():
    with pytest.raises(ConfigError, match="protects nothing"):
        ProtectedObjects()


# -- budget ----------------------------------------------------------------------------------------------------------------
def change(n, action, **facts):
    return Change(as_key(f"ConfigMap/{n}"), action, **facts)


DIFFERENCE = (FieldDiff("/data/a", DiffOp.REPLACE, before="1", after="2"),)
PLAN = plan_of(
    change(1, Action.CREATE),
    change(2, Action.CREATE),
    change(3, Action.UPDATE, diff=DIFFERENCE),
    change(4, Action.ADOPT, diff=DIFFERENCE),
    change(5, Action.ADOPT),  # equal already: nothing is written
    change(6, Action.REPLACE, diff=DIFFERENCE),
    change(7, Action.DELETE),
    change(8, Action.DELETE, state=ChangeState.REFUSED),
)


@pytest.mark.parametrize(
    ("limit", "count", "text"),
    [
        ("creates", 2, "2 creates planned"),
        ("updates", 2, "2 updates planned"),
        ("replaces", 1, "1 replaces planned"),
        ("deletes", 2, "2 deletes planned"),
        ("total", 6, "6 changes in all planned"),
    ],
)
def test_a_limit_counts_what_would_be_written(limit, count, text):
    assert review(ChangeBudget(**{limit: count}), plan=PLAN) == []
    (found,) = review(ChangeBudget(**{limit: count - 1}, severity="warn"), plan=PLAN)
    assert (found.key, found.severity) == (None, Severity.WARN)
    assert (
        found.message == f"{text}, at most {count - 1} allowed: split the commit, or allow it with ChangeBudget({limit}={count})"
    )


def test_no_limit_is_no_limit():
    assert review(ChangeBudget(), plan=PLAN) == []


def test_a_limit_of_nonsense_is_refused():
    with pytest.raises(ConfigError, match="deletes is -1; a limit is 0 or more"):
        ChangeBudget(deletes=-1)
    with pytest.raises(TypeError):
        ChangeBudget(total="3")


# -- all of them -----------------------------------------------------------------------------------------------------------
ALL = [Deny(kinds="*"), Allow(kinds="*"), RequiredLabels("a"), ProtectedObjects({SHOP}), ChangeBudget()]


@pytest.mark.parametrize("policy", ALL, ids=lambda p: p.name)
def test_a_cancelled_review_stops(policy):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        review(policy, declared(SITE), plan=plan_of(Change(SHOP, Action.DELETE)), ctx=make_context(cancel=cancel))


@pytest.mark.parametrize("policy", ALL, ids=lambda p: p.name)
def test_a_name_and_a_severity_can_be_given(policy):
    named = attrs.evolve(policy, name="mine", severity="audit")
    assert (named.name, named.severity) == ("mine", Severity.AUDIT)
    assert policy.name == type(policy).__name__
    assert named.fingerprint != policy.fingerprint


def test_an_unknown_severity_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="no severity 'fatal'; it is one of deny, warn, audit"):
        Deny(kinds="*", severity="fatal")


def test_a_subclass_has_a_fingerprint_of_its_own():
    class Stricter(Deny):
        pass

    assert Stricter(kinds="*", name="Deny").fingerprint != Deny(kinds="*").fingerprint
