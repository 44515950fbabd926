"""Every target of this library keeps the promises of the target contract."""

import shutil
import time
from pathlib import Path

import pytest
import yaml

from gitops_core.errors import Transient
from gitops_core.model.values import thaw
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.directory.bodies import encode
from gitops_core.targets.directory.paths import path_of
from gitops_core.targets.memory import MemoryTarget
from gitops_core.targets.router import Route, RouterTarget
from gitops_core.testing.target_contract import Example, TargetContract


def config_map(data, namespace="shop", name="site", kind="ConfigMap"):
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": data}


def manifests():
    body = config_map({"a": "1", "b": "2", "text": "t"})
    edited = config_map({"a": "10", "b": "20", "text": "t"})
    reduced = config_map({"a": "1", "text": "t"})
    other = config_map({"a": "1"}, namespace="prod")
    third = config_map({"a": "1"}, kind="Settings")
    return [Example(body, edited, reduced=reduced), Example(other, config_map({"a": "2"}, namespace="prod")), Example(third)]


def fail(*args, **kwargs):
    raise Transient("the API is down")


def lose_reply_of(target, method="create"):
    real = getattr(target, method)

    def lost(*args):
        real(*args)
        delattr(target, method)
        raise Transient("no reply")

    setattr(target, method, lost)


class TestMemoryTarget(TargetContract):
    text_pointer = "/data/text"
    undeclared = ("/data/theirs", "x")

    def make_target(self):
        return MemoryTarget()

    def examples(self):
        return manifests()

    def external_edit(self, target, key, body):
        target.put(body)

    def external_remove(self, target, key):
        target.remove(key)

    def api_reads(self, target):
        return [(target, "_select")]

    def api_writes(self, target):
        return [(target, "create"), (target, "update"), (target, "delete")]

    def writes(self, target):
        return target.snapshot().generation


class DirectoryContract(TargetContract):
    owns_whole_object = True

    @pytest.fixture(autouse=True, params=["racy", "settled"])
    def time_of_day(self, request):
        self.later = 0 if request.param == "racy" else 3600 * 10**9

    @pytest.fixture(autouse=True)
    def unlock(self):
        yield
        for path in self.tmp_path.rglob("*"):
            path.chmod(0o700)

    def make_target(self):
        self.roots = getattr(self, "roots", 0) + 1
        target = DirectoryTarget(self.tmp_path / f"root-{self.roots}", durable=False)
        target._now = lambda: time.time_ns() + self.later
        return target

    def path(self, target, key):
        return Path(target._root, *path_of(key))

    def external_remove(self, target, key):
        self.path(target, key).unlink()

    def break_reads(self, target):
        shutil.rmtree(target._root)
        Path(target._root).write_text("not a directory")

    def break_writes(self, target):
        target._walk = fail

    def lose_next_reply(self, target):
        lose_reply_of(target)

    def writes(self, target):
        found = Path(target._root).rglob("*")
        return sorted((str(path), path.lstat().st_ctime_ns) for path in found if not path.is_dir())


class TestManifestsInADirectory(DirectoryContract):
    text_pointer = "/data/text"
    undeclared = ("/data/theirs", "x")

    def examples(self):
        return manifests()

    def external_edit(self, target, key, body):
        self.path(target, key).write_text(yaml.safe_dump(thaw(body)))


def file(name, spec):
    return {"kind": "File", "metadata": {"name": name}, "spec": spec}


class TestFilesInADirectory(DirectoryContract):
    text_pointer = "/spec/content"
    undeclared = None

    def examples(self):
        body = file("etc/motd", {"content": "hello\n", "mode": "0644"})
        spellings = [
            {
                "apiVersion": "files/v1",
                "kind": "File",
                "metadata": {"name": "x"},
                "spec": {"path": "etc/motd", "content": "hello\n"},
            },
            {**file("etc/motd", {"base64": "aGVsbG8K", "mode": 0o644}), "metadata": {"name": "etc/motd", "labels": {"a": "b"}}},
        ]
        binary = file("bin/data", {"base64": "AP+A"})
        return [
            Example(
                body,
                file("etc/motd", {"content": "bye\n", "mode": "0600"}),
                spellings=spellings,
                reduced=file("etc/motd", {"content": "hello\n"}),
            ),
            Example(binary, file("bin/data", {"base64": "/w==", "mode": "0755"})),
        ]

    def external_edit(self, target, key, body):
        content = encode(key, body)
        self.path(target, key).write_bytes(content.data)
        self.path(target, key).chmod(content.mode)


class TestRouterTarget(TestMemoryTarget):
    """Two memories behind a router, one kind in a third: the promises are those of the members."""

    def make_target(self):
        self.parts = [MemoryTarget("prod"), MemoryTarget("settings"), MemoryTarget("rest")]
        prod, settings, rest = self.parts
        return RouterTarget([Route(prod, namespaces={"prod"}), Route(settings, kinds={"Set*"}), Route(rest)])

    def external_edit(self, target, key, body):
        target.member(key).put(body)

    def external_remove(self, target, key):
        target.member(key).remove(key)

    page_size = 400  # one read for each member, whatever it holds

    def api_reads(self, target):
        return [(part, "_select") for part in self.parts]

    def api_writes(self, target):
        return [(part, name) for part in self.parts for name in ("create", "update", "delete")]

    def writes(self, target):
        return [part.snapshot().generation for part in self.parts]
