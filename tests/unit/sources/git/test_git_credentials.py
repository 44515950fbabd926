import pytest

from gitops_core.errors import ConfigError
from gitops_core.sources.git import Basic, Bearer
from gitops_core.sources.git.credentials import credentials_for

ORIGIN = "https://example.org:443"


def test_a_function_is_asked_for_the_origin():
    asked = []
    found = credentials_for(ORIGIN, lambda origin: asked.append(origin) or Bearer("t"))
    assert (found, asked) == (Bearer("t"), [ORIGIN])


def test_fixed_credentials_and_none_are_given_as_they_are():
    assert credentials_for(ORIGIN, Basic("a", "b")).header == "Basic YTpi"
    assert credentials_for(ORIGIN, Bearer("t")).header == "Bearer t"
    assert credentials_for(ORIGIN, None) is None
    assert credentials_for(ORIGIN, lambda _origin: None) is None


def test_secrets_are_in_no_repr():
    assert "hunter2" not in repr(Basic("me", "hunter2")) + repr(Bearer("hunter2"))


def test_another_type_is_refused_without_showing_it():
    with pytest.raises(ConfigError, match="gave a str") as caught:
        credentials_for(ORIGIN, lambda _origin: "hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_line_break_cannot_smuggle_a_header():
    with pytest.raises(ConfigError, match="line break"):
        credentials_for(ORIGIN, Bearer("t\r\nHost: evil"))
