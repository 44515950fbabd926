"""Kubeconfigs: files, contexts, clusters and users; what is missing is named, what is secret is not."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_core.errors import ConfigError
from gitops_core.kubernetes_api.endpoints import Certificate
from gitops_core.kubernetes_api.exec_plugins import ExecTickets
from gitops_core.kubernetes_api.identities import Impersonation
from gitops_core.kubernetes_api.kubeconfig import kubeconfig_login
from gitops_core.kubernetes_api.kubeconfig_files import kubeconfig_paths, read_kubeconfig
from gitops_core.kubernetes_api.logins import Login
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.tickets import Ticket, basic, bearer

CANARY = "hunter2-canary"
EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin", "interactiveMode": "Never"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(path: Path, user: Any = None, cluster: Any = None, name: str = "dev") -> Path:
    content = {
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": "https://dev.test:6443"} if cluster is None else cluster}],
        "users": [{"name": name, "user": {"token": "abc"} if user is None else user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "ignored"}}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def login(path: Path | None, context: str | None = None, environment: dict[str, str] | None = None) -> Login:
    return kubeconfig_login(path, context, ConnectionSettings(), environment or {})


def ticket(path: Path) -> Ticket:
    return login(path).tickets.current()


def test_the_current_context_counts_unless_another_is_named(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b", name="prod")
    environment = {"KUBECONFIG": f"{first}{os.pathsep}{second}"}
    assert login(None, None, environment).identity == "dev/dev"
    assert login(None, "prod", environment).identity == "prod/prod"


def test_the_first_of_a_name_counts(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a", {"token": "first"}), write(tmp_path / "b", {"token": "second"})
    found = login(None, None, {"KUBECONFIG": f"{first}{os.pathsep}{second}"})
    assert found.tickets.current() == bearer("first")


def test_a_context_may_stand_in_one_file_and_its_user_in_another(tmp_path: Path) -> None:
    users = tmp_path / "users"
    users.write_text(yaml.safe_dump({"users": [{"name": "dev", "user": {"token": "apart"}}]}))
    found = login(None, None, {"KUBECONFIG": f"{users}{os.pathsep}{write(tmp_path / 'a')}"})
    assert found.tickets.current() == bearer("apart")


def test_absent_files_of_a_list_are_skipped_but_not_all(tmp_path: Path) -> None:
    present = write(tmp_path / "a")
    assert read_kubeconfig((tmp_path / "gone", present)).files == (present,)
    with pytest.raises(ConfigError, match=r"none of .*gone, .*gone2 is there; correct KUBECONFIG"):
        read_kubeconfig((tmp_path / "gone", tmp_path / "gone2"))


def test_without_a_name_kubectls_files_are_read() -> None:
    assert kubeconfig_paths(None, {}) == (Path("~/.kube/config").expanduser(),)
    assert kubeconfig_paths(None, {"KUBECONFIG": ""}) == (Path("~/.kube/config").expanduser(),)
    assert kubeconfig_paths(None, {"KUBECONFIG": f"a{os.pathsep}{os.pathsep}b{os.pathsep}a"}) == (Path("a"), Path("b"))
    assert kubeconfig_paths("~/mine", {"KUBECONFIG": "a"}) == (Path("~/mine").expanduser(),)


def test_relative_paths_begin_at_their_file(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key", "token"):
        (tmp_path / "deep" / "pki").mkdir(parents=True, exist_ok=True)
        (tmp_path / "deep" / "pki" / name).write_text(name)
    user = {"client-certificate": "pki/cert", "client-key": "pki/key", "tokenFile": "pki/token"}
    cluster = {"server": "https://a", "certificate-authority": "pki/ca"}
    found = login(write(tmp_path / "deep" / "config", user, cluster))
    assert found.endpoint.ca_data == "ca"
    assert found.tickets.current() == bearer("token", Certificate(b"cert", b"key"))


def test_data_goes_before_files(tmp_path: Path) -> None:
    user = {
        "client-certificate": "gone",
        "client-certificate-data": encoded("cert"),
        "client-key": "gone",
        "client-key-data": encoded("key"),
    }
    cluster = {"server": "https://a", "certificate-authority": "gone", "certificate-authority-data": encoded("ca")}
    found = login(write(tmp_path / "a", user, cluster))
    assert found.endpoint.ca_data == "ca"
    assert found.tickets.current() == bearer("", Certificate(b"cert", b"key"))


def test_a_cluster_says_how_it_is_reached(tmp_path: Path) -> None:
    cluster = {"server": "https://a", "tls-server-name": "b", "proxy-url": "http://p", "insecure-skip-tls-verify": True}
    endpoint = login(write(tmp_path / "a", cluster=cluster), None, {"HTTPS_PROXY": "http://other"}).endpoint
    assert (endpoint.tls_server_name, endpoint.proxy, endpoint.insecure) == ("b", "http://p", True)


def test_the_environment_names_a_proxy_when_the_cluster_does_not(tmp_path: Path) -> None:
    assert login(write(tmp_path / "a"), None, {"HTTPS_PROXY": "http://p"}).endpoint.proxy == "http://p"


def test_each_way_to_log_in(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from file")
    path = tmp_path / "a"
    assert ticket(write(path, {})) == bearer("")
    assert ticket(write(path, {"token": "abc"})) == bearer("abc")
    assert ticket(write(path, {"token": "abc", "tokenFile": "token"})) == bearer("from file")
    assert ticket(write(path, {"username": "jane", "password": "x"})) == basic("jane", "x")


def test_a_plugin_goes_before_a_token(tmp_path: Path) -> None:
    (tmp_path / "plugin").touch(mode=0o755)
    assert isinstance(login(write(tmp_path / "a", {"token": "abc", "exec": EXEC})).tickets, ExecTickets)


def test_a_context_without_a_user_is_anonymous(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    content = yaml.safe_load(path.read_text())
    del content["contexts"][0]["context"]["user"]
    path.write_text(yaml.safe_dump(content))
    found = login(path)
    assert (found.identity, found.tickets.current()) == ("dev/anonymous", bearer(""))


def test_a_user_may_ask_as_another(tmp_path: Path) -> None:
    user = {"token": "abc", "as": "jane", "as-groups": ["a"], "as-uid": "7", "as-user-extra": {"Scope": ["x"]}}
    assert login(write(tmp_path / "a", user)).impersonation == Impersonation("jane", ("a",), "7", (("scope", ("x",)),))
    assert login(write(tmp_path / "a")).impersonation is None


def test_groups_without_a_user_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="as of 'dev' is missing"):
        login(write(tmp_path / "a", {"as-groups": ["a"]}))


def test_json_is_yaml_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a")
    path.write_text(json.dumps(yaml.safe_load(path.read_text())))
    assert login(path).identity == "dev/dev"


def without(path: Path, kind: str, **changes: Any) -> Path:
    content = yaml.safe_load(path.read_text())
    content[kind] = changes.get("to", [])
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("kind", "to", "words"),
    [
        ("contexts", [], "there is no context 'dev'; set a current-context, or name one of: there are none"),
        (
            "clusters",
            [{"name": "other", "cluster": {}}],
            "there is no cluster 'dev'; set cluster of context 'dev': one of: other",
        ),
        ("users", [{"name": "b"}, {"name": "a"}], "there is no user 'dev'; set user of context 'dev': one of: a, b"),
        ("current-context", "", "no context is named; set a current-context, or name one of: dev"),
        ("clusters", [{"cluster": {}}], "an entry of clusters has no name"),
        ("clusters", ["dev"], "an entry of clusters has no name"),
        ("clusters", [{"name": "dev", "cluster": "x"}], "server of 'dev' is missing"),
        ("clusters", [{"name": "dev", "cluster": {"server": 5}}], "server of 'dev' must be a text"),
    ],
)
def test_what_is_missing_is_named_with_file_and_cure(tmp_path: Path, kind: str, to: Any, words: str) -> None:
    path = without(write(tmp_path / "a"), kind, to=to)
    with pytest.raises(ConfigError) as caught:
        login(path)
    assert str(caught.value).startswith(f"kubeconfig {path}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"auth-provider": {"name": CANARY}}, "auth-provider of 'dev' is not supported"),
        ({"client-certificate-data": encoded("x"), "token": CANARY}, "they go together"),
        ({"client-key-data": f"{CANARY}!"}, "client-key-data of 'dev' is not base64"),
        ({"client-certificate": "gone", "client-key": CANARY}, "No such file"),
        ({"token": {"a": CANARY}}, "token of 'dev' must be a text"),
        ({"tokenFile": "gone"}, "token file"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused_and_not_shown(tmp_path: Path, user: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        login(write(tmp_path / "a", user))
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"), [(f"a: [{CANARY}", "line 1 is not YAML"), ("- a", "is no mapping"), ("\x00", "is not YAML")]
)
def test_a_file_that_is_no_kubeconfig_is_told_without_its_content(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "a").write_text(content)
    with pytest.raises(ConfigError, match=words) as caught:
        login(tmp_path / "a")
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_an_empty_file_names_no_context(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(ConfigError, match="no context is named"):
        login(tmp_path / "a")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone: No such file or directory; name another file, or set KUBECONFIG"):
        login(tmp_path / "gone")
