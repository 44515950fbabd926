"""Laws of the values that everything else is built on."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gitops_core.model.inventory import EntryState, Intent, Inventory, InventoryEntry, InventoryUpdate
from gitops_core.model.plan_markdown import code, fence
from gitops_core.model.plan_text import printable
from gitops_core.model.plans import Action, Change, ChangeState, DiffOp, FieldDiff, Plan, Refusal
from gitops_core.model.pointers import Patterns, get, join, leaves, split
from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.model.secrets import Redactor, reveal, wrap
from gitops_core.model.values import Sensitive, digest, freeze, mask, same, thaw
from gitops_core.model.verdicts import Severity, Verdict, Violation

TEXT = st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12)
BODIES = st.dictionaries(TEXT, JSON, max_size=4)
PARTS = st.text(min_size=1, max_size=8) | st.sampled_from(["%", "/", "%2F", "%25", "%252F", "a/b"])
KEYS = st.builds(ResourceKey, PARTS | st.just(""), PARTS, PARTS | st.just(""), PARTS)


# ---------------------------------------------------------------------------------------------------------------------
# Values


@given(JSON)
def test_thawing_undoes_freezing(value: Any) -> None:
    frozen = freeze(value)
    assert same(thaw(frozen), value)
    assert json.dumps(frozen) == json.dumps(value)
    assert freeze(frozen) is frozen or frozen == freeze(frozen)


def shuffled(value: Any, random: Any) -> Any:
    if isinstance(value, dict):
        names = list(value)
        random.shuffle(names)
        return {name: shuffled(value[name], random) for name in names}
    return [shuffled(each, random) for each in value] if isinstance(value, list) else value


@given(BODIES, st.randoms(use_true_random=False))
def test_a_digest_ignores_the_order_of_keys(body: dict[str, Any], random: Any) -> None:
    assert digest(shuffled(body, random)) == digest(freeze(body))


@given(JSON, JSON)
def test_equal_digests_mean_equal_values(left: Any, right: Any) -> None:
    assert (digest(left) == digest(right)) <= same(left, right)


@given(JSON)
def test_every_value_equals_itself_however_it_is_stored(value: Any) -> None:
    assert same(value, freeze(value))
    assert same(value, json.loads(json.dumps(value)))


# ---------------------------------------------------------------------------------------------------------------------
# Secrets


CANARIES = st.text("abcdefghijkLMNOP0123456789+/", min_size=8, max_size=20).map(lambda text: "c4n4ry" + text)


@given(CANARIES, BODIES, st.binary(min_size=1, max_size=8))
def test_no_view_of_a_value_shows_a_secret(canary: str, body: dict[str, Any], salt: bytes) -> None:
    """Promise 10: neither repr, str, format, digest, mask, JSON nor pickle."""
    secret = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"a": canary, "b": [canary, {"c": canary}]}, "rest": body}
    resource = Resource.of(secret, salt=salt)
    views = [repr(resource), str(resource), f"{resource}", repr(resource.body), str(thaw(resource.body)), f"{resource.body}"]
    views += [resource.digest, mask(resource.body["data"]["a"], salt), repr(Redactor.of(resource.body))]
    assert [view for view in views if canary in view] == []
    for serialise in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError) as caught:
            serialise(resource.body)
        assert canary not in str(caught.value)


@given(BODIES, st.sets(st.sampled_from(["/a", "/a/b", "/*/c", "/a/*/d"])))
def test_revealing_undoes_wrapping(body: dict[str, Any], patterns: set[str]) -> None:
    assert same(reveal(wrap(body, Patterns(patterns))), body)


@given(st.dictionaries(st.sampled_from("abc"), JSON, max_size=3), st.sets(st.sampled_from(["/a", "/b/a", "/*/c"]), min_size=1))
def test_exactly_what_a_pattern_covers_is_wrapped(body: dict[str, Any], names: set[str]) -> None:
    patterns = Patterns(names)
    for pointer, leaf in leaves(wrap(body, patterns)):
        wrapped = isinstance(leaf, Sensitive)
        assert wrapped == (patterns.covers(pointer) and get(body, pointer) is not None and not isinstance(leaf, list | dict))


@given(st.lists(CANARIES, min_size=1, max_size=4), st.lists(TEXT, max_size=4), st.randoms(use_true_random=False))
def test_a_redactor_leaves_no_secret_in_any_text(canaries: list[str], words: list[str], random: Any) -> None:
    pieces = [*canaries, *words, *canaries]
    random.shuffle(pieces)
    redacted = Redactor.of({"data": [Sensitive(canary) for canary in canaries]}).redact("".join(pieces))
    assert [canary for canary in canaries if canary in redacted] == []


# ---------------------------------------------------------------------------------------------------------------------
# Keys and pointers


@given(KEYS)
def test_parsing_undoes_writing_a_key(key: ResourceKey) -> None:
    assert ResourceKey.parse(str(key)) == key


@given(KEYS, KEYS)
def test_different_keys_are_written_differently(left: ResourceKey, right: ResourceKey) -> None:
    assume(left != right)
    assert str(left) != str(right)


@given(st.lists(st.text(max_size=4) | st.sampled_from(["~", "/", "~1", "~0", "~01"]), max_size=5))
def test_splitting_undoes_joining_a_pointer(segments: list[str]) -> None:
    assert split(join(segments)) == tuple(segments)


@given(BODIES)
def test_every_leaf_is_where_its_pointer_says(body: dict[str, Any]) -> None:
    found = list(leaves(body))
    assert all(same(get(body, pointer), leaf) for pointer, leaf in found)
    assert len({pointer for pointer, _ in found}) == len(found)


# ---------------------------------------------------------------------------------------------------------------------
# Inventories


SMALL_KEYS = st.sampled_from([ResourceKey("", "File", "", name) for name in "abc"])
ENTRIES = st.builds(InventoryEntry, SMALL_KEYS, st.sampled_from(EntryState), st.text("xy", max_size=2))
INTENTS = st.builds(Intent, SMALL_KEYS, st.text("xy", max_size=2))


def tuples(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, max_size=3).map(tuple)


UPDATES = st.builds(InventoryUpdate, tuples(ENTRIES), tuples(SMALL_KEYS), tuples(INTENTS), tuples(SMALL_KEYS))


@given(st.lists(UPDATES, max_size=5), UPDATES)
def test_an_update_is_atomic_idempotent_and_counted(history: list[InventoryUpdate], update: InventoryUpdate) -> None:
    inventory = Inventory("app")
    for earlier in history:
        inventory = earlier.apply_to(inventory)
    once = update.apply_to(inventory)
    twice = update.apply_to(once)
    assert (inventory.serial, once.serial, twice.serial) == (len(history), len(history) + 1, len(history) + 2)
    assert (once.entries, once.intents) == (twice.entries, twice.intents)
    assert not set(update.drop) & once.entries.keys()
    assert not set(update.close_intents) & once.intents.keys()
    assert {entry.key for entry in update.put} - set(update.drop) <= once.entries.keys()
    untouched = inventory.entries.keys() - {entry.key for entry in update.put} - set(update.drop)
    assert all(once.entries[key] is inventory.entries[key] for key in untouched)
    assert all(key == entry.key for key, entry in once.entries.items())


# ---------------------------------------------------------------------------------------------------------------------
# Plans


LINES = st.builds(Origin, TEXT, TEXT, TEXT, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
DIFFS = st.builds(FieldDiff, TEXT, st.sampled_from(DiffOp), TEXT, TEXT, TEXT, st.booleans(), st.booleans(), TEXT)
CHANGES = st.builds(
    Change,
    KEYS,
    st.sampled_from(Action),
    st.sampled_from(ChangeState),
    TEXT,
    tuples(DIFFS),
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    tuples(KEYS),
    LINES,
    TEXT,
    st.booleans(),
    st.booleans(),
)
VIOLATIONS = st.builds(Violation, st.none() | KEYS, TEXT, st.sampled_from(Severity), TEXT, TEXT, LINES)
PLANS = st.builds(
    Plan,
    TEXT,
    TEXT,
    TEXT,
    tuples(CHANGES),
    tuples(KEYS),
    tuples(st.builds(Refusal, TEXT, TEXT, TEXT)),
    tuples(VIOLATIONS).map(Verdict.of),
    tuples(TEXT),
    st.booleans(),
    st.integers(),
    TEXT,
)


@given(PLANS)
def test_a_saved_plan_reads_back_equal(plan: Plan) -> None:
    """Promise 12: equal plans have equal bytes, and the bytes lose nothing."""
    text = plan.to_json()
    assert Plan.from_json(text) == plan
    assert Plan.from_json(text).to_json() == text
    assert Plan.from_json(text.encode()).id == plan.id


@given(PLANS, PLANS)
def test_different_plans_have_different_ids(left: Plan, right: Plan) -> None:
    assert (left.id == right.id) == (left == right)


@given(PLANS)
def test_a_plan_in_a_terminal_is_printable_line_by_line(plan: Plan) -> None:
    assert all(line.isprintable() for line in plan.text().split("\n"))
    assert all(str(change.key).isprintable() <= (str(change.key) in plan.text()) for change in plan.changes)


MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
NASTY = st.text("`|\\\n <>&*_[]()#a\u202e\x00", max_size=12)


@given(NASTY | TEXT)
def test_any_text_is_one_literal_code_span_even_in_a_table(text: str) -> None:
    """Whoever controls a name or a value in Git controls nothing of a pull request."""
    expected = printable(text).replace("|", "\\x7c")
    rendered = MARKDOWN.parse(f"| a | b |\n|---|---|\n| {code(text)} | end |")
    cells = [token for token in rendered if token.type == "inline"][2:]
    spans = [child.content for child in cells[0].children or [] if child.type == "code_inline"]
    assert [child.type for child in cells[0].children or [] if child.content] == ["code_inline"] * bool(expected)
    assert [span.strip() for span in spans] == [expected.strip()] * bool(expected)
    assert cells[1].content == "end"


@given(st.lists(NASTY | st.sampled_from(["```", "~~~", "````````", "    ```"]), max_size=4))
def test_any_lines_stay_inside_their_fence(lines: list[str]) -> None:
    tokens = MARKDOWN.parse("\n".join(fence(lines, "diff")))
    assert [token.type for token in tokens] == ["fence"]
    assert tokens[0].content == "".join(printable(line) + "\n" for line in lines)


@given(PLANS)
def test_no_plan_puts_markup_of_others_into_a_pull_request(plan: Plan) -> None:
    """The only HTML is our own folding, and there is no link, image, heading or emphasis but ours."""
    html_lines = {"<details>", "</details>", "<code>", "</code>", "<summary>", "</summary>"}
    for token in MARKDOWN.parse(plan.markdown()):
        inner = [token, *(token.children or [])]
        assert not {child.type for child in inner} & {"link_open", "image", "html_inline", "code_block", "blockquote_open"}
        if token.type == "html_block":
            tags = {
                part.split("&")[0] for part in token.content.replace("<", "\n<").replace(">", ">\n").split("\n") if "<" in part
            }
            assert tags <= html_lines
