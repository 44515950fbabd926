from pathlib import Path

import pytest

from gitops_core.errors import ConfigError
from gitops_core.sources.git.addresses import parse_address


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "user", "path"),
    [
        ("https://example.org/a/b.git", "https", "example.org", 443, "", "/a/b.git"),
        ("https://example.org:8443/a/", "https", "example.org", 8443, "", "/a/"),
        ("http://[::1]:80/a", "http", "::1", 80, "", "/a"),
        ("ssh://git@example.org/a%20b", "ssh", "example.org", 0, "git", "/a b"),
        ("ssh://example.org:2222/~/a", "ssh", "example.org", 2222, "", "/~/a"),
        ("git+ssh://git@example.org/a", "ssh", "example.org", 0, "git", "/a"),
        ("git@example.org:a/b.git", "ssh", "example.org", 0, "git", "a/b.git"),
        ("example.org:a", "ssh", "example.org", 0, "", "a"),
        ("git://example.org/a", "git", "example.org", 9418, "", "/a"),
        ("file:///srv/a%20b", "file", "", 0, "", "/srv/a b"),
        ("/srv/a", "file", "", 0, "", "/srv/a"),
        (Path("/srv/a"), "file", "", 0, "", "/srv/a"),
    ],
)
def test_urls_are_taken_apart(url, scheme, host, port, user, path):
    found = parse_address(url)
    assert (found.scheme, found.host, found.port, found.user, found.path) == (scheme, host, port, user, path)


def test_a_relative_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_address("repo").path == str(tmp_path / "repo")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://me:hunter2@example.org/a", "credentials"),
        ("https://hunter2@example.org/a", "credentials"),
        ("ssh://me:hunter2@example.org/a", "credentials"),
        ("https://example.org/a?token=hunter2", "query"),
        ("https://example.org/a#hunter2", "fragment"),
        ("ftp://example.org/a", "scheme"),
        ("https:///a", "no host"),
        ("https://example.org/", "no repository"),
        ("https://example.org:hunter2/a", "host or port"),
        ("ssh://-oProxyCommand=x/a", "'-'"),
        ("ssh://-oProxyCommand=x@example.org/a", "'-'"),
        ("git@example.org:-x", "'-'"),
        ("git@example.org:a\nb", "control|path"),
        ("", "empty"),
    ],
)
def test_a_url_that_could_leak_or_mislead_is_refused_without_repeating_its_secret(url, word):
    with pytest.raises(ConfigError, match=word) as caught:
        parse_address(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "loopback"),
    [("http://127.0.0.1/a", True), ("http://[::1]/a", True), ("http://localhost/a", True), ("http://example.org/a", False)],
)
def test_loopback_is_known(url, loopback):
    assert parse_address(url).is_loopback is loopback


def test_an_origin_has_its_port():
    assert parse_address("https://[::1]/a").origin == "https://[::1]:443"
