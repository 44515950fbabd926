"""Broken renderers, each a few lines over one that renders a JSON file as an object."""
# ruff: noqa: RUF012  # why: the contract declares these attributes as class variables

import contextlib
import itertools
import json

import attrs
from killing import Catalogue

from gitops_core.errors import DuplicateResource, ManifestError
from gitops_core.interfaces import Renderer
from gitops_core.model.resources import Origin, Resource
from gitops_core.testing.contexts import make_context
from gitops_core.testing.renderer_contract import CANARY, RendererContract

SITE = {"kind": "ConfigMap", "metadata": {"name": "site"}, "data": {"greeting": "a-rather-long-word-of-24"}}
OTHER = {"kind": "ConfigMap", "metadata": {"name": "other"}, "data": {"a": "b"}}


def manifest(body):
    return json.dumps(body).encode()


class Correct(Renderer):
    """One object for each file; correct."""

    def __init__(self, suffix=".json"):
        self.suffix = suffix

    @property
    def fingerprint(self):
        return f"json:1:{self.suffix}"

    def paths(self, tree):
        return sorted(path for path in tree.files if path.endswith(self.suffix))

    def render(self, ctx, tree):
        seen = {}
        for path in self.paths(tree):
            ctx.check()
            resource = self.resource(ctx, tree, path)
            if resource.key in seen:
                raise DuplicateResource(f"declared in {seen[resource.key]}, too", key=resource.key, origin=resource.origin)
            seen[resource.key] = path
            yield resource

    def resource(self, ctx, tree, path):
        return Resource.of(self.body(tree, path), self.origin(tree, path), salt=ctx.salt)

    def origin(self, tree, path):
        return Origin(source=tree.revision.source, path=path, line=1)

    def body(self, tree, path):
        body = None
        with contextlib.suppress(ValueError):
            body = json.loads(tree.read(tree.files[path]))
        if body is None:
            raise ManifestError("this is no JSON", origin=self.origin(tree, path))
        return body


def suite(make):
    """Return the contract filled in for *make*'s renderers."""

    class Suite(RendererContract):
        files = {"site.json": manifest(SITE), "other.json": manifest(OTHER), "notes.txt": b"kept for later"}
        broken = {"broken.json": b'{"kind": '}
        duplicate = {"twin.json": manifest(SITE)}
        secret = {"secret.json": f'{{"token": "{CANARY}"'.encode()}

        def make_renderer(self):
            return make()

        def make_other_renderer(self):
            return make(".txt")

    return Suite


RENDERERS = Catalogue(suite)


@RENDERERS.mutant("renderer", "test_renders_what_is_declared")
class FirstOnly(Correct):
    """It renders the first file only."""

    def paths(self, tree):
        return super().paths(tree)[:1]


@RENDERERS.mutant("renderer", "test_renders_the_same_twice")
class Stamps(Correct):
    """It stamps every object with a number."""

    numbers = itertools.count()

    def body(self, tree, path):
        return {**super().body(tree, path), "stamp": next(self.numbers)}


@RENDERERS.mutant("renderer", "test_order_of_the_listing_does_not_matter")
class NumbersByListing(Correct):
    """It numbers objects in the order of the listing."""

    def body(self, tree, path):
        return {**super().body(tree, path), "number": list(tree.files).index(path)}


@RENDERERS.mutant("renderer", "test_every_resource_has_an_origin")
class FromNowhere(Correct):
    """Its origins name no source."""

    def origin(self, tree, path):
        return Origin(path=path)


@RENDERERS.mutant("renderer", "test_bodies_are_frozen_and_match")
class DigestOfAnother(Correct):
    """It shows another body than the one that was digested."""

    def resource(self, ctx, tree, path):
        real = super().resource(ctx, tree, path)
        return attrs.evolve(real, digest=real.digest[::-1])


