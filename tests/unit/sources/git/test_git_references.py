import pytest

from gitops_core.errors import ConfigError
from gitops_core.sources.git.references import Kind, Reference

ID = "a" * 40
REFS = {
    "HEAD": "1" * 40,
    "refs/heads/main": "1" * 40,
    "refs/heads/both": "2" * 40,
    "refs/heads/main-2": "3" * 40,
    "refs/tags/both": "4" * 40,
    "refs/tags/v1.0.0": "5" * 40,
    "refs/tags/v1.1.0": "6" * 40,
    "refs/tags/v1.1.0^{}": "7" * 40,
    "refs/pull/1/head": "8" * 40,
}


@pytest.mark.parametrize(
    ("text", "kind", "chosen"),
    [
        ("main", Kind.NAME, ("refs/heads/main", "1" * 40)),
        ("both", Kind.NAME, ("refs/heads/both", "2" * 40)),
        ("branch=both", Kind.BRANCH, ("refs/heads/both", "2" * 40)),
        ("tag=both", Kind.TAG, ("refs/tags/both", "4" * 40)),
        ("v1.0.0", Kind.NAME, ("refs/tags/v1.0.0", "5" * 40)),
        ("tag=v1.1.0", Kind.TAG, ("refs/tags/v1.1.0", "7" * 40)),
        ("semver=1.x", Kind.SEMVER, ("refs/tags/v1.1.0", "7" * 40)),
        ("~1.0", Kind.SEMVER, ("refs/tags/v1.0.0", "5" * 40)),
        (">=1", Kind.SEMVER, ("refs/tags/v1.1.0", "7" * 40)),
        ("HEAD", Kind.FULL, ("HEAD", "1" * 40)),
        ("refs/pull/1/head", Kind.FULL, ("refs/pull/1/head", "8" * 40)),
        ("ref=refs/heads/main", Kind.FULL, ("refs/heads/main", "1" * 40)),
        (ID, Kind.COMMIT, (ID, ID)),
        (f"commit={ID}", Kind.COMMIT, (ID, ID)),
        ("gone", Kind.NAME, None),
        ("semver=^2", Kind.SEMVER, None),
    ],
)
def test_the_documented_precedence(text, kind, chosen):
    reference = Reference.parse(text)
    assert reference.kind is kind
    assert reference.choose(REFS) == chosen


def test_a_commit_needs_no_listing_and_a_name_asks_for_two_prefixes():
    assert Reference.parse(ID).prefixes == ()
    assert Reference.parse("main").prefixes == ("refs/heads/main", "refs/tags/main")
    assert Reference.parse("semver=1").prefixes == ("refs/tags/",)


@pytest.mark.parametrize(
    "text", ["", "a b", "a..b", "-x", "a^", "a/", "/a", "x.lock", ".a", "a:b", "branch=", "tag=a\\b", "refs/heads/a\n"]
)
def test_an_impossible_name_is_refused(text):
    with pytest.raises(ConfigError, match=r"GitSource\.ref|no range"):
        Reference.parse(text)


@pytest.mark.parametrize("text", ["commit=abc123", "commit=" + "A" * 40])
def test_an_abbreviated_commit_is_refused(text):
    with pytest.raises(ConfigError, match="40 hexadecimal digits"):
        Reference.parse(text)


def test_a_broken_range_is_refused_when_it_is_written():
    with pytest.raises(ConfigError, match="no range of versions"):
        Reference.parse("semver=newest")


def test_misspellings_get_a_hint():
    assert "main" in Reference.parse("mian").nearest(REFS)
    assert str(Reference.parse("branch=x")) == "branch x"
    assert str(Reference.parse("x")) == "x"
