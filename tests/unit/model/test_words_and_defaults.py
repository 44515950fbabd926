"""Words and defaults that stores, sinks and hosts rely on: changing one is a change for everybody."""

from __future__ import annotations

from gitops_core.model.events import Event, EventType
from gitops_core.model.fields import Fields, Identity
from gitops_core.model.health import Health, HealthStatus
from gitops_core.model.history import JournalRecord, PassRecord
from gitops_core.model.pointers import Patterns
from gitops_core.model.resources import Live, Origin, as_key
from gitops_core.model.revisions import EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, File, Revision, Tree
from gitops_core.model.verdicts import Severity

KEY = as_key("A/a")


def test_the_words_for_kinds_of_events_are_these_in_this_order():
    assert [str(word) for word in EventType] == [
        "pass-started", "resolved", "rendered", "violation", "planned", "change-started", "change-finished", "retrying",
        "notice", "pass-finished", "phase-changed", "drifted", "contested", "ordered", "quarantined", "breaker-opened",
        "breaker-closed", "membership", "applications-failed",
    ]  # fmt: skip


def test_the_words_for_health_severity_and_identity_are_these():
    assert [str(word) for word in HealthStatus] == ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    assert [str(word) for word in Severity] == ["deny", "warn", "audit"]
    assert [word.value for word in Identity] == ["declared", "assigned"]


def test_an_event_or_a_health_that_says_little_says_nothing_else():
    assert Event(EventType.NOTICE, "app", 1.0) == Event(EventType.NOTICE, "app", 1.0, 0, "", "", None, Origin(), {})
    assert Health(True, HealthStatus.HEALTHY) == Health(True, HealthStatus.HEALTHY, "", "", failed=False)


def test_a_record_that_says_little_says_nothing_else():
    record = JournalRecord(1.0, "p", "r", KEY, "create", "done")
    assert record == JournalRecord(1.0, "p", "r", KEY, "create", "done", "", "", "", Origin(), "", (), "")
    assert PassRecord("p", 1.0, 2.0, "r", "in-sync") == PassRecord("p", 1.0, 2.0, "r", "in-sync", "", "", 0)
    assert Live(KEY, {}) == Live(KEY, {}, "", "", None, "", deleting=False)


def test_fields_are_patterns_in_any_spelling_and_none_unless_said():
    assert Fields() == Fields(*[Patterns()] * 5)
    spelled = Fields(immutable=["/a"], computed=["/b"], write_only=["/c"], sensitive=["/d"], unordered=["/e"])
    found = (spelled.immutable, spelled.computed, spelled.write_only, spelled.sensitive, spelled.unordered)
    assert found == tuple(Patterns({f"/{letter}"}) for letter in "abcde")


def test_modes_of_files_are_those_of_git():
    assert (REGULAR, EXECUTABLE, SYMLINK, SUBMODULE) == (0o100644, 0o100755, 0o120000, 0o160000)
    assert File("a", "d") == File("a", "d", 0o100644)


def test_a_tree_shows_and_compares_what_it_is_and_not_how_it_is_read():
    def tree(content):
        return Tree("t", Revision("r"), lambda: {content: File(content, "d")}, lambda _: content.encode(), (), lambda _: None)

    assert tree("canary") == tree("other")
    assert repr(tree("canary")) == f"Tree(digest='t', revision={Revision('r')!r}, notices=())"
