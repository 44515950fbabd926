"""Names that cannot be names are refused with the rule, not with an expression."""

from __future__ import annotations

import pytest

from gitops_core.model.applications import Owner


@pytest.mark.parametrize("domain", ["", "Example.org", "example.org/", "-a", "a_b"])
def test_a_domain_is_a_dns_name(domain):
    with pytest.raises(ValueError, match="is not a DNS name in lower case"):
        Owner(domain, "demo")


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/", "x" * 64, 7])
def test_a_name_has_letters_digits_and_a_few_signs(name):
    with pytest.raises(ValueError, match="is not 1 to 63 letters"):
        Owner("example.org", name)


def test_a_key_is_the_domain_and_a_word():
    assert Owner("example.org", "demo").key("protect") == "example.org/protect"
