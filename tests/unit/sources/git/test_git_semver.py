import pytest

from gitops_core.errors import ConfigError
from gitops_core.sources.git.semver import Range, Version

ALL = [
    "0.0.3",
    "0.0.4",
    "0.1.9",
    "0.2.0",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.2.3",
    "1.2.9",
    "1.3.0",
    "1.9.9",
    "2.0.0-alpha",
    "2.0.0",
    "2.1.0",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*", ["0.0.3", "0.0.4", "0.1.9", "0.2.0", "1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9", "2.0.0", "2.1.0"]),
        ("1", ["1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("1.x", ["1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("1.2.*", ["1.2.0", "1.2.3", "1.2.9"]),
        ("v1.2.3", ["1.2.3"]),
        ("=1.2.3", ["1.2.3"]),
        ("^1.2.3", ["1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("^1.2", ["1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("^1", ["1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("^0.1.0", ["0.1.9"]),
        ("^0.0.3", ["0.0.3"]),
        ("^0.0", ["0.0.3", "0.0.4"]),
        ("^0", ["0.0.3", "0.0.4", "0.1.9", "0.2.0"]),
        ("~1.2.3", ["1.2.3", "1.2.9"]),
        ("~1.2", ["1.2.0", "1.2.3", "1.2.9"]),
        ("~1", ["1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("~*", ["0.0.3", "0.0.4", "0.1.9", "0.2.0", "1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9", "2.0.0", "2.1.0"]),
        (">=1.3", ["1.3.0", "1.9.9", "2.0.0", "2.1.0"]),
        (">1.2", ["1.3.0", "1.9.9", "2.0.0", "2.1.0"]),
        (">1.9.9", ["2.0.0", "2.1.0"]),
        (">*", []),
        ("<0.1", ["0.0.3", "0.0.4"]),
        ("<0.0.4", ["0.0.3"]),
        ("<=0.1", ["0.0.3", "0.0.4", "0.1.9"]),
        ("<=0.0.4", ["0.0.3", "0.0.4"]),
        (">=1.2 <1.3", ["1.2.0", "1.2.3", "1.2.9"]),
        (">= 1.2, < 1.3", ["1.2.0", "1.2.3", "1.2.9"]),
        ("0.0.3 || ^2", ["0.0.3", "2.0.0", "2.1.0"]),
        (">=1.0.0-0 <2", ["1.0.0-rc.1", "1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
        ("^2.0.0-0", ["2.0.0-alpha", "2.0.0", "2.1.0"]),
        ("1.0.0-rc.1", ["1.0.0-rc.1"]),
        ("^1.0.0-rc", ["1.0.0-rc.1", "1.0.0", "1.2.0", "1.2.3", "1.2.9", "1.3.0", "1.9.9"]),
    ],
)
def test_a_range_holds_what_npm_says_and_pre_releases_only_when_named(text, expected):
    wanted = Range.parse(text)
    assert [v for v in ALL if Version.parse(v) in wanted] == expected


def test_versions_order_as_semver_org_item_11_has_it():
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ]
    assert sorted(ordered[3:] + ordered[:3], key=lambda v: Version.parse(v).key) == ordered


@pytest.mark.parametrize("text", ["v1", "1.2", "01.2.3", "1.2.3-", "release-1.2.3", "1.2.3.4", ""])
def test_what_is_no_full_version_is_none(text):
    assert Version.parse(text) is None


def test_build_metadata_does_not_change_the_order_and_ties_are_decided_by_the_text():
    assert Range.parse("^1").best(["1.0.0+a", "v1.0.0", "1.0.0"]) == "v1.0.0"


def test_best_is_none_when_nothing_fits():
    assert Range.parse("^3").best(["1.0.0", "nightly"]) is None


@pytest.mark.parametrize("text", ["", "abc", ">>1", "1.2.3.4", "^1 ||", "1..2", "latest", ">=1.2 and <2"])
def test_an_unreadable_range_is_refused_with_examples(text):
    with pytest.raises(ConfigError, match=r"no range of versions.*write"):
        Range.parse(text)
