"""Proxies are found as kubectl finds them."""

from __future__ import annotations

import pytest

from gitops_core.kubernetes_api.proxies import proxy_from


@pytest.mark.parametrize(
    ("environment", "server", "proxy"),
    [
        ({}, "https://a.org", ""),
        ({"HTTPS_PROXY": "http://p:1"}, "https://a.org", "http://p:1"),
        ({"https_proxy": "p:1"}, "https://a.org", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://a.org", ""),
        ({"HTTP_PROXY": "http://p:1"}, "http://a.org", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://127.0.0.1:6443", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, "https://a.org", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b.org, a.org"}, "https://a.org", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.org:6443"}, "https://a.org:6443", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.org:6443"}, "https://a.org:7443", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".a.org"}, "https://x.a.org", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*.a.org"}, "https://x.a.org", ""),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "a.org"}, "https://x.a.org", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.org"}, "https://xa.org", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, "https://10.96.0.1:443", ""),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, "https://11.96.0.1:443", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ",,"}, "https://a.org", "http://p:1"),
    ],
)
def test_each_environment_has_its_proxy(environment: dict[str, str], server: str, proxy: str) -> None:
    assert proxy_from(environment, server) == proxy
