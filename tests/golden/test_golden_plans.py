"""
What plans look like, exactly: as text, as Markdown, as JSON.

After a wanted change run ``GOLDEN_UPDATE=1 pytest tests/golden`` and review the difference of ``tests/golden/plans``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import attrs
import jsonschema
import pytest

from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan, Refusal
from gitops_core.model.resources import Origin, ResourceKey
from gitops_core.model.values import Sensitive, mask
from gitops_core.model.verdicts import Severity, Verdict, Violation

HERE = Path(__file__).parent
PLANS = HERE / "plans"
SCHEMA = HERE.parent.parent / "docs" / "reference" / "plan.schema.json"
COMMIT = "3f2a9c1d0e4b5a6978c0ffee3f2a9c1d0e4b5a69"


def key(name: str, kind: str = "Deployment", group: str = "apps") -> ResourceKey:
    return ResourceKey(group, kind, "shop", name)


def declared(line: int, path: str = "shop/web.yaml") -> Origin:
    return Origin("https://git.example.org/shop", COMMIT, path, 0, line, 1)


IMAGE = FieldDiff(
    "/spec/containers/0/image",
    DiffOp.REPLACE,
    "spec.containers[name=web].image",
    '"registry.example.org/web:1.4"',
    '"registry.example.org/web:1.5"',
)
REPLICAS = FieldDiff("/spec/replicas", DiffOp.REPLACE, "spec.replicas", "2", "3", manager="kubectl")
ADDED = FieldDiff("/metadata/labels/tier", DiffOp.ADD, "metadata.labels.tier", after='"front"')
REMOVED = FieldDiff("/spec/paused", DiffOp.REMOVE, "spec.paused", "true", note="no longer declared")
SELECTOR = FieldDiff(
    "/spec/selector/app", DiffOp.REPLACE, "spec.selector.app", '"web"', '"shop-web"', forces_replacement=True
)  # fmt: skip

EVERY_ACTION = Plan(
    "example.org/demo/shop",
    COMMIT,
    "d" * 64,
    changes=(
        Change(
            ResourceKey("", "Namespace", "", "shop"),
            Action.CREATE,
            reason="not in the target",
            origin=declared(1, "shop/namespace.yaml"),
        ),
        Change(
            key("web"),
            Action.UPDATE,
            reason="4 fields differ",
            diff=(ADDED, IMAGE, REMOVED, REPLICAS),
            desired="a" * 64,
            live_id="7f8e",
            precondition="b" * 64,
            depends_on=(ResourceKey("", "Namespace", "", "shop"),),
            origin=declared(4),
        ),
        Change(key("api"), Action.REPLACE, reason="1 field cannot be changed in place", diff=(SELECTOR,), origin=declared(31)),
        Change(key("cache", "Service", ""), Action.ADOPT, reason="equal and not owned", wait=False, adopts=True),
        Change(key("front", "Service", ""), Action.ADOPT, reason="1 field differs", diff=(REPLICAS,), adopts=True),
        Change(key("queue"), Action.UPDATE, reason="1 field differs", diff=(ADDED,), adopts=True, origin=declared(60)),
        Change(
            key("old", "ConfigMap", ""),
            Action.DELETE,
            reason="no longer declared",
            live_id="11aa",
            precondition="c" * 64,
            approval="spring-clean",
            origin=declared(0, "shop/old.yaml"),
        ),
    ),
    unchanged=(key("db", "StatefulSet"), key("mail")),
    inventory_serial=17,
    guard="1 of at most 2 deletes, 5 of at most 6 touched",
)

HELD_BACK = Plan(
    "example.org/demo/shop",
    COMMIT,
    changes=(
        Change(
            key("gone"),
            Action.DELETE,
            ChangeState.REFUSED,
            reason="12 of 20 owned objects would be deleted, at most 5",
            rule="delete_limit",
            override='Approval("...", expires_at=..., rules={"delete_limit"}, max_count=12)',
        ),
        Change(
            key("shared", "ConfigMap", ""),
            Action.UPDATE,
            ChangeState.REFUSED,
            reason="owned by example.org/other/base",
            diff=(ADDED,),
            rule="foreign_owner",
            origin=declared(9),
        ),
        Change(
            key("backup", "CronTab", "stable.example.org"),
            Action.CREATE,
            ChangeState.DEFERRED,
            reason="its definition is created in this pass",
            rule="kind_unknown",
            origin=declared(2, "shop/backup.yaml"),
        ),
        Change(
            key("web"),
            Action.UPDATE,
            ChangeState.SKIPPED,
            reason="depends on ConfigMap/shop/shared, which is refused",
            diff=(IMAGE,),
            rule="dependency",
            depends_on=(key("shared", "ConfigMap", ""),),
            origin=declared(4),
        ),
    ),
    unchanged=(key("mail"),),
    guard="12 of at most 5 deletes",
)

SALT = b"golden"
PASSWORD, OTHER = (mask(Sensitive(text), SALT) for text in ("hunter2", "correct horse"))
SENSITIVE = Plan(
    "example.org/demo/shop",
    COMMIT,
    changes=(
        Change(
            key("login", "Secret", ""),
            Action.UPDATE,
            reason="2 fields differ",
            diff=(
                FieldDiff("/data/password", DiffOp.REPLACE, "data.password", PASSWORD, OTHER, sensitive=True),
                FieldDiff("/data/token", DiffOp.ADD, "data.token", after=OTHER, sensitive=True),
            ),
            origin=declared(3, "shop/login.yaml"),
        ),
    ),
)

REFUSED_AS_A_WHOLE = Plan(
    "example.org/demo/shop",
    COMMIT,
    changes=(
        Change(
            key("web"),
            Action.DELETE,
            ChangeState.REFUSED,
            "nothing is declared",
            rule="empty",
            override="Guard(allow_empty=True)",
        ),
    ),
    refusals=(
        Refusal("empty", "nothing is declared and 1 object is owned: an empty render deletes nothing", "Guard(allow_empty=True)"),
        Refusal("unknown", "1 kind could not be observed"),
    ),
    unreadable=("ConfigMap (all): Denied: list configmaps is forbidden for this account",),
    complete=False,
    guard="0 of at most 0 deletes",
)

POLICIES = Plan(
    "example.org/demo/shop",
    COMMIT,
    changes=(
        Change(
            key("web"),
            Action.CREATE,
            ChangeState.REFUSED,
            "deny images: the image has no tag; name one",
            rule="policy",
            origin=declared(4),
        ),
    ),
    verdict=Verdict.of(
        [
            Violation(key("web"), "the image has no tag; name one", pointer="/spec/image", policy="images", origin=declared(7)),
            Violation(key("web"), "no owner label; add one", Severity.WARN, "/metadata/labels", "labels", declared(5)),
            Violation(None, "4 objects in a freeze window; wait until Monday", Severity.WARN, policy="calendar"),
            Violation(key("mail"), "seen", Severity.AUDIT, policy="audit"),
        ]
    ),
)

NOTHING = Plan(
    "example.org/demo/shop",
    COMMIT,
    "e" * 64,
    unchanged=(ResourceKey("", "File", "", "www/index.html"), key("mail")),
    inventory_serial=3,
)

TRICK = "`</code><script>x</script>|[a](http://evil.example)\n# @everyone\x1b[2J\u202e``` **"
HOSTILE = Plan(
    TRICK,
    TRICK,
    changes=(
        Change(
            key(TRICK, TRICK, TRICK),
            Action.UPDATE,
            ChangeState.REFUSED,
            reason=TRICK,
            diff=(
                FieldDiff(
                    "/" + TRICK,
                    DiffOp.REPLACE,
                    TRICK,
                    json.dumps(TRICK),
                    json.dumps("x" * 121),
                    note=TRICK,
                    manager=f"not {TRICK}",
                ),
                FieldDiff("", DiffOp.ADD, after="y" * 120),
            ),
            rule=TRICK,
            override=TRICK,
            approval=TRICK,
            depends_on=(key(TRICK),),
            origin=Origin(TRICK, TRICK, TRICK, 0, 1, 1),
        ),
        Change(key(" padded ", "`"), Action.CREATE, diff=(FieldDiff("/a", DiffOp.ADD, "````````", after='"````"'),)),
    ),
    refusals=(Refusal(TRICK, TRICK, TRICK),),
    verdict=Verdict.of([Violation(None, TRICK, pointer=TRICK, policy=TRICK, origin=Origin(path=TRICK))]),
    unreadable=(TRICK,),
    guard=TRICK,
)

EXAMPLES = {
    "every-action": EVERY_ACTION,
    "held-back": HELD_BACK,
    "sensitive": SENSITIVE,
    "refused-as-a-whole": REFUSED_AS_A_WHOLE,
    "policies": POLICIES,
    "nothing-to-do": NOTHING,
    "hostile": HOSTILE,
}


def pretty(text: str) -> str:
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


WRITERS = {"txt": lambda plan: plan.text() + "\n", "md": Plan.markdown, "json": lambda plan: pretty(plan.to_json())}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_plan_is_written_exactly_as_it_was_reviewed(name: str, form: str) -> None:
    """The text, Markdown and JSON of each example equal the files that people have reviewed."""
    path = PLANS / f"{name}.{form}"
    written = WRITERS[form](EXAMPLES[name])
    if os.environ.get("GOLDEN_UPDATE"):
        path.write_text(written, encoding="utf-8", newline="")
    assert path.read_bytes().decode() == written


def test_every_golden_file_belongs_to_an_example() -> None:
    """No file is left over from an example that is gone."""
    expected = {f"{name}.{form}" for name in EXAMPLES for form in WRITERS}
    assert {path.name for path in PLANS.iterdir()} == expected


def test_the_examples_show_every_action_state_operation_and_severity() -> None:
    """A new word in the model needs a new example."""
    changes = [change for plan in EXAMPLES.values() for change in plan.changes]
    assert set(Action) - {Action.UNCHANGED} == {change.action for change in changes}
    assert set(ChangeState) == {change.state for change in changes}
    assert set(DiffOp) == {diff.op for change in changes for diff in change.diff}
    assert set(Severity) == {violation.severity for plan in EXAMPLES.values() for violation in plan.verdict.violations}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_golden_plan_reads_back_equal(name: str) -> None:
    """What was saved, and pretty-printed by somebody, is the same plan with the same id."""
    read = Plan.from_json((PLANS / f"{name}.json").read_bytes())
    assert read == EXAMPLES[name]
    assert read.id == EXAMPLES[name].id


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_published_schema_accepts_every_golden_plan(name: str, validator: jsonschema.Draft202012Validator) -> None:
    """Other programs may rely on docs/reference/plan.schema.json."""
    errors = list(validator.iter_errors(json.loads((PLANS / f"{name}.json").read_text())))
    assert errors == []


def places(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, child in children for place in places(child, (*at, name)))]


WHOLE = attrs.evolve(EVERY_ACTION, verdict=POLICIES.verdict, refusals=REFUSED_AS_A_WHOLE.refusals, unreadable=("x",))


@pytest.mark.parametrize("damage", ["missing", "unknown", "ill-typed"])
def test_the_schema_refuses_what_the_reader_refuses(damage: str, validator: jsonschema.Draft202012Validator) -> None:
    """The schema is as strict as from_json: no field may be missing, unknown or of another type."""
    for place in places(json.loads(WHOLE.to_json())):
        document = json.loads(WHOLE.to_json())
        if not _damage(document, place, damage):
            continue
        with pytest.raises(ValueError, match="/"):
            Plan.from_json(json.dumps(document))
        assert not validator.is_valid(document), (damage, place)


def _damage(document: object, place: tuple[str | int, ...], damage: str) -> bool:
    *parents, last = place or (None,)
    holder = document
    for part in parents:
        holder = holder[part]
    if damage == "ill-typed" and place:
        holder[last] = 1.5
    elif damage == "missing" and place and isinstance(holder, dict):
        del holder[last]
    elif damage == "unknown" and isinstance(document, dict):
        holder = holder[last] if place else document
        if not isinstance(holder, dict):
            return False
        holder["surprise"] = 1
    else:
        return False
    return True
