"""Credential plug-ins: found, run within limits, read, run again; none of their words kept."""

from __future__ import annotations

import json
import os
import stat
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitops_core.errors import ConfigError, Denied, GitOpsError, Transient
from gitops_core.kubernetes_api.endpoints import Certificate, Endpoint
from gitops_core.kubernetes_api.exec_plugins import ExecPlugin, ExecTickets
from gitops_core.kubernetes_api.kubeconfig_files import Entry
from gitops_core.kubernetes_api.settings import ConnectionSettings
from gitops_core.kubernetes_api.tickets import bearer

V1 = "client.authentication.k8s.io/v1"
CANARY = "hunter2-canary"
NOW = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def credential(version: str = V1, kind: str = "ExecCredential", **status: Any) -> str:
    return json.dumps({"apiVersion": version, "kind": kind, "status": status})


class World:
    """A kubeconfig's directory with a plug-in that prints a file, and counts its calls."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.now = NOW
        self.script("echo >> calls; cat answer")
        self.answers(credential(token="abc"))

    def script(self, body: str) -> None:
        file = self.place / "plugin"
        file.write_text(f"#!/bin/sh\ncd {self.place}\n{body}\n")
        file.chmod(stat.S_IRWXU)

    def answers(self, text: str) -> None:
        (self.place / "answer").write_text(text)

    @property
    def calls(self) -> int:
        return len((self.place / "calls").read_text())

    def plugin(self, cluster: dict[str, Any] | None = None, **entry: Any) -> ExecPlugin:
        user = Entry("jane", {"exec": {"apiVersion": V1, "command": "./plugin", **entry}}, self.place / "config")
        named = Entry("dev", cluster or {}, self.place / "config")
        return ExecPlugin.read(user, named, Endpoint(server="https://dev.test"))

    def tickets(self, certificate: Certificate | None = None, **settings: Any) -> ExecTickets:
        return ExecTickets(self.plugin(), ConnectionSettings(**settings), certificate, now=lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_token_without_an_end_is_asked_for_once(world: World) -> None:
    tickets = world.tickets()
    assert [tickets.current(), tickets.current()] == [bearer("abc")] * 2
    assert world.calls == 1


def test_a_token_is_renewed_shortly_before_it_expires(world: World) -> None:
    world.answers(credential(token="first", expirationTimestamp="2026-01-01T00:01:00Z"))
    tickets = world.tickets()
    assert tickets.current() == bearer("first")
    world.answers(credential(token="second", expirationTimestamp="2026-01-01T01:00:00+00:00"))
    world.now += 49
    assert tickets.current() == bearer("first")
    world.now += 2
    assert tickets.current() == bearer("second")
    assert world.calls == 2


def test_a_time_without_a_zone_is_utc(world: World) -> None:
    world.answers(credential(token="a", expirationTimestamp="2026-01-01T00:01:00"))
    tickets = world.tickets()
    tickets.current()
    world.now += 51
    tickets.current()
    assert world.calls == 2


def test_a_refused_token_is_asked_for_anew_once(world: World) -> None:
    tickets = world.tickets()
    refused = tickets.current()
    assert tickets.renew(refused) is None
    world.answers(credential(token="fresh"))
    assert tickets.renew(refused) == bearer("fresh")
    assert tickets.renew(refused) == bearer("fresh")
    assert world.calls == 3


def test_a_plugin_may_give_a_certificate_of_its_own(world: World) -> None:
    theirs = Certificate(b"of kubeconfig", b"key")
    assert world.tickets(theirs).current() == bearer("abc", theirs)
    world.answers(credential(clientCertificateData="chain", clientKeyData="key"))
    assert world.tickets(theirs).current() == bearer("", Certificate(b"chain", b"key"))


def test_a_plugin_is_told_what_it_is_asked_for(world: World) -> None:
    world.script('printf "%s|%s|%s" "$KUBERNETES_EXEC_INFO" "$REGION" "$*" > told; cat answer')
    config = {"audience": "x"}
    cluster = {
        "certificate-authority-data": "Y2E=",
        "tls-server-name": "",
        "extensions": [{"name": "other"}, {"name": "client.authentication.k8s.io/exec", "extension": config}],
    }
    plugin = world.plugin(cluster, args=["get", 5], env=[{"name": "REGION", "value": "north"}], provideClusterInfo=True)
    ExecTickets(plugin, ConnectionSettings()).current()
    info, region, arguments = (world.place / "told").read_text().split("|")
    assert json.loads(info) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {"server": "https://dev.test", "certificate-authority-data": "Y2E=", "config": config},
        },
    }
    assert (region, arguments) == ("north", "get 5")


def test_a_plugin_learns_about_the_cluster_only_when_it_wants_to(world: World) -> None:
    assert json.loads(world.plugin().environment["KUBERNETES_EXEC_INFO"])["spec"] == {"interactive": False}
    told = json.loads(world.plugin(provideClusterInfo=True).environment["KUBERNETES_EXEC_INFO"])["spec"]
    assert told["cluster"] == {"server": "https://dev.test"}


def test_a_plugin_has_no_terminal(world: World) -> None:
    world.script("read line && exit 1; cat answer")
    assert world.tickets().current() == bearer("abc")


def test_a_plugin_of_the_path_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(world.place), prepend=os.pathsep)
    assert world.plugin(command="plugin").command == str(world.place / "plugin")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"command": "not-there-at-all"}, r"names 'not-there-at-all', which is not installed"),
        ({"command": "./gone", "installHint": " get it at x \n"}, r"not installed; .* \(get it at x\)"),
        ({"command": ""}, "not installed"),
        ({"command": None}, "needs a command"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "one of the versions"),
        ({"interactiveMode": "Always"}, "wants a terminal"),
        ({"env": [{"name": "A"}]}, "must be a list of name and value"),
        ({"env": ["A"]}, "must be a list of name and value"),
    ],
)
def test_a_plugin_that_cannot_be_run_is_an_error_at_once(world: World, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        world.plugin(**entry)
    assert f"kubeconfig {world.place / 'config'}: exec" in str(caught.value)


def test_an_entry_that_is_no_mapping_is_refused(world: World) -> None:
    user = Entry("jane", {"exec": "plugin"}, world.place / "config")
    with pytest.raises(ConfigError, match="needs a command"):
        ExecPlugin.read(user, Entry("dev", {}, world.place), Endpoint(server="https://a"))


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (CANARY, ConfigError, "printed no ExecCredential"),
        (f'["{CANARY}"]', ConfigError, "printed no ExecCredential"),
        (credential(token=CANARY)[:-1], ConfigError, "printed no ExecCredential"),
        (json.dumps({"status": {"token": CANARY}}), ConfigError, "printed no ExecCredential"),
        (credential(token=CANARY, expirationTimestamp="tomorrow"), ConfigError, "printed no ExecCredential"),
        (credential("client.authentication.k8s.io/v1beta1", token=CANARY), ConfigError, "answers in .*v1beta1, not"),
        (credential(kind="Secret", token=CANARY), ConfigError, "answers in"),
        (credential(), ConfigError, "gave neither a token nor a certificate"),
        (credential(clientKeyData=CANARY, token=CANARY), ConfigError, "gave neither"),
        (credential(token=CANARY, expirationTimestamp="2025-01-01T00:00:00Z"), Denied, "have expired"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_but_not_shown(
    world: World, answer: str, kind: type[GitOpsError], words: str
) -> None:
    world.answers(answer)
    with pytest.raises(kind, match=words) as caught:
        world.tickets().current()
    assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert "'jane' in kubeconfig" in str(caught.value)


def test_a_plugin_that_fails_is_tried_again_later_and_its_words_are_dropped(world: World) -> None:
    world.script(f"echo {CANARY}; echo {CANARY} >&2; exit 3")
    with pytest.raises(Transient, match=r"failed with code 3; run .*/plugin by hand") as caught:
        world.tickets().current()
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("body", ["sleep 60", "exec >&-; sleep 60", "sleep 60 & cat answer; wait"])
def test_a_plugin_that_hangs_is_ended_with_all_that_it_started(world: World, body: str) -> None:
    world.script(f"echo $$ > pid; {body}")
    began = time.monotonic()
    with pytest.raises(Transient, match=r"did not end in time; .* raise ConnectionSettings\.exec_timeout"):
        world.tickets(exec_timeout=0.2).current()
    assert time.monotonic() - began < 10
    with pytest.raises(ProcessLookupError):
        os.kill(int((world.place / "pid").read_text()), 0)


def test_a_plugin_that_prints_without_end_is_stopped(world: World) -> None:
    world.script("yes")
    with pytest.raises(ConfigError, match="printed more than 1,000 bytes"):
        world.tickets(exec_output_bytes=1_000).current()


def test_a_file_that_is_no_program_is_told(world: World) -> None:
    plugin = world.plugin()
    (world.place / "plugin").write_bytes(b"\x00\x01")
    with pytest.raises(ConfigError, match="Exec format error"):
        ExecTickets(plugin, ConnectionSettings()).current()


def test_a_plugin_does_not_show_its_arguments_and_environment(world: World) -> None:
    plugin = world.plugin(args=[CANARY], env=[{"name": "A", "value": CANARY}])
    assert CANARY not in repr(plugin)