@RENDERERS.mutant("renderer", "test_salt_keys_the_digests")
class RemembersDigests(Correct):
    """It remembers resources by content alone, with the last salt it saw."""

    def render(self, ctx, tree):
        fresh = list(super().render(ctx, tree))
        before = getattr(self, "before", None)
        self.before = (ctx.salt, fresh)
        return fresh if before is None or before[0] == ctx.salt else before[1]

    def resource(self, ctx, tree, path):
        return Resource.of({**self.body(tree, path), "salt": ctx.salt.hex()}, self.origin(tree, path), salt=ctx.salt)


@RENDERERS.mutant("renderer", "test_does_not_change_the_tree")
class TidiesTheTree(Correct):
    """It takes what it cannot render out of the listing."""

    def paths(self, tree):
        wanted = super().paths(tree)
        for path in set(tree.files) - set(wanted):
            del tree.files[path]
        return wanted


@RENDERERS.mutant("renderer", "test_empty_tree_has_no_resources")
class AlwaysSomething(Correct):
    """It adds an object of its own."""

    def render(self, ctx, tree):
        yield from super().render(ctx, tree)
        yield Resource.of({**OTHER, "metadata": {"name": "extra"}}, self.origin(tree, next(iter(tree.files), "")), salt=ctx.salt)


@RENDERERS.mutant("renderer", "test_fingerprint_is_stable")
class FingerprintOfTheObject(Correct):
    """Its fingerprint is another one for each instance."""

    @property
    def fingerprint(self):
        return f"json:{id(self)}"


@RENDERERS.mutant("renderer", "test_fingerprint_shows_the_options")
class FingerprintOfTheClass(Correct):
    """Its fingerprint leaves the options out."""

    fingerprint = "json:1"


@RENDERERS.mutant("renderer", "test_broken_file_fails_the_whole_render")
class SkipsTheBroken(Correct):
    """It leaves out what it cannot read."""

    def paths(self, tree):
        return [path for path in super().paths(tree) if self.reads(tree, path)]

    def reads(self, tree, path):
        try:
            self.body(tree, path)
        except ManifestError:
            return False
        return True


@RENDERERS.mutant("renderer", "test_recovers_from_a_broken_file")
class RemembersTheHalf(Correct):
    """After a failure it yields what it had got so far."""

    def render(self, ctx, tree):
        if getattr(self, "half", None) is not None:
            return self.half
        found = []
        try:
            found.extend(super().render(ctx, tree))
        except ManifestError:
            self.half = []
            raise
        return found


@RENDERERS.mutant("renderer", "test_duplicate_is_refused")
class LastWins(Correct):
    """Of two declarations of one object the last one wins."""

    def render(self, ctx, tree):
        ctx.check()
        return {r.key: r for r in (self.resource(ctx, tree, path) for path in self.paths(tree))}.values()


@RENDERERS.mutant("renderer", "test_secret_is_in_no_error")
class QuotesTheInput(Correct):
    """Its error quotes the file."""

    def body(self, tree, path):
        text = tree.read(tree.files[path]).decode()
        try:
            return json.loads(text)
        except ValueError:
            raise ManifestError(f"this is no JSON: {text}", origin=self.origin(tree, path)) from None


@RENDERERS.mutant("renderer", "test_secret_is_in_no_error")
class CausedByTheParser(Correct):
    """The cause of its error holds the file."""

    def body(self, tree, path):
        try:
            return json.loads(tree.read(tree.files[path]))
        except ValueError as error:
            raise ManifestError("this is no JSON", origin=self.origin(tree, path)) from error


@RENDERERS.mutant("renderer", "test_secret_is_in_no_repr_and_no_memo")
class MemoOfBodies(Correct):
    """It puts bodies into the memo."""

    def body(self, tree, path):
        self.ctx.memo.put("bodies", tree.files[path].digest, tree.read(tree.files[path]))
        return super().body(tree, path)

    def render(self, ctx, tree):
        self.ctx = ctx
        return super().render(ctx, tree)


@RENDERERS.mutant("renderer", "test_cancel_is_honoured")
class DeafToCancel(Correct):
    """It does not look whether it should stop."""

    def render(self, ctx, tree):
        return super().render(make_context(salt=ctx.salt, memo=ctx.memo), tree)
