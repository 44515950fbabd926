"""What each forge's document says about refs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from gitops_core.errors import WebhookRefused
from gitops_core.webhooks.documents import Document, as_text, without_credentials
from gitops_core.webhooks.pushes import Kind, RefChange

Said = tuple[tuple[str, ...], tuple[RefChange, ...], bool]
"""URLs of the repository, the refs, and whether these are all."""

NOTHING: Final[Said] = ((), (), True)


def _urls(texts: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(without_credentials(text) for text in texts if text))
    if not found:
        raise WebhookRefused("the document names no URL of the repository; is this the right kind of webhook?", status=400)
    return found


def _change(ref: str, before: str, after: str) -> RefChange:
    """Return the change of *ref*; an id of zeros stands for none (as in Git's own hooks)."""
    if not ref.startswith("refs/"):
        raise WebhookRefused("a ref is not a full name such as refs/heads/main; is this the right kind of webhook?", status=400)
    old, new = before.strip("0") and before, after.strip("0") and after
    return RefChange(ref, old, new, created=bool(before and not old), deleted=bool(after and not new))


def _plain(document: Document) -> RefChange:
    return _change(document.required("ref"), document.required("before"), document.required("after"))


def github(event: str, document: Document) -> Said:
    """Read GitHub's, Gitea's or Forgejo's: one ref a push."""
    if event != "push":
        return NOTHING
    repository = document.inner("repository")
    return _urls(repository.text(name) for name in ("clone_url", "ssh_url", "git_url", "html_url")), (_plain(document),), True


def gitlab(_event: str, document: Document) -> Said:
    """Read GitLab's: one ref a push, or several from a system hook (``repository_update``). The header of a system hook says neither."""
    what = document.text("object_kind") or document.text("event_name")
    if what in {"push", "tag_push"}:
        changes: tuple[RefChange, ...] = (_plain(document),)
    elif what == "repository_update":
        changes = tuple(_plain(change) for change in document.each("changes"))
    else:
        return NOTHING
    project, repository = document.inner("project"), document.inner("repository")
    names = ("git_http_url", "git_ssh_url", "http_url", "ssh_url", "web_url", "homepage")
    return _urls(place.text(name) for place in (project, repository) for name in names), changes, True


def bitbucket(event: str, document: Document) -> Said:
    """Read that of Bitbucket Cloud (``repo:push``) or Data Center (``repo:refs_changed``, and a mirror that has caught up)."""
    repository = document.inner("repository")
    if event == "repo:push":
        changes = tuple(_cloud(change) for change in document.inner("push").each("changes"))
        return _urls(_links(repository.inner("links"))), changes, True
    if event in {"repo:refs_changed", "mirror:repo_synchronized"}:
        changes = tuple(_center(change) for change in document.each("changes"))
        return _urls(_links(repository.inner("links"))), changes, not document.flag("refLimitExceeded")
    return NOTHING


def _links(links: Document) -> Iterator[str]:
    """Yield the URLs for cloning and reading: a list in Data Center, an object in Cloud."""
    for name in ("clone", "html", "self"):
        if isinstance(links.fields.get(name), list):
            yield from (link.text("href") for link in links.each(name))
        elif name != "self":  # Cloud's is the address of its API
            yield links.inner(name).text("href")


def _cloud(change: Document) -> RefChange:
    """Read one change: ``old`` is null for a new ref, ``new`` for one that is gone."""
    old, new = change.inner("old"), change.inner("new")
    shown = new if new.fields else old
    folder = "tags" if shown.required("type") == "tag" else "heads"
    ids = (side.inner("target").required("hash") if side.fields else "0" for side in (old, new))
    return _change(f"refs/{folder}/{shown.required('name')}", *ids)


def _center(change: Document) -> RefChange:
    return _change(change.inner("ref").required("id"), change.required("fromHash"), change.required("toHash"))


def generic(_event: str, document: Document) -> Said:
    """Read ours: ``repository`` (a URL or several) and ``refs`` (full names, or objects with ``ref``, ``before``, ``after``)."""
    repository = document.fields.get("repository")
    several = repository if isinstance(repository, list) else [repository]
    urls = _urls(as_text(url, "repository") for url in several)
    changes = []
    for index, item in enumerate(document.items("refs")):
        if isinstance(item, dict):
            change = Document(item, f"refs[{index}].")
            changes.append(_change(change.required("ref"), change.text("before"), change.text("after")))
        else:
            changes.append(_change(as_text(item, f"refs[{index}]"), "", ""))
    return urls, tuple(changes), bool(changes)


READERS: Final[dict[Kind, Callable[[str, Document], Said]]] = {
    Kind.GITHUB: github,
    Kind.GITLAB: gitlab,
    Kind.GITEA: github,
    Kind.FORGEJO: github,
    Kind.BITBUCKET: bitbucket,
    Kind.GENERIC: generic,
}
