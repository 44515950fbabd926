"""What a delivery says: which repository, and which of its refs changed."""

from __future__ import annotations

import enum

import attrs


class Kind(enum.StrEnum):
    """Who sends: each has its own headers, its own proof and its own document."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    BITBUCKET = "bitbucket"
    GENERIC = "generic"


@attrs.frozen
class RefChange:
    """
    One ref that was pushed.

    Attributes:
        ref: Full name, such as ``refs/heads/main``.
        before: Commit id; empty when the ref is new, or the sender does not say.
        after: Commit id; empty when the ref is gone, or the sender does not say.
        created: It is new.
        deleted: It is gone.
    """

    ref: str
    before: str = ""
    after: str = ""
    created: bool = False
    deleted: bool = False

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag."""
        return self.ref.startswith("refs/tags/")


@attrs.frozen
class Push:
    """
    What a delivery says.

    Attributes:
        kind: Who sent it.
        event: As the sender calls it; empty when it has no word for it.
        delivery: The sender's id of the delivery, for logs; empty when there is none. Only signed for GitLab's signing tokens and
            for ``generic``.
        repositories: Every URL of the repository that the document has; without credentials.
        changes: The refs.
        complete: False when the sender left refs out.
        replay_key: Under which :class:`~gitops_core.webhooks.deliveries.Deliveries` knows it.
    """

    kind: Kind
    event: str = ""
    delivery: str = ""
    repositories: tuple[str, ...] = ()
    changes: tuple[RefChange, ...] = ()
    complete: bool = True
    replay_key: str = attrs.field(default="", repr=False)

    @property
    def is_ignored(self) -> bool:
        """Whether it says nothing about refs: a ping, or an event other than a push."""
        return not self.refs

    @property
    def refs(self) -> tuple[str, ...]:
        """Full names of the refs; one empty name, "something", when the sender left some out."""
        return tuple(dict.fromkeys(change.ref for change in self.changes)) if self.complete else ("",)
